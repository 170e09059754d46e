"""Asks every verdict about networks whose answers were planted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from holistic.doctoring.readings import Readings
from holistic.doctoring.schemas import NETWORKS, TRUTHS, VERDICTS, TruthRow, VerdictRow
from holistic.doctoring.verdicts import VERDICTS as ASKED
from holistic.doctoring.zoo.planting import Planted, Truth
from holistic.progress import Progress, silent
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.words import counted

__all__ = ["NETWORKS", "Tally", "asked", "share_of", "tally", "too_few", "too_many", "truths"]

ENOUGH, FEW = 0.9, 0.05
"""Share of what is planted that must be found, and of decoys that may be named."""


@dataclass(frozen=True)
class Tally:
    """How a verdict did on one kind of truth."""

    truth: str
    verdict: str
    network: str = ""
    planted: int = 0
    found: int = 0
    decoys: int = 0
    named: int = 0
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether it surely neither misses too much nor names too much."""
        return not (too_few(self.found, self.planted) or too_many(self.named, self.decoys))

    def plus(self, other: Tally) -> Tally:
        """Add what the same verdict did elsewhere."""
        names = ("planted", "found", "decoys", "named", "seconds")
        return replace(self, **{n: getattr(self, n) + getattr(other, n) for n in names})


def too_few(found: int, planted: int, enough: float = ENOUGH) -> bool:
    """Say whether less is found than should be, beyond chance.

    >>> too_few(8, 8), too_few(6, 8), too_few(0, 1)
    (False, False, True)
    """
    return planted > 0 and float(wilson(found, planted)[1]) < enough


def too_many(named: int, decoys: int, few: float = FEW) -> bool:
    """Say whether more is named than may be, beyond chance.

    >>> too_many(1, 20), too_many(5, 20)
    (False, True)
    """
    return decoys > 0 and float(wilson(named, decoys)[0]) > few


def share_of(count: int, total: int) -> Estimate:
    """Return a share with Wilson's interval; nothing of none."""
    if not total:
        return Estimate(None, n=0)
    lo, hi = wilson(count, total)
    return Estimate(count / total, float(lo), float(hi), n=total)


def tally(
    planted: Sequence[Planted], truth: str, start: float, network: str = NETWORKS
) -> list[Tally]:
    """Ask the verdicts about networks; `start` is when planting them began."""
    found, clock = dict[str, Tally](), start
    for one in planted:
        readings = Readings(one.subject)
        for claim in one.claims:
            verdict = ASKED[claim.verdict]
            names = verdict.names(readings[verdict.finding].table, claim.cells)
            own = found.get(verdict.name, Tally(truth, verdict.name, network))
            now = perf_counter()
            counts = (1, int(names), 0, 0) if claim.planted else (0, 0, 1, int(names))
            found[verdict.name] = own.plus(Tally("", "", "", *counts, seconds=now - clock))
            clock = now
    return [*found.values()]


def asked(
    planted: Sequence[Truth], *, seed: int = 0, repeats: int = 1, progress: Progress = silent
) -> list[Tally]:
    """Plant truths, ask the verdicts about them, and count what they name.

    Parameters
    ----------
    planted
        The kinds of truths.
    seed
        Decides data and weights.
    repeats
        How often each is planted anew.
    progress
        Called with the truths that are done.
    """
    found = list[Tally]()
    for place, truth in enumerate(planted):
        rounds = list[Tally]()
        for again in range(repeats):
            start = perf_counter()
            rounds += tally(truth.plant(seed + again), truth.name, start)
        found += merged(rounds, lambda one: one.verdict)
        progress("planted truths", place + 1, len(planted))
    return found


def truths(found: Sequence[Tally]) -> tuple[Finding, Finding]:
    """Return `doctor.verdicts`, over all truths of a network, and `doctor.truths`."""
    whole = merged(found, lambda one: f"{one.network} {one.verdict}")
    return _verdicts(whole), _truths(found)


def merged(tallies: Sequence[Tally], by: Callable[[Tally], str]) -> list[Tally]:
    """Add up what has the same name."""
    found = dict[str, Tally]()
    for one in tallies:
        name = by(one)
        found[name] = found[name].plus(one) if name in found else one
    return [*found.values()]


def _truths(found: Sequence[Tally]) -> Finding:
    rows = [
        TruthRow(
            one.truth,
            one.verdict,
            ASKED[one.verdict].finding,
            share_of(one.found, one.planted),
            one.found,
            share_of(one.decoys - one.named, one.decoys),
            one.named,
            one.seconds,
            one.sound,
        )
        for one in found
    ]
    return Finding(TRUTHS, Table.from_rows(TruthRow, rows), tuple(map(_sentence, found)))


def _sentence(one: Tally) -> str:
    words = f"{one.truth[0].upper()}{one.truth[1:]}: '{one.verdict}'"
    decoys = f"{one.named} of {counted(one.decoys, 'decoy')}"
    if not one.planted:
        return f"{words} names {decoys}."
    words = f"{words} finds {one.found} of {one.planted}"
    return f"{words} and names {decoys}." if one.decoys else f"{words}."


def _verdicts(found: Sequence[Tally]) -> Finding:
    rows = [
        VerdictRow(
            one.network,
            one.verdict,
            ASKED[one.verdict].finding,
            ASKED[one.verdict].rule,
            share_of(one.found, one.planted),
            one.found,
            share_of(one.decoys - one.named, one.decoys),
            one.named,
            _meaning(one),
            one.sound,
        )
        for one in sorted(found, key=_order)
    ]
    wrong = [row for row in rows if not row.sound]
    failed = tuple(f"'{row.verdict}' fails on {row.network}: {row.means}" for row in wrong)
    lines = failed or ("Every verdict finds what is planted and leaves decoys alone.",)
    return Finding(VERDICTS, Table.from_rows(VerdictRow, rows), lines)


def _order(one: Tally) -> tuple[bool, int]:
    return one.network == NETWORKS, list(ASKED).index(one.verdict)


def _meaning(one: Tally) -> str:
    asked = ASKED[one.verdict]
    parts = [asked.missing] * too_few(one.found, one.planted)
    parts += [asked.wrong] * too_many(one.named, one.decoys)
    return " ".join(parts)
