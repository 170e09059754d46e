"""Finds what classes are read off, confirmed by masking and pasting on held-out images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from holistic.lenses._parts import with_q
from holistic.lenses._pictures import drawn_as_pictures, flat_planes, pictures, planes
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._shortcuts import chosen, mask_of
from holistic.lenses.attribution._suspects import Suspect, View
from holistic.lenses.attribution._swapping import Trial, carriers, least, tried
from holistic.lenses.attribution._swaps import Region
from holistic.lenses.attribution.schemas import ShortcutRow
from holistic.lenses.attribution.shortcuts_statements import statements, where
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = [
    "Confirmed", "Region", "View", "carriers", "confirmed", "effect_of", "shortcuts_finding",
    "view_of",
]  # fmt: skip

CLASSES = 50
"""Most classes that are looked at: those with most selection images."""
TRIED = 64
"""Most suspects of a class that are tried."""
RUNS = 20
"""Runs of the model that a suspect takes, about."""
_NUMBERS, _LEAST = 1 << 24, 32
"""Numbers of the images of a split that are looked at, about, and images of each class at least."""
_FEWEST = 8
"""Evaluation images that carry a feature, and others, that confirming it needs."""
_SURE, _RARER = 0.05, 2
"""Level of q, and how many times as many of a class as of others must carry its shortcut."""
_AGAIN = 0.75
"""Share of the strength asked for on the selection split, where the strongest was taken."""


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A suspect that was tried on the evaluation split.

    Attributes
    ----------
    suspect
        The feature.
    trial
        What became of evaluation images.
    in_class, elsewhere
        Share of the class's evaluation images, and of others', that carry it.
    estimate
        Accuracy lost without it, with the control, p and q.
    """

    suspect: Suspect
    trial: Trial
    in_class: float
    elsewhere: float
    estimate: Estimate

    @property
    def holds(self) -> bool:
        """Whether it is a shortcut."""
        q = self.estimate.q
        strong = self.trial.strength >= _AGAIN * least(self.suspect)
        rare = self.in_class > _RARER * self.elsewhere
        return strong and rare and q is not None and q < _SURE


def shortcuts_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Find what single classes are read off: `attribution.shortcuts`.

    Regions, colours, waves and places that a class's selection images share and others lack are
    exchanged between images: taken out of the class, and put into other classes. Those that move
    the decision far more than so small a part of a picture should are tried again on evaluation
    images, beside the same exchange elsewhere.

    References
    ----------
    Lapuschkin et al. 2019 (strategies of a class); Geirhos et al. 2020 (shortcuts).
    """
    tried_ones = confirmed(subject, lens, progress)
    found = [one for one in tried_ones if one.holds]
    found.sort(key=lambda one: -one.trial.strength)
    names = [(one.suspect.label, one.suspect.swap.kind) for one in found]
    view = view_of(subject, subject.selection)
    shape = view.images.shape[2:]
    masks = [mask_of(view, one.suspect) for one in found]
    rows = [
        _row(subject, one, names[:k].count(names[k]), where(masks[k]))
        for k, one in enumerate(found)
    ]
    means = [view.images[one.suspect.carriers].mean(0, keepdim=True) for one in found]
    drawn = [pictures(flat_planes(m, subject.images.shape[1:]), subject.images) for m in means]
    arrays = {
        "attribution.masks": np.stack(masks) if masks else np.zeros((0, *shape), np.float32),
        "attribution.typical": np.concatenate(drawn) if drawn else np.zeros((0, *shape), np.uint8),
    }
    return Finding(
        schemas.SHORTCUTS,
        Table.from_rows(ShortcutRow, rows),
        statements=tuple(statements(rows)),
        caveats=tuple(_caveats(subject, len(tried_ones))),
        arrays=arrays,
    )


def _looked_at(subject: Subject) -> int:
    """Images of a split that are looked at, at most."""
    classes = len(subject.classes)
    least = max(_LEAST * min(classes, 10), 4 * classes)
    return max(least, _NUMBERS // max(1, subject.images[0].numel()))


def view_of(subject: Subject, examples: Examples) -> View:
    """Return a split's images as planes, with the model behind them; of very many a part."""
    shape = subject.images.shape[1:]
    examples = examples.sample(_looked_at(subject), seed=subject.seed)

    def predict(images: object) -> np.ndarray:
        given = flat_planes(images, shape).to(subject.images)  # pyright: ignore[reportArgumentType]
        return subject.predict(given).double().cpu().numpy()

    images = planes(examples.images).float().cpu()
    return View(images, examples.labels.cpu().numpy(), predict, subject.seed)


