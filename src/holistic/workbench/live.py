"""Removes units on request and measures what every class loses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from holistic.errors import SettingError
from holistic.graph.edits import edit_class
from holistic.graph.engine import Stage
from holistic.graph.loops import ablation_value, batches, replacing, replays, run_from
from holistic.graph.sites import Site
from holistic.lenses._pictures import drawn_as_pictures, pictures
from holistic.replacing.controls import few_sets, random_sets
from holistic.report.embedded import sheet
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.workbench.guard import SECONDS
from holistic.workbench.inputs import form_of
from holistic.workbench.losses import CHANGED, describe_losses

__all__ = ["Live", "Removal", "Superseded", "within"]

T = TypeVar("T")
_FIRST = 1000
_AT_ONCE = 0.05
"""Seconds: where all evaluation examples take no longer, they answer first questions, too."""
_KEPT_BYTES = 512 << 20
_MOST_CELLS = 1 << 20
"""Cells of confusion matrices in the answers that are kept: some ten megabytes."""
_WARMING = 3e10
"""Operations that may be spent before the first question is asked: about a second."""
_CONTROLS = 200
_LEAST_CONTROLS = 20
_CONTROL_SECONDS = 5.0
"""What more random sets than the fewest may take."""
_THOROUGH_SECONDS = 60.0
"""The same, where the answer is kept."""


class Superseded(Exception):
    """A newer request of the same session makes this one's answer worthless."""


@dataclass(frozen=True)
class Removal:
    """Units that are removed together.

    Attributes
    ----------
    units
        By site, indices of units, each once.
    edit
        What they hold instead.
    examples
        `first`, a stratified thousand of the evaluation examples (all of them where those sites
        answered fast enough before), or `all`.
    controls
        Random sets of as many units of the same sites that it is compared with; fewer, but 20 at
        least, where so many would take more than some seconds.
    """

    units: Mapping[str, tuple[int, ...]]
    edit: str = "mean"
    examples: str = "all"
    controls: int = 0

    @classmethod
    def read(cls, asked: Any, subject: Subject) -> Removal:
        """Read what a page asks for.

        Raises
        ------
        HolisticError
            If it isn't such a request, or names what the model doesn't have.
        """
        if not isinstance(asked, dict) or not isinstance(asked.get("units"), list):
            raise SettingError("a removal needs 'units', pairs of a site's name and a unit")
        chosen: dict[str, set[int]] = {}
        for pair in asked["units"]:
            if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
                raise SettingError("'units' are pairs of a site's name and a unit")
            if type(pair[1]) is not int:
                raise SettingError("a unit is a whole number")
            chosen.setdefault(subject.site(pair[0]).name, set()).add(pair[1])
        units = {
            name: subject.site(name).checked_units(sorted(some)) for name, some in chosen.items()
        }
        edit, examples = str(asked.get("edit", "mean")), asked.get("examples", "all")
        edit_class(edit)
        controls = asked.get("controls", 0)
        if examples not in ("first", "all"):
            raise SettingError("'examples' is 'first' or 'all'")
        if type(controls) is not int or not 0 <= controls <= _CONTROLS:
            raise SettingError(f"'controls' is a number from 0 to {_CONTROLS}")
        return cls(units, edit, examples, controls)


@dataclass(frozen=True, eq=False)
class _Intact:
    """A batch without any edit: predictions `[B]`, and what a site holds, `[B, P…, U]`."""

    site: str
    start: int
    value: Tensor
    predicted: np.ndarray


def within(seconds: float) -> Callable[[], None]:
    """Return what raises a `SettingError` once so many seconds have passed."""
    end = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > end:
            raise SettingError(
                f"no answer within {seconds:.0f} s: remove units of one site at a time, or audit "
                "fewer examples"
            )

    return check


