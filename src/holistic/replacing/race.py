"""Finds the units that matter most, replacing most units on few examples only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats as scipy_stats
from torch import Tensor

from holistic.arguments import number, whole
from holistic.errors import SettingError, explain_memory_errors
from holistic.graph.edits import EditKind, checked_kind
from holistic.graph.sites import Site
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.progress import Progress, silent
from holistic.replacing.estimates import Estimates, Quality, RacedUnit
from holistic.replacing.gradient import first_order
from holistic.replacing.sweep import Pass, effects_by_example
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.stats.intervals import mean_interval, midranks, spearman_interval, wilson
from holistic.stats.moments import Moments
from holistic.study.subject import Subject

__all__ = ["top_units"]

_FIRST_ROUND = 64
_GROWTH = 1.6
_CHECKED = 50
_DRAWS = 8


@dataclass(frozen=True)
class _Plan:
    """Where units are replaced, by what, how many are looked for, and how sure the answer is."""

    sites: Sequence[Site]
    edit: EditKind
    k: int
    confidence: float


@dataclass
class _Race:
    """What is known of every unit's mean effect over N examples, and decided about it.

    The first-order estimate `f` of an example is cheap, so its mean over all N is known; the
    regression estimator (Cochran 1977, section 7.3) then needs the effect `e` on fewer examples:
    `mean(e) + b (F - mean(f))`, with the error that the regression of `e` on `f` leaves.

    Attributes
    ----------
    population
        Examples in the split, N.
    keep
        How many units are to be found, k.
    deviation
        Error probability of one interval's end.
    known, spread
        Mean and variance of the first-order estimate over the N examples, `[U]`.
    sums
        Number of examples, and sums of e, f, e², f² and ef about `known`, `[6, U]`.
    alive, top
        Undecided units, and those found to belong to the k, `[U]`.
    """

    population: int
    keep: int
    deviation: float
    known: np.ndarray
    spread: np.ndarray
    sums: np.ndarray
    alive: np.ndarray
    top: np.ndarray

    @property
    def count(self) -> np.ndarray:
        """Number of examples on which each unit was replaced, `[U]`."""
        return self.sums[0]

    def update(self, units: np.ndarray, effects: np.ndarray, guesses: np.ndarray) -> None:
        """Add effects and first-order estimates `[K, B]` of some units `[K]`."""
        e = effects - self.known[units, None]
        f = guesses - self.known[units, None]
        parts = (np.ones_like(e), e, f, e * e, f * f, e * f)
        self.sums[:, units] += np.stack([part.sum(1) for part in parts])

    def estimate(self) -> tuple[np.ndarray, np.ndarray]:
        """Estimate of every unit's mean effect, and its standard error, `[U]`.

        With the correction for drawing without replacement. In a piecewise linear network first
        order is exact on most examples, so a few may all agree by luck: to each unit's residual
        variance is added what it would be if first order were as good for it as for units on
        average, from the spread of its first-order estimates, which is known.
        """
        n = np.maximum(self.count, 3)
        e, f = self.sums[1] / n, self.sums[2] / n
        see, sff, sef = (self.sums[i] - n * a * b for i, a, b in ((3, e, e), (4, f, f), (5, e, f)))
        slope = np.divide(sef, sff, out=np.zeros_like(sef), where=sff > 1e-12 * self.sums[4])
        residual = np.maximum(see - slope * sef, 0) / (n - 2)
        seen = self.count > 2
        share = residual[seen].sum() / max(self.spread[seen].sum(), 1e-300)
        left = 1 - np.minimum(self.count, self.population) / self.population
        value = self.known + e - np.where(left > 0, slope * f, 0)
        return value, np.sqrt((residual + share * self.spread) / n * left)

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of every unit's interval, simultaneous over units and rounds."""
        value, error = self.estimate()
        half = scipy_stats.t.isf(self.deviation, np.maximum(self.count - 2, 1)) * error
        half[self.count < 3] = np.inf
        return value - half, value + half

    def decide(self) -> None:
        """Take units into the top that too few can overtake, and drop those overtaken by enough."""
        lo, hi = self.interval()
        while self.alive.any():
            alive = np.flatnonzero(self.alive)
            wanted = self.keep - int(self.top.sum())
            lows, highs = np.sort(lo[alive]), np.sort(hi[alive])
            # itself counted once in each: its own low lies below its high
            rivals = np.searchsorted(lows, hi[alive], side="right") - 1
            better = np.searchsorted(highs, lo[alive], side="left")
            taken, dropped = alive[rivals < wanted], alive[better >= wanted]
            if self.count[alive].min() >= self.population and not len(taken) + len(dropped):
                values = self.estimate()[0][alive]
                taken = alive[np.argsort(values, kind="stable")[:wanted]]
                dropped = np.setdiff1d(alive, taken)
            if not len(taken) + len(dropped):
                return
            self.top[taken] = True
            self.alive[taken] = self.alive[dropped] = False