def confirmed(subject: Subject, lens: Attribution, progress: Progress) -> list[Confirmed]:
    """Try every class's suspects on the evaluation split, whether they hold or not."""
    if not drawn_as_pictures(subject):
        return []
    chosen_from, tested_on = (view_of(subject, s) for s in (subject.selection, subject.evaluation))
    counts = np.bincount(chosen_from.labels, minlength=len(subject.classes))
    classes = np.argsort(-counts, kind="stable")[: min(CLASSES, len(counts))]
    work = model_work(subject) * RUNS * len(classes)
    most = afforded(lens.shortcut_work, work, least=4, most=TRIED)
    found, done = list[Confirmed](), 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress("looking for shortcuts", done, len(classes))

    for label in sorted(classes.tolist()):
        for suspect in chosen(chosen_from, label, lens.shortcut_images, most, advance):
            found += _confirmed(subject, tested_on, chosen_from, suspect, 4 * lens.shortcut_images)
    estimates = with_q([one.estimate for one in found])
    return [
        Confirmed(one.suspect, one.trial, one.in_class, one.elsewhere, estimate)
        for one, estimate in zip(found, estimates, strict=True)
    ]


def _confirmed(
    subject: Subject, tested_on: View, selection: View, suspect: Suspect, most: int
) -> Iterator[Confirmed]:
    """Try a suspect on evaluation images that carry it."""
    have, own = carriers(tested_on, suspect, selection), tested_on.labels == suspect.label
    carrying = np.flatnonzero(have & own)
    if min(len(carrying), len(tested_on.others(suspect.label))) < _FEWEST:
        return
    trial = tried(tested_on, suspect, carrying, most)
    yield Confirmed(
        suspect, trial, float(have[own].mean()), float(have[~own].mean()), effect_of(trial)
    )


def effect_of(trial: Trial) -> Estimate:
    """Accuracy lost without the feature, and whether it and pasting do more than their controls."""
    before, after = trial.own > 0, trial.masked > 0
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    lo, hi = paired_accuracy_interval(lost, gained, len(before))
    ps = [
        float(Means.of(change).p())
        for change in (trial.pasted - trial.pasted_control, trial.masked_control - trial.masked)
    ]
    return Estimate(
        (lost - gained) / len(before),
        -float(hi),
        -float(lo),
        control=float(before.mean() - (trial.masked_control > 0).mean()),
        p=max(ps),
    )


def _row(subject: Subject, one: Confirmed, number: int, place: str) -> ShortcutRow:
    trial = one.trial
    return ShortcutRow(
        class_=subject.classes[one.suspect.label],
        kind=one.suspect.swap.kind,
        number=number,
        place=place,
        in_class=one.in_class,
        elsewhere=one.elsewhere,
        before=float((trial.own > 0).mean()),
        drop=one.estimate,
        pasted=Estimate(
            float((trial.pasted > 0).mean()), control=float((trial.pasted_control > 0).mean())
        ),
        n=len(trial.own),
        others=len(trial.others),
    )


def _caveats(subject: Subject, tried_ones: int) -> Iterator[str]:
    most, size = _looked_at(subject), max(len(subject.selection), len(subject.evaluation))
    if size > most:
        yield f"Of each split about {most:,} images are looked at, every class in its share."
    yield from (
        f"{tried_ones:,} suspects were tried on evaluation images; q is over all of them.",
        "What a class is rightly read off can look like a shortcut where it is small and always "
        "the same; only you know whether it belongs to the class.",
        "Shortcuts that no region, colour, texture or place holds aren't found.",
    )