class Live:
    """A model under study that answers one question after another, newest first.

    Parameters
    ----------
    subject
        The model with its data; its evaluation examples are what is measured on.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.busy = threading.Lock()
        """Held by whatever computes: hooks of two threads would meet in one model."""
        self._newest: dict[str, int] = {}
        self._stages: dict[tuple[str, str, str], list[Any]] = {}
        """Stages, and runs without any edit; latest used last."""
        self._answers: dict[tuple[object, ...], dict[str, Any]] = {}
        self._seconds: dict[tuple[str, ...], float] = {}
        """What an example took when units of these sites were last removed."""
        self._whole = subject.evaluation
        self._first = self._whole.sample(_FIRST, seed=subject.seed)

    @cached_property
    def form(self) -> dict[str, Any]:
        """What a form for an input needs."""
        return form_of(self.subject)

    def warm(self) -> None:
        """Prepare the sites for first questions, unless the model takes long for its data."""
        sites, engine = self.subject.hidden_sites, self.subject.engine
        rows = len(self.subject.selection) + len(self._first)
        if rows * len(sites) * engine.row_operations(self.subject.all_sites[0]) > _WARMING:
            return
        for site in sites:
            for _ in range(3):  # prepares a thousand, is timed, prepares all where that was fast
                self.remove(Removal({site.name: (0,)}, examples="first"))

    def ask(self, session: str, number: int) -> Callable[[], None]:
        """Note a request, and return what raises `Superseded` once a newer one has been noted.

        Where the answer isn't found in time, it raises a `SettingError`.
        """
        self._newest[session] = max(number, self._newest.get(session, number))
        while len(self._newest) > 256:
            self._newest.pop(next(iter(self._newest)))

        in_time = within(SECONDS)

        def check() -> None:
            if self._newest.get(session, number) > number:
                raise Superseded
            in_time()

        return check

    def remove(
        self,
        removal: Removal,
        check: Callable[[], None] = lambda: None,
        *,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Remove units on the evaluation examples and say what each class loses.

        Parameters
        ----------
        removal
            What is removed, and on which examples.
        check
            Called between batches; what it raises ends the work.
        seconds
            What more random sets than the fewest may take; five by default.

        Returns
        -------
        dict
            `classes`: for each class its n, accuracy before and after with their 95 % intervals
            (Wilson), the drop with its own (Tango, paired) and, where asked for, the mean drop over
            random sets, the range that holds 95 % of them, `p`, the share of sets that drop as
            much, (1 + b) / (1 + B), and `q` among the classes (Benjamini-Hochberg); `every`,
            whether there are no more such sets; `confusion` and `intact`: examples by class and
            prediction `[C][C]` without the units and with them; `changed`: some examples whose
            prediction changes; `n` and `whole`, whether they are all evaluation examples.
        """
        with self.busy, torch.no_grad():
            check()
            sets = [removal.units, *self._random_sets(removal, seconds)]
            examples = self._examples(removal)
            start = time.perf_counter()
            parts = list(self._predictions(removal, sets, examples, check))
            taken = time.perf_counter() - start
            self._seconds[tuple(removal.units)] = taken / (len(sets) * max(1, len(examples)))
        before = np.concatenate([part[0] for part in parts])  # [N]
        after = np.concatenate([part[1] for part in parts], 1)  # [1 + R, N]
        return {
            **describe_losses(examples, self.subject.classes, before, after),
            "every": self._every(removal, len(sets) - 1),
            "whole": len(examples) == len(self._whole),
        }

    def answered(self, removal: Removal, check: Callable[[], None]) -> dict[str, Any]:
        """Remove units, or repeat what was told of the very same removal before."""
        part, sets = self._part(self._examples(removal)), self._affordable(removal)
        units = frozenset((name, some) for name, some in removal.units.items())
        key = (units, removal.edit, part, sets)
        check()
        found = self._answers.pop(key, None) or self.remove(removal, check)
        self._answers[key] = found
        while len(self._answers) * len(self.subject.classes) ** 2 > _MOST_CELLS:
            del self._answers[next(iter(self._answers))]
        return found

    def remove_thoroughly(self, removal: Removal, check: Callable[[], None]) -> dict[str, Any]:
        """Remove units beside 200 random sets, or as many as a minute allows, to keep the answer.

        How many that are isn't known before these units were removed once.
        """
        self.remove(replace(removal, controls=0), check)
        thorough = replace(removal, controls=_CONTROLS)
        return self.remove(thorough, check, seconds=_THOROUGH_SECONDS)

    def _examples(self, removal: Removal) -> Examples:
        each = self._seconds.get(tuple(removal.units), float("inf"))
        fast = each * len(self._whole) * (1 + removal.controls) <= _AT_ONCE
        return self._first if removal.examples == "first" and not fast else self._whole

    def pictures(self, examples: Sequence[int]) -> dict[str, Any]:
        """Draw examples side by side.

        Returns
        -------
        dict
            `sheet`, a PNG as a data URI, and `height` and `width` of one; a `sheet` of None where
            inputs aren't pictures.

        Raises
        ------
        SettingError
            If there is no such example.
        """
        images = self.subject.images
        if not 0 < len(examples) <= CHANGED or not all(0 <= i < len(images) for i in examples):
            raise SettingError(f"'examples' are 1 to {CHANGED} places in the data")
        if not drawn_as_pictures(self.subject):
            return {"sheet": None}
        drawn = pictures(images[torch.tensor(list(examples))], images)
        _, height, width = drawn.shape[:3]
        return {"sheet": sheet(drawn, len(drawn)), "height": height, "width": width}

    def _affordable(self, removal: Removal, seconds: float | None = None) -> int:
        """How many random sets there is time for, as far as it is known."""
        each = self._seconds.get(tuple(removal.units), float("inf")) * len(self._examples(removal))
        seconds = _CONTROL_SECONDS if seconds is None else seconds
        return min(removal.controls, max(_LEAST_CONTROLS, int(seconds / max(each, 1e-9))))

    def _every(self, removal: Removal, drawn: int) -> bool:
        """Whether so many random sets are all that there are beside the one that is removed."""
        sizes = {name: len(some) for name, some in removal.units.items()}
        asked = bool(removal.units) and removal.controls > 0
        return asked and few_sets(sizes, self.subject.site, max(drawn, 0))

    def _random_sets(
        self, removal: Removal, seconds: float | None = None
    ) -> list[dict[str, tuple[int, ...]]]:
        """Draw as many units of the same sites, the same ones for the same question."""
        count = self._affordable(removal, seconds)
        return random_sets(removal.units, self.subject.site, count, self.subject.seed)

    def _predictions(
        self,
        removal: Removal,
        sets: Sequence[Mapping[str, tuple[int, ...]]],
        examples: Examples,
        check: Callable[[], None],
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Predictions before `[B]` and after each set `[G, B]`, batch by batch."""
        names = [name for name, units in removal.units.items() if units]
        if len(names) == 1:
            site = self.subject.site(names[0])
            masks = torch.zeros(len(sets), site.units, dtype=torch.bool)
            for mask, chosen in zip(masks, sets, strict=True):
                mask[list(chosen[site.name])] = True
            for stage in self._staged(site.name, removal, examples):
                after = list[Tensor]()
                for _, logits in stage.sets(masks):
                    check()
                    after.append(_predicted(logits))
                yield _predicted(stage.base).cpu().numpy(), torch.cat(after).cpu().numpy()
            return
        sites = sorted(map(self.subject.site, names), key=lambda site: site.depth)
        for run in self._intact(sites or self.subject.hidden_sites, examples):
            images = examples.images[run.start : run.start + len(run.value)]
            new = {
                s.name: ablation_value(self.subject, s, removal.edit, images, run.start)
                for s in sites
            }
            after = list[np.ndarray]()
            for chosen in sets if sites else ():
                check()
                changes = {n: replacing(chosen[n], new[n]) for n in names}
                known = run.site, run.value
                logits = run_from(self.subject.engine, images, known, changes)
                after.append(_predicted(logits).cpu().numpy())
            yield run.predicted, np.stack(after or [run.predicted])

    def _staged(self, name: str, removal: Removal, examples: Examples) -> Iterator[Stage]:
        """Stages of one site, where nothing before it is computed again."""
        site = self.subject.site(name)

        def made() -> Iterator[Stage]:
            whole = examples.images
            for batch in replays(self.subject, site, whole, removal.edit, most=len(examples)):
                yield batch.stage

        return self._kept((name, removal.edit, self._part(examples)), made())

    def _intact(self, sites: Sequence[Site], examples: Examples) -> Iterator[_Intact]:
        """Unedited runs, with what the first of the sites holds in them."""
        size = self.subject.engine.batch_rows(sites)

        def made() -> Iterator[_Intact]:
            name = sites[0].name
            for rows in batches(len(examples), size):
                logits, values = self.subject.engine.run(examples.images[rows], [name])
                yield _Intact(name, rows.start, values[name], _predicted(logits).cpu().numpy())

        return self._kept((sites[0].name, str(size), self._part(examples)), made())

    def _part(self, examples: Examples) -> str:
        return "all" if examples is self._whole else "first"

    def _kept(self, key: tuple[str, str, str], made: Iterator[T]) -> Iterator[T]:
        """What was made for an earlier question, or is made now; kept as far as it fits."""
        if key in self._stages:
            self._stages[key] = self._stages.pop(key)
            yield from self._stages[key]
            return
        kept, total = list[T](), 0
        for one in made:
            yield one
            total += _bytes_of([one])
            kept = [*kept, one] if total <= _KEPT_BYTES else []
        if total <= _KEPT_BYTES:
            self._stages[key] = kept
        while sum(map(_bytes_of, self._stages.values())) > _KEPT_BYTES:
            del self._stages[next(iter(self._stages))]


def _predicted(logits: Tensor) -> Tensor:
    """Predictions of logits `[…, C]`; the largest of what isn't a number would be the first."""
    if logits.isnan().any():
        raise SettingError(
            "without these units, or as many random ones, the model's logits aren't numbers (NaN); "
            "choose other units, or another ablation value"
        )
    return logits.argmax(-1)


def _bytes_of(kept: Sequence[object]) -> int:
    """Bytes of the unedited values that stages or runs hold."""
    runs = sum(one.value.nbytes for one in kept if isinstance(one, _Intact))
    return runs + sum(v.nbytes for one in kept for v in getattr(one, "known", {}).values())