@named
@explain_memory_errors()
@settled(gradients=True)
def top_units(
    subject: Subject,
    k: int = 50,
    *,
    sites: str | Sequence[str] | None = None,
    edit: EditKind = "mean",
    confidence: float = 0.95,
    screen: int | None = None,
    progress: Progress = silent,
) -> Estimates:
    """Find the k units whose ablation costs most score, without replacing all on everything.

    First-order estimates on every example come first. Then units are replaced on examples of the
    evaluation split, drawn in random order without replacement. After each round, units are not
    replaced any further whose interval settles whether they belong to the k (a race in the manner
    of Maron & Moore 1994, with acceptance as in Heidrich-Meisner & Igel 2009). The intervals are
    simultaneous: Student's t with the finite-population correction, Bonferroni over units and
    rounds. Units that stay undecided are replaced on every example, which is exact.

    Parameters
    ----------
    subject
        The model under study.
    k
        How many units to find.
    sites
        Names of the sites; the hidden sites by default.
    edit
        What replaced units hold.
    confidence
        Probability that the k are those of the exact sweep, as far as the intervals hold, which
        are asymptotic; among the raced units, where `screen` leaves some out.
    screen
        Race only that many units, the first by first-order estimate, and as many again at random
        from the others (at most 50), which show what the screening missed; all units by default.
    progress
        Called with the number of units decided and in all.

    Raises
    ------
    SiteError
        If the model has no such site.
    SettingError
        If `k`, `confidence`, `screen` or `edit` is out of range.
    """
    checked_kind(edit)
    chosen = subject.chosen_sites(sites)
    total = sum(site.units for site in chosen)
    _check(k, confidence, screen, total)
    run = _Plan(chosen, edit, k, confidence)
    guess = _guesses(subject, run)
    raced, checked = _screened(guess[0], screen, subject.seed)
    race = _run_race(subject, run, guess, raced, progress)
    if checked.any():
        _measure(subject, run, race, checked, torch.arange(len(subject.evaluation)))
    cost = float(race.count.sum()) / (total * len(subject.evaluation))
    return Estimates(_table(run, race, raced), _quality(race, raced, checked), cost)


def _check(k: int, confidence: float, screen: int | None, total: int) -> None:
    if not 1 <= whole(k, "k", 0) < total:
        raise SettingError(f"k must lie in 1 to {total - 1} (there are {total} units), got {k}")
    if not 0.5 <= number(confidence, "confidence") < 1:
        raise SettingError(f"confidence must lie in 0.5 to 1, 1 excluded, got {confidence}")
    if screen is not None and whole(screen, "screen", 1) <= k:
        raise SettingError(f"screen must be more than the {k} units looked for, got {screen}")


def _guesses(subject: Subject, run: _Plan) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of first-order estimates over the evaluation split, `[U]` each."""
    places = torch.arange(len(subject.evaluation))
    moments = [Moments.empty(site.units, 1) for site in run.sites]
    for part in places.split(subject.engine.batch_rows(run.sites)):
        for moment, found in zip(
            moments, first_order(subject, Pass(run.sites, run.edit, rows=part)), strict=True
        ):
            moment.update(found.cpu())
    mean, m2 = (np.concatenate([getattr(m, k)[0] for m in moments]) for k in ("mean", "m2"))
    return mean, m2 / len(places)


def _order(subject: Subject) -> Tensor:
    generator = torch.Generator().manual_seed(subject.seed)
    return torch.randperm(len(subject.evaluation), generator=generator)


def _screened(guess: np.ndarray, screen: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which units race, and which of the others are measured to see what was missed: `[U]`."""
    raced, checked = np.ones(len(guess), dtype=bool), np.zeros(len(guess), dtype=bool)
    if screen is not None and screen < len(guess):
        raced[np.argsort(guess, kind="stable")[screen:]] = False
        others = np.flatnonzero(~raced)
        count = min(len(others), screen, _CHECKED)
        checked[np.random.default_rng(seed).choice(others, count, replace=False)] = True
    return raced, checked


