"""Is a unit that responds to a class also one that the class depends on?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.findings import Finding
from holistic.lens import Context
from holistic.lenses.agreement.scores import LENSES, SiteScores, by_class
from holistic.scores import SCORE_UNITS
from holistic.sites import Site
from holistic.stats.intervals import class_auroc
from holistic.subject import Subject
from holistic.tables import Table, col
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["VERDICTS", "Bounds", "UnitVerdict", "judge_units", "untrained_bounds"]

VERDICTS = (
    "causal and selective",
    "selective, not causal",
    "causal, not selective",
    "neither",
    "not measured",
    "dead",
)
_LEVEL = 0.05


@dataclass(frozen=True)
class UnitVerdict:
    """Row of the finding `agreement.units`: what the lenses say of one unit."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    preferred_class: str | None = col("class that the unit responds to most; null for dead units")
    ablation: float = col(
        "score that the preferred class loses when the unit is replaced by its mean",
        unit="score",
        words="what the class loses without it",
    )
    activation: float = col(
        "AUROC of the unit's activation for the preferred class",
        unit="share",
        words="AUROC for its class",
    )
    attribution: float = col(
        "gradient × (activation - mean) for the preferred class, estimating `ablation`",
        unit="score",
        words="gradient × activation",
    )
    mechanism: float = col(
        "mean AUROC for the preferred class of the other units of the unit's cluster",
        unit="share",
        words="mean AUROC of its cluster",
    )
    tracing: float = col(
        "share of the preferred class's decision that the unit takes away when it gets another "
        "class's value",
        unit="share",
        words="share of the decision that it takes away",
    )
    selective: bool = col("whether `activation` is above `selective_bound`")
    selective_bound: float = col(
        "AUROC for their favourite class that 95 % of the site's units stay below in untrained "
        "copies and with shuffled labels",
        unit="share",
        of="activation",
        words="control (95 % of untrained units stay below)",
    )
    causal: bool = col(
        "whether some class's accuracy changes without the unit (McNemar q < 0.05), or another "
        "class's value moves its decision (q < 0.05, share beyond `causal_bound`)"
    )
    causal_class: str | None = col(
        "class that depends on the unit most, if any does", words="class that depends on it most"
    )
    causal_share: float | None = col(
        "share of that class's decision that it takes away; null where no pair of images could be "
        "patched",
        unit="share",
        words="share of that class's decision",
    )
    causal_bound: float | None = col(
        "share, either way, that 95 % of the site's units stay below when they get the value of "
        "another image of the same class",
        unit="share",
        of="causal_share",
        words="control (95 % of the site's units stay below)",
    )
    accuracy_q: float = col(
        "smallest McNemar q of the unit over the classes, from ablation",
        words="smallest q of an accuracy (McNemar)",
    )
    verdict: str = col("the two answers in words: " + "; ".join(f"'{v}'" for v in VERDICTS))


@dataclass(frozen=True)
class Bounds:
    """What shows nothing: the AUROCs of units for the class that suits them best.

    Attributes
    ----------
    untrained
        By site, the 95 % quantile over the units of untrained copies.
    shuffled
        By site, the same over the trained units with shuffled labels.
    """

    untrained: dict[str, float]
    shuffled: dict[str, float]

    def of(self, site: str) -> float:
        """Return the bound that a selective unit must be above."""
        return float(np.nanmax([self.untrained[site], self.shuffled[site], 0.5]))


def judge_units(
    subject: Subject, lens: Agreement, scores: list[SiteScores], context: Context
) -> Finding:
    """Ask of every unit whether it is selective and whether it is causal.

    Both thresholds come from controls and are set per site: a unit is selective if it tells its
    class better than 95 % of untrained units tell theirs, and causal if swapping its value between
    classes moves the decision more than swapping it within a class moves that of 95 % of units.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `copies`.
    scores
        What the lenses say, by site.
    context
        Holds `ablation.units`, `activation.units` and `tracing.patching`.

    Returns
    -------
    Finding
        `agreement.units`.
    """
    bounds = untrained_bounds(subject, lens.copies)
    context.progress("judging units", 1, 2)
    columns: dict[str, list[Any]] = defaultdict(list)
    for said in scores:
        for name, values in _site_columns(subject, said, bounds, context).items():
            columns[name].extend(values)
    context.progress("judging units", 2, 2)
    table = Table.build(UnitVerdict, columns)
    return Finding(
        "agreement.units",
        table,
        tuple(_statements(table, SCORE_UNITS[subject.score])),
        _caveats(lens),
    )


