"""Replaces units by their means and measures what that changes in the units of the next site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from holistic.graph.edits import Edit, Mean
from holistic.graph.engine import position_mean
from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism._values import (
    activations,
    class_indices,
    most_varying,
    row_batches,
    sampled,
)
from holistic.lenses.mechanism.edges_statements import caveats, statements
from holistic.lenses.mechanism.schemas import UnitEdge
from holistic.pieces import once
from holistic.progress import Progress
from holistic.results.columns import columns_of
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.stats.moments import Moments
from holistic.stats.order import ordered
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["edges"]

_KINDS = ("top", "random")
_STIRS = 10
"""Examples of the selection split on which a unit must leave its median to receive an edge."""
_ALONE = "The model has a single hidden site, so there is none that its units could act on."


@dataclass(frozen=True)
class Choice:
    """Edges from one site to the next, chosen without the evaluation split.

    Attributes
    ----------
    sites
        Names of both sites.
    kind
        `top` or `random`.
    unit_a, unit_b
        `[E]`, the two ends of each edge, ordered by them.
    first
        The edge and the class with the largest change; None for random edges.
    strength
        `[E, C + 1]`, changes in each class and over all examples; None for random edges.
    """

    sites: tuple[str, str]
    kind: str
    unit_a: np.ndarray
    unit_b: np.ndarray
    first: tuple[int, int] | None = None
    strength: np.ndarray | None = None


@dataclass(frozen=True)
class Bundle:
    """Chosen edges, measured on the evaluation split.

    Attributes
    ----------
    changes
        `[E, C + 1]`, changes of unit b over the examples of each class, and over all.
    spread
        `[E]`, standard deviation of each unit b.
    """

    choice: Choice
    changes: Means
    spread: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Root mean square of the change, `[E, C + 1]`."""
        return np.sqrt(self._squares[0])

    @property
    def size_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of its 95 % interval, by Student's t on the log scale; NaN where it has none.

        Degrees of freedom are those of the variance of squares that are gamma distributed, as
        those of normal changes are, with the mean and the variance that they have.
        """
        from scipy.special import stdtrit

        square, fourth = self._squares
        n = np.where(self.changes.rare, np.nan, self.changes.count)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = fourth / square**2 - 1
            freedom = np.maximum(n / (1 + 3 * spread), 1)
            reach = stdtrit(freedom, 0.975) * np.sqrt(spread / (n - 1)) / 2
        return self.size * np.exp(-reach), self.size * np.exp(reach)

    @property
    def _squares(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean square and mean fourth power of the change."""
        own, n = self.changes, np.maximum(self.changes.count, 1)
        mean, m2, m3, m4 = np.nan_to_num(own.mean), own.m2 / n, own.m3 / n, own.m4 / n
        return m2 + mean**2, m4 + 4 * mean * m3 + 6 * mean**2 * m2 + mean**4


def edges(subject: Subject, *, settings: Mechanism, progress: Progress) -> Finding:
    """Replace units by their means and watch the next hidden site, example by example.

    Units that vary most are replaced one at a time, on the selection split first: there the edges
    with the largest effects are chosen. The effects reported are those on the evaluation split,
    beside edges drawn at random from other units of the site.

    Parameters
    ----------
    subject
        The model under study.
    settings
        Settings of the lens.
    progress
        Told how many steps from site to site are done.

    Returns
    -------
    Finding
        `mechanism.edges`: one row per edge and class (and class `all`).
    """
    selection, evaluation = (
        sampled(s, settings.edge_examples, seed=subject.seed)
        for s in (subject.selection, subject.evaluation)
    )
    steps = list(pairwise(site.name for site in subject.hidden_sites))
    bundles, bare = list[Bundle](), list[tuple[str, str]]()
    for done, sites in enumerate(steps):
        progress("edges between sites", done, len(steps))
        choices = _chosen(subject, sites, selection, settings)
        bundles += [_measured(subject, choice, evaluation) for choice in choices]
        bare += [] if choices else [sites]
    progress("edges between sites", len(steps), len(steps))
    return Finding(
        schemas.EDGES,
        _table(subject, bundles),
        statements(subject, bundles),
        caveats(bundles, settings, len(selection), bare) if steps else (_ALONE,),
    )