def _run_race(
    subject: Subject,
    run: _Plan,
    guess: tuple[np.ndarray, np.ndarray],
    raced: np.ndarray,
    progress: Progress,
) -> _Race:
    """Replace raced units on growing numbers of examples until the k best are settled."""
    population = len(subject.evaluation)
    ends = _rounds(population)
    deviation = (1 - run.confidence) / (2 * raced.sum() * len(ends))
    sums, nobody = np.zeros((6, len(raced))), np.zeros(len(raced), dtype=bool)
    race = _Race(population, run.k, deviation, *guess, sums, raced.copy(), nobody)
    order, start = _order(subject), 0
    for end in ends:
        _measure(subject, run, race, race.alive, order[start:end])
        race.decide()
        progress("racing units", int((raced & ~race.alive).sum()), int(raced.sum()))
        start = end
        if not race.alive.any():
            break
    return race


def _rounds(population: int) -> list[int]:
    """Numbers of examples after which units are compared, the last being all of them."""
    ends, end = list[int](), float(_FIRST_ROUND)
    while end < population:
        ends.append(int(end))
        end *= _GROWTH
    return [*ends, population]


def _measure(subject: Subject, run: _Plan, race: _Race, chosen: np.ndarray, places: Tensor) -> None:
    """Replace chosen units `[U]` on some examples and add what follows to the race."""
    numbers = np.split(np.arange(len(chosen)), np.cumsum([s.units for s in run.sites])[:-1])
    own = {s.name: n[chosen[n]] for s, n in zip(run.sites, numbers, strict=True)}
    first = {s.name: n[0] for s, n in zip(run.sites, numbers, strict=True)}
    sites = [site for site in run.sites if len(own[site.name])]
    units = {s.name: torch.from_numpy(own[s.name] - first[s.name]) for s in sites}
    one = Pass(sites, run.edit, rows=places.sort().values, units=units, draws=_DRAWS)
    guesses: dict[str, Tensor] = {}
    seen: Tensor | None = None
    for site, batch, effects in effects_by_example(subject, one):
        if batch is not seen:
            found = first_order(subject, Pass(sites, run.edit, rows=batch))
            guesses, seen = {s.name: f for s, f in zip(sites, found, strict=True)}, batch
        guess = guesses[site.name][:, units[site.name]].T.double()  # [K, B]
        race.update(own[site.name], effects.cpu().numpy(), guess.cpu().numpy())


def _table(run: _Plan, race: _Race, raced: np.ndarray) -> Table:
    value, _ = race.estimate()
    lo, hi = race.interval()
    seen = race.count > 0
    return Table.build(
        RacedUnit,
        {
            "site": np.concatenate([np.repeat(s.name, s.units) for s in run.sites]),
            "unit": np.concatenate([np.arange(s.units) for s in run.sites]),
            "effect": np.where(seen, value, race.known),
            "lo": np.where(seen, lo, np.nan),
            "hi": np.where(seen, hi, np.nan),
            "n": race.count.astype(int),
            "first_order": race.known,
            "rank": np.where(race.top, "top", np.where(raced, "rest", "screened")),
            "exact": race.count >= race.population,
        },
    )


def _quality(race: _Race, raced: np.ndarray, checked: np.ndarray) -> Table:
    value, guess = race.estimate()[0], race.known
    first = np.argsort(guess, kind="stable")[: race.keep]
    rows = [
        *_closeness("raced", guess[raced], value[raced]),
        _share("share of the top that first order alone names", race.top[first]),
    ]
    if checked.any():
        missed = value[checked] < value[race.top].max()
        rows += _closeness("random others", guess[checked], value[checked])
        rows.append(_share("share of the others that belong to the top", missed))
    return Table.from_rows(Quality, rows)


def _closeness(name: str, guess: np.ndarray, value: np.ndarray) -> list[Quality]:
    n, errors = len(guess), np.abs(guess - value)
    constant = np.ptp(guess) == 0 or np.ptp(value) == 0
    rho = np.nan if constant else np.corrcoef(midranks(guess), midranks(value))[0, 1]
    lo, hi = (float(end) for end in spearman_interval(rho, n))
    low, high = (float(end) for end in mean_interval(n, errors.mean(), errors.var() * n))
    return [
        Quality(f"Spearman of first order and effect, {name}", Estimate(float(rho), lo, hi), n),
        Quality(f"mean error of first order, {name}", Estimate(float(errors.mean()), low, high), n),
    ]


def _share(name: str, hits: np.ndarray) -> Quality:
    lo, hi = (float(end) for end in wilson(int(hits.sum()), len(hits)))
    return Quality(name, Estimate(float(hits.mean()), lo, hi), len(hits))