def untrained_bounds(subject: Subject, copies: int) -> Bounds:
    """Measure how selective units look where nothing was learnt, per hidden site.

    Parameters
    ----------
    subject
        The model under study.
    copies
        Untrained copies of the model; as many shuffles of the labels are used for the trained one.
    """
    labels = subject.evaluation.labels.cpu().numpy()
    rng = np.random.default_rng(subject.seed)
    names = [site.name for site in subject.hidden_sites]
    shuffled = [rng.permutation(labels) for _ in range(copies)]
    untrained: dict[str, list[np.ndarray]] = defaultdict(list)
    for copy in range(copies):
        fresh = subject.untrained(subject.seed + copy)
        for name, values in _position_means(fresh, names, subject).items():
            untrained[name].append(_best_auroc(values, labels, len(subject.classes)))
    by_chance: dict[str, list[np.ndarray]] = defaultdict(list)
    for name, values in _position_means(subject, names, subject).items():
        for order in shuffled:
            by_chance[name].append(_best_auroc(values, order, len(subject.classes)))
    return Bounds(*({name: _high(both[name]) for name in names} for both in (untrained, by_chance)))


def _position_means(model: Subject, names: list[str], data: Subject) -> dict[str, np.ndarray]:
    """Position means of sites on the evaluation split of `data`, `[N, U]` each."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for _, values in model.capture_batches(names, data.evaluation.images):
        for name in names:
            value = values[name].double()
            mean = value.flatten(1, -2).mean(1) if value.dim() > 2 else value
            parts[name].append(mean.cpu().numpy())
    return {name: np.concatenate(part) for name, part in parts.items()}


def _best_auroc(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """AUROC of each live unit for the class that suits it best, `[U']`."""
    live = values.min(0) < values.max(0)
    found = class_auroc(values[:, live], labels, classes)
    known = ~np.isnan(found).all(0)
    return found[:, known].max(1) if known.any() else np.empty(0)


def _high(parts: list[np.ndarray]) -> float:
    values = np.concatenate(parts)
    return float(np.quantile(values, 1 - _LEVEL)) if len(values) else float("nan")


def _site_columns(
    subject: Subject, said: SiteScores, bounds: Bounds, context: Context
) -> dict[str, Any]:
    site, classes, dead = said.site, subject.classes, said.dead
    favourite = _preferred(said.auroc, site, classes, context)  # [U], -1 for none
    shown = {**said.scores, "activation": said.auroc, "mechanism": said.company}
    own = {lens: _taken(shown[lens], favourite) for lens in LENSES}
    bound = bounds.of(site.name)
    selective = ~dead & (np.nan_to_num(own["activation"]) > bound)
    causes = _causes(site, classes, dead, context)
    causal = ~dead & (causes.place >= 0)
    return {
        "site": [site.name] * site.units,
        "unit": range(site.units),
        "preferred_class": _named(np.where(dead, -1, favourite), classes),
        **own,
        "selective": selective.tolist(),
        "selective_bound": [bound] * site.units,
        "causal": causal.tolist(),
        "causal_class": _named(np.where(causal, causes.place, -1), classes),
        "causal_share": causes.share,
        "causal_bound": [causes.bound] * site.units,
        "accuracy_q": causes.accuracy_q,
        "verdict": [_word(*of) for of in zip(dead, causes.known, selective, causal, strict=True)],
    }


def _named(place: np.ndarray, classes: Sequence[str]) -> list[str | None]:
    return [str(classes[c]) if c >= 0 else None for c in place]


def _word(dead: bool, known: bool, selective: bool, causal: bool) -> str:
    if dead:
        return "dead"
    if not known:
        return "not measured"
    if selective:
        return "causal and selective" if causal else "selective, not causal"
    return "causal, not selective" if causal else "neither"


def _preferred(
    auroc: np.ndarray, site: Site, classes: Sequence[str], context: Context
) -> np.ndarray:
    """Class that each unit prefers, as the activation lens says; -1 for none: `[U]`."""
    table = context.findings["activation.units"].table.where(site=site.name)
    found = np.full(site.units, -1)
    for unit, name in zip(
        table.column("unit").astype(np.int64), table.column("preferred_class"), strict=True
    ):
        if name in classes:
            found[unit] = classes.index(name)
    known = np.isfinite(auroc).any(1)
    best = np.where(np.isnan(auroc), -np.inf, auroc).argmax(1)
    return np.where((found < 0) & known, best, found)


def _taken(scores: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Each unit's score for its class, `[U]`; NaN where it has none."""
    return np.where(place >= 0, scores[np.arange(len(scores)), place], np.nan)


