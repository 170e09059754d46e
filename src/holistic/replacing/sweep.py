"""Replaces every unit, one at a time, and measures what each class loses, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from holistic.arguments import check_subject, whole
from holistic.errors import ModelError, SettingError, explain_memory_errors
from holistic.graph.edits import EditKind, checked_kind
from holistic.graph.engine import Stage
from holistic.graph.loops import ablation_values, batches, single_edits
from holistic.graph.sites import Site
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.pieces import kept
from holistic.progress import Progress, silent
from holistic.replacing.effects import effect_table
from holistic.results.site_names import SiteNames
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.stats.tests import mcnemar
from holistic.study.scores import Score, resolution, score
from holistic.study.subject import Subject

__all__ = [
    "Pass",
    "Tally",
    "effects_by_example",
    "sweep",
    "table_of",
    "tallies",
]

_MOST_DRAWS = 10_000


@dataclass(frozen=True)
class Tally:
    """What replacing single units of one site did to the examples of each class.

    Tallies merge by example, so batches can be taken in turn.

    Attributes
    ----------
    effects
        Their effects, one for each score, `[S, U, C]`.
    lost, gained
        Examples that turned wrong, and right, `[U, C]`.
    """

    effects: Means
    lost: np.ndarray
    gained: np.ndarray

    def merge(self, other: Tally) -> Tally:
        """Combine with the tally of other examples."""
        flips = self.lost + other.lost, self.gained + other.gained
        return Tally(self.effects.merge(other.effects), *flips)

    def with_all(self) -> Tally:
        """Append the column of all classes together: `C + 1` columns."""
        flips = (
            np.append(each, each.sum(-1, keepdims=True), -1) for each in (self.lost, self.gained)
        )
        return Tally(self.effects.with_total(), *flips)


@dataclass(frozen=True)
class Pass:
    """One way through a split: which units are replaced by what, on which examples.

    Attributes
    ----------
    sites
        The sites, from input to logits.
    edit
        What replaced units hold: a registered name, a class, or a function of the site's value.
    split
        The examples: `selection` for choosing units, `evaluation` for reporting.
    draws
        How often a random edit draws.
    scores
        What effects are measured in; the subject's own score by default.
    rows
        Places in the split, `[N]`; all of them by default.
    units
        By site, the units that are replaced; all of them by default.
    """

    sites: Sequence[Site]
    edit: EditKind = "mean"
    split: Literal["evaluation", "selection"] = "evaluation"
    draws: int = 8
    scores: Sequence[Score] = ()
    rows: Tensor | None = None
    units: Mapping[str, Tensor] | None = None

    def __post_init__(self) -> None:
        """Check the edit.

        Raises
        ------
        SettingError
            If there is no such edit.
        """
        checked_kind(self.edit)

    def examples(self, subject: Subject) -> tuple[Tensor, Tensor, Tensor]:
        """Images, labels and places in the split `[N]` of the examples that are replayed."""
        part = subject.evaluation if self.split == "evaluation" else subject.selection
        rows = torch.arange(len(part)) if self.rows is None else self.rows
        if self.rows is None:
            return part.images, part.labels, rows
        return part.images[rows], part.labels[rows], rows


@named
@explain_memory_errors()
@settled(gradients=True)
def sweep(
    subject: Subject,
    sites: str | Sequence[str] | None = None,
    edit: EditKind = "mean",
    *,
    split: Literal["evaluation", "selection"] = "evaluation",
    draws: int = 8,
    progress: Progress = silent,
) -> Table:
    """Replace every unit, one at a time, and measure what each class loses, exactly.

    Parameters
    ----------
    subject
        The model under study.
    sites
        Names of the sites; the hidden sites by default.
    edit
        `mean` (class-balanced mean over the selection split), `zero`, `resample` (values of
        random examples of the selection split, the effect averaged over draws), or `optimal`
        (the constant that keeps the expected loss smallest, see `holistic.study.optimal`). Or an
        edit of your own: a class derived from `holistic.Edit`, its name, or a function of the
        site's value `[B, P…, U]`.
    split
        The examples that are replayed: `selection` for choosing units, `evaluation` for reporting.
    draws
        Draws of a random edit, such as `resample`.
    progress
        Called with the number of units done and in all.

    Returns
    -------
    Table
        `UnitEffect` rows, one per site, unit and class, and class `all`.

    Raises
    ------
    SiteError
        If the model has no such site.
    SettingError
        If there is no such edit or split.
    ModelError
        If a site holds NaN or infinite values.
    """
    checked_kind(edit)
    if split not in ("evaluation", "selection"):
        raise SettingError(f"no split {split!r}; there are 'selection', 'evaluation'")
    draws = whole(draws, "draws", 1, _MOST_DRAWS)
    check_subject(subject)
    chosen = subject.chosen_sites(sites)
    found = table_of(subject, Pass(chosen, edit, split, draws), progress=progress)
    return replace(found, names_of_sites=lambda: SiteNames.read(subject.sites).typed)


def table_of(subject: Subject, run: Pass, *, progress: Progress = silent) -> Table:
    """Go through a split and write down `UnitEffect` rows, with the first of its scores."""
    found = [one.with_all() for one in tallies(subject, run, progress=progress)]
    return _table(subject, run, found)


def tallies(subject: Subject, run: Pass, *, progress: Progress = silent) -> list[Tally]:
    """Replace units, one at a time, on examples of a split: one tally for each site.

    Sites of one batch share the values of its unedited run.
    """
    found: dict[str, Tally] = {}
    for batch, site in _stages(subject, run, progress):
        tally = batch.tally(site)
        found[site.name] = found[site.name].merge(tally) if site.name in found else tally
    return [found[site.name] for site in run.sites]


@settled(gradients=True)
def effects_by_example(subject: Subject, run: Pass) -> Iterator[tuple[Site, Tensor, Tensor]]:
    """Replace units, one at a time: places `[B]` in the split, and effects on them `[U, B]`.

    Batch by batch, and in each from input to logits, in the first of the pass's scores.
    """
    for batch, site in _stages(subject, run, silent):
        yield site, batch.places, batch.effects(site)[0][0]


def _stages(subject: Subject, run: Pass, progress: Progress) -> Iterator[tuple[_Batch, Site]]:
    """Every batch with every site, from input to logits."""
    images, labels, places = run.examples(subject)
    size = subject.engine.batch_rows(run.sites)
    units = sum(site.units for site in run.sites)
    done, total = 0, units * -(-len(labels) // size)
    for part in batches(len(labels), size):
        batch = _Batch(subject, run, images[part], labels[part], places[part])
        for site in sorted(run.sites, key=lambda s: s.depth):
            yield batch, site
            done += site.units
            progress("every unit × every class", done * units // total, units)


class _Batch:
    """One batch of a pass: its stages, from input to logits, build on one another."""

    def __init__(
        self, subject: Subject, run: Pass, images: Tensor, labels: Tensor, places: Tensor
    ) -> None:
        self.subject, self.run, self.images, self.places = subject, run, images, places
        self.labels = labels
        self.scores: Sequence[Score] = tuple(run.scores) or (subject.score,)
        self.onehot = one_hot(labels, len(subject.classes)).double()  # [B, C]
        self.stage: Stage | None = None
        self.piece_key = subject, run, images, labels, places

    def effects(self, site: Site) -> tuple[Tensor, Tensor, Tensor]:
        """Effects `[S, U, B]` of the site's units, and where they turned wrong or right `[U, B]`.

        Both are means over draws.
        """
        chosen = None if self.run.units is None else self.run.units[site.name]
        effects, lost, gained, draws = 0.0, 0.0, 0.0, 0
        examples = self.images, self.places
        values = ablation_values(self.subject, site, self.run.edit, examples, self.run.draws)
        for value in values:
            stage = self.subject.stage(site.name, self.images, value, self.stage)
            self.stage = stage
            effect, worse, better = self._replayed(stage, site, chosen)
            effects, lost, gained = effects + effect, lost + worse, gained + better
            draws += 1
        parts = [torch.as_tensor(part) for part in (effects, lost, gained)]
        effect, worse, better = parts if draws == 1 else [part / draws for part in parts]
        return effect, worse, better

    @kept
    def tally(self, site: Site) -> Tally:
        """Replace the site's units on every example of the batch."""
        effects, lost, gained = self.effects(site)
        # a flip counts where it happens in most draws: lost and gained stay whole numbers
        flips = (_sums((share > 0.5).float(), self.onehot.float()) for share in (lost, gained))
        return Tally(self._means(effects), *(f.long().cpu().numpy() for f in flips))

    def _means(self, effects: Tensor) -> Means:
        """Means of effects `[S, U, B]` over the examples of each class: `[S, U, C]`."""
        onehot, few = self.onehot, self.onehot.float()
        mean = _sums(effects, onehot) / onehot.sum(0).clamp_min(1)
        away = effects - mean.index_select(2, self.labels)
        m2 = _sums(away.square(), onehot)
        # the higher powers say how skewed the effects are: float32 is exact enough, and quicker
        away = away.float()
        square = away.square()
        m3, m4 = _sums(away.mul_(square), few), _sums(square.square_(), few)
        count = onehot.sum(0).expand(mean.shape).long()
        known = mean.masked_fill(count == 0, torch.nan)
        parts = (count, known, m2, m3.double(), m4.double())
        return Means(*(part.cpu().numpy() for part in parts))

    def _replayed(
        self, stage: Stage, site: Site, chosen: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Effects `[S, U, B]` of units on examples, and where they turned wrong or right."""
        before, right = self._scored(stage.base, self.labels)
        count = site.units if chosen is None else len(chosen)
        after = before[:, None].repeat(1, count, 1)  # [S, U, B]
        now = right.repeat(count, 1)  # [U, B]
        for places, rows, logits in single_edits(stage, chosen):
            scores, rights = self._scored(logits, self.labels.index_select(0, rows))
            now.view(-1).scatter_(0, places, rights)
            for one, values in zip(after, scores, strict=True):
                one.view(-1).scatter_(0, places, values)
        wide = torch.promote_types(after.dtype, torch.float32)
        effects = after.to(wide) - before[:, None].to(wide)
        _check_finite(effects, site)
        effects.masked_fill_(effects.abs() <= resolution(stage.base), 0)
        return effects.double(), (right & ~now).byte(), (~right & now).byte()

    def _scored(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Scores `[S, R]` of each row, and whether its prediction (the first largest) is right."""
        margins = score(logits, labels, "margin")
        right = margins > 0
        tied = margins == 0
        # an accelerator would have to wait for the answer
        if tied.is_cuda or bool(tied.any()):
            right = torch.where(tied, logits.argmax(1) == labels, right)
        own = [margins if s == "margin" else score(logits, labels, s) for s in self.scores]
        return torch.stack(own), right


def _sums(values: Tensor, onehot: Tensor) -> Tensor:
    """Sum values `[…, B]` over the examples of each class: `[…, C]`."""
    return (onehot.T @ values.mT).mT  # few columns: the turned product is faster


def _check_finite(effects: Tensor, site: Site) -> None:
    if effects.sum().isfinite():
        return
    bad = int((~effects.isfinite()).sum())
    if bad:
        raise ModelError(
            f"replacing units of site '{site.name}' gives {bad:,} of {effects.numel():,} scores "
            "that are NaN or infinite: something behind it overflows; leave this site out, or "
            "study the model in float64"
        )


def _table(subject: Subject, run: Pass, found: Sequence[Tally]) -> Table:
    classes = [*subject.classes, "all"]
    flips = {
        name: np.concatenate([getattr(t, name).reshape(-1) for t in found])
        for name in ("lost", "gained")
    }
    effects = Means.concatenate([t.effects[0].flat() for t in found])
    numbers = [_units(site, run).cpu().numpy() for site in run.sites]
    n = effects.count
    lo, hi = effects.interval()
    p = np.where(n > 0, mcnemar(flips["lost"], flips["gained"]), np.nan)
    units = np.concatenate([np.repeat(number, len(classes)) for number in numbers])
    pairs = zip(run.sites, numbers, strict=True)
    names = np.concatenate([np.repeat(s.name, len(u) * len(classes)) for s, u in pairs])
    drop = (flips["lost"] - flips["gained"]) / np.maximum(n, 1)
    return effect_table(
        {
            "site": names,
            "unit": units,
            "class": np.tile(classes, len(units) // len(classes)),
            "effect": effects.mean,
            "lo": lo,
            "hi": hi,
            "n": n,
            "kind": "exact" if run.rows is None else "sample",
            "accuracy_drop": np.where(n > 0, drop, np.nan),
            **flips,
            "p": p,
        },
        classes=len(classes),
    )


def _units(site: Site, run: Pass) -> Tensor:
    return torch.arange(site.units) if run.units is None else run.units[site.name]