def _chosen(
    subject: Subject, sites: tuple[str, str], examples: Examples, settings: Mechanism
) -> list[Choice]:
    """Choose the edges with the largest changes, and random ones; none where nothing changes."""
    rng = np.random.default_rng(subject.seed)
    before, after = (activations(subject, [s], examples)[s].values for s in sites)
    top = most_varying(before, settings.edge_units)
    others = np.setdiff1d(np.arange(before.shape[1]), top)
    drawn = np.sort(rng.choice(others, min(len(top), len(others)), replace=False))
    stirs = _stirs(after)
    spread = Moments.of(after).std[0]
    spread = np.where(stirs & (spread > 0), spread, np.inf)
    strength = _strength(subject, sites, top, examples, spread)
    width = strength.shape[1]
    strength = strength.reshape(-1, strength.shape[2])  # [edges, C + 1]
    # The largest over the classes, since a unit's mean lies between its values: what replacing it
    # takes from some classes it gives to the others, and over all classes little remains.
    most = strength[:, :-1].max(1)
    order = ordered(-most)[: settings.edges]
    order = order[most[order] > 0]
    if not len(order):
        return []
    chosen = np.sort(order)
    first = int(np.searchsorted(chosen, order[0])), int(strength[order[0], :-1].argmax())
    ends = top[chosen // width], chosen % width
    choices = [Choice(sites, "top", *ends, first, strength[chosen])]
    pool = np.flatnonzero(np.tile(stirs, len(drawn)))
    if len(pool):
        random = np.sort(rng.choice(pool, min(len(chosen), len(pool)), replace=False))
        choices.append(Choice(sites, "random", drawn[random // width], random % width))
    return choices


def _stirs(values: np.ndarray) -> np.ndarray:
    """Tell of each unit of `[N, U]` whether it leaves its median on more than a few examples.

    The spread of one that doesn't says nothing of other examples, where it may be silent.
    """
    away = (values != np.median(values, axis=0)).sum(0)
    return away >= max(1, min(_STIRS, len(values) // 10))


def _strength(
    subject: Subject,
    sites: tuple[str, str],
    units: np.ndarray,
    examples: Examples,
    spread: np.ndarray,
) -> np.ndarray:
    """Return each edge's mean change in every class and over all, `[units, U of b, C + 1]`.

    Without its sign, in standard deviations of unit b.
    """
    strength = list[np.ndarray]()
    for moments in _changes(subject, sites, units, examples):
        means = np.concatenate([moments.mean, moments.total().mean])  # [C + 1, U of b]
        strength.append((np.abs(np.nan_to_num(means)) / spread).T.astype(np.float32))
    return np.stack(strength)


def _changes(
    subject: Subject, sites: tuple[str, str], units: np.ndarray, examples: Examples
) -> Iterator[Moments]:
    """Replace each unit of the first site: sums of the changes at the second, `[C, U of b]`."""
    labels, classes = class_indices(examples), len(subject.classes)
    parts = list(row_batches(subject, sites, np.arange(len(labels))))
    before = [_watched(subject, sites[1], examples.images[part], ()) for part in parts]

    def changes(unit: int) -> Moments:
        edits = (Mean(sites[0], units=[unit]),)
        moments = Moments.empty(before[0].shape[1], classes)
        for part, values in zip(parts, before, strict=True):
            after = _watched(subject, sites[1], examples.images[part], edits)
            moments.update(after - values, labels[part])
        return moments

    for unit in units.tolist():
        yield once(("edges of a unit", subject, sites, unit, examples), partial(changes, unit))


def _spread(subject: Subject, site: str, examples: Examples) -> np.ndarray:
    """Return the standard deviation of each unit of a site, `[U]`."""
    return Moments.of(activations(subject, [site], examples)[site].values).std[0]


def _watched(subject: Subject, site: str, images: Tensor, edits: Sequence[Edit]) -> np.ndarray:
    _, values = subject.downstream(images, edits, [site])
    return position_mean(values[site]).cpu().double().cpu().numpy()


def _measured(subject: Subject, choice: Choice, examples: Examples) -> Bundle:
    spread = _spread(subject, choice.sites[1], examples)
    units = np.unique(choice.unit_a)
    parts = list[Means]()
    for unit, moments in zip(units, _changes(subject, choice.sites, units, examples), strict=True):
        sums = moments.count, moments.mean, moments.m2, moments.m3, moments.m4  # [C, U of b]
        ends = choice.unit_b[choice.unit_a == unit]
        parts.append(Means(*(each[:, ends].T for each in sums)).with_total())
    return Bundle(choice, Means.concatenate(parts), spread[choice.unit_b])


def _table(subject: Subject, bundles: Sequence[Bundle]) -> Table:
    classes = [*subject.classes, "all"]
    parts = [_columns(b, classes) for b in bundles]
    if not parts:
        return Table.build(UnitEdge, {c.name: np.empty(0) for c in columns_of(UnitEdge)})
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values["q"] = np.full(len(values["p"]), np.nan)
    for kind in _KINDS:
        rows = values["kind"] == kind
        values["q"][rows] = benjamini_hochberg(values["p"][rows])
    chosen = [b.choice.strength for b in bundles if b.choice.strength is not None]
    values["rank"] = np.full(len(values["p"]), np.nan)
    places = rankdata(-np.concatenate(chosen), method="ordinal", axis=0)
    values["rank"][values["kind"] == "top"] = places.ravel()
    return Table.build(UnitEdge, values)


def _columns(bundle: Bundle, classes: Sequence[str]) -> dict[str, np.ndarray]:
    choice, width = bundle.choice, len(classes)
    rows, changes = bundle.changes.mean.size, bundle.changes
    (lo, hi), (size_lo, size_hi) = changes.interval(), bundle.size_bounds
    return {
        "site_a": np.full(rows, choice.sites[0], dtype=object),
        "unit_a": np.repeat(choice.unit_a, width),
        "site_b": np.full(rows, choice.sites[1], dtype=object),
        "unit_b": np.repeat(choice.unit_b, width),
        "class": np.tile(np.array(classes, dtype=object), rows // width),
        "effect": changes.mean.ravel(),
        "lo": lo.ravel(),
        "hi": hi.ravel(),
        "size": bundle.size.ravel(),
        "size_lo": size_lo.ravel(),
        "size_hi": size_hi.ravel(),
        "spread": np.repeat(bundle.spread, width),
        "p": changes.p().ravel(),
        "n": changes.count.ravel(),
        "kind": np.full(rows, choice.kind, dtype=object),
    }