@dataclass(frozen=True)
class _Causes:
    """Which class depends on each unit.

    `place` `[U]` is the class (-1 for none), `share` `[U]` the share of its decision that the unit
    takes away, `accuracy_q` `[U]` the smallest McNemar q, `bound` the share that shows nothing.
    `known` `[U]` says whether there was anything to tell it by.
    """

    place: np.ndarray
    share: np.ndarray
    accuracy_q: np.ndarray
    known: np.ndarray
    bound: float


def _causes(site: Site, classes: Sequence[str], dead: np.ndarray, context: Context) -> _Causes:
    ablated = context.findings["ablation.units"].table.where(site=site.name)
    flips = np.nan_to_num(by_class(ablated, "q", site, classes), nan=1.0)  # [U, C]
    patched = context.findings["tracing.patching"].table.where(
        site=site.name, corrupt="all", direction="noise"
    )
    share, q, control = (
        by_class(patched, column, site, classes, name="clean")
        for column in ("recovery", "q", "control_recovery")
    )
    # a class without a usable pair of images says nothing, neither for nor against
    sizes, within = (np.nan_to_num(np.abs(each), nan=-1.0) for each in (share, control[~dead]))
    beside = within.max(1)[within.max(1) >= 0]
    bound = float(np.quantile(beside, 1 - _LEVEL)) if len(beside) else float("nan")
    carried = np.where((q < _LEVEL) & (sizes > bound), sizes, 0.0)
    units = np.arange(site.units)
    by_share = np.where(carried.max(1) > 0, carried.argmax(1), -1)
    by_flips = np.where(flips.min(1) < _LEVEL, flips.argmin(1), -1)
    place = np.where(by_share >= 0, by_share, by_flips)
    shown = np.where(place >= 0, place, sizes.argmax(1))
    known = (place >= 0) | np.isfinite(share).any(1)
    return _Causes(place, share[units, shown], flips.min(1), known, bound)


def _statements(table: Table, unit: str) -> Iterator[str]:
    rows = list(table.rows())
    for site in dict.fromkeys(row["site"] for row in rows):
        here = [row for row in rows if row["site"] == site]
        counts = [(v, sum(row["verdict"] == v for row in here)) for v in VERDICTS]
        yield (
            f"The {len(here)} units of '{site}' by verdict: "
            + "; ".join(f"{count} {verdict}" for verdict, count in counts if count)
            + f" (selective: AUROC above {here[0]['selective_bound']:.3f}; causal: "
            f"{_causal(here[0])})."
        )
    yield _misleading([row for row in rows if row["verdict"] == VERDICTS[1]], unit)


def _causal(row: dict[str, Any]) -> str:
    if row["causal_bound"] is None:
        return "its accuracy at q < 0.05; no pair of images could be patched"
    bound = _share(row["causal_bound"])
    return f"more than {bound} of a class's decision at q < 0.05, or its accuracy"


def _share(share: float) -> str:
    """In per cent, a small one to two digits: a bound isn't nothing."""
    return percent(share) if abs(share) >= 0.01 else f"{100 * share:.2g} %"


def _misleading(rows: list[dict[str, Any]], unit: str) -> str:
    """Name the unit whose response promises most and whose removal costs least."""
    if not rows:
        return "No selective unit is without effect: here what responds to a class also drives one."
    worst = max(rows, key=lambda row: row["activation"])
    ablation = (
        ""
        if worst["ablation"] is None
        else f" removing it costs that class {worst['ablation']:.3g} {unit}, and"
    )
    small = abs(worst["causal_share"]) <= worst["causal_bound"]
    return (
        f"Of the {len(rows)} selective units that aren't causal the most selective is "
        f"{worst['unit']} of '{worst['site']}': it tells class {worst['preferred_class']} from the "
        f"rest with an AUROC of {worst['activation']:.3f}, but{ablation} another class's value "
        f"takes away {_share(worst['causal_share'])} of a class's decision at most, "
        + ("no more than the " if small else "not significantly (q ≥ 0.05) beside the ")
        + f"{_share(worst['causal_bound'])} that 95 % of the site's units stay below where the "
        "value comes from the same class."
    )


def _caveats(lens: Agreement) -> tuple[str, ...]:
    return (
        f"Selective is relative to units of {lens.copies} untrained "
        f"{'copy' if lens.copies == 1 else 'copies'}, which respond to classes too; with enough "
        "examples nearly every unit is better than chance.",
        "A unit is called causal for what it does alone: redundant units can all be called not "
        "causal and still matter together (see `ablation.topk` and `ablation.interactions`).",
        "The preferred class and the class that depends on a unit can differ; both are listed.",
    )
