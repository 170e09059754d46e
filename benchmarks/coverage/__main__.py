"""Print coverage and null rates of every interval and p: `make coverage`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import benchmarks.coverage
from benchmarks.coverage.simulation import Simulation, kept

__all__ = ["simulations"]

_MOST = 10_000
"""Draws after which a rate that still can't be told from an end of its target is left at that."""

_TARGETS = {"interval": "95 % intervals that hold", "p": "p < 0.05", "q": "audits with q < 0.05"}


def simulations(only: str = "") -> Iterator[Simulation]:
    """All promises that the modules beside this one declare, whose finding begins as asked."""
    for module in sorted(m.name for m in pkgutil.iter_modules(benchmarks.coverage.__path__)):
        if module in ("__main__", "columns", "simulation"):
            continue
        own = importlib.import_module(f"benchmarks.coverage.{module}").SIMULATIONS
        yield from (s for s in own if s.finding.startswith(only))


def main(words: list[str]) -> int:
    """Print a line for each promise; 1 where one isn't kept."""
    short = "--short" in words
    names = [word for word in words if not word.startswith("-")]
    broken = 0
    print(f"{'finding':24} {'n':>6}  {'rate':>6} {'±':>5}  {'target':>11}  promise")
    for each in simulations(names[0] if names else ""):
        found = kept(each, each.short) if short else kept(each, _MOST, enough=each.repeats)
        good = found.within(each.target, 3.0 if short else 1.0)
        broken += not good
        open_ = "" if short or found.settled(each.target) else ", too few to tell"
        low, high = (f"{100 * end:.0f}" for end in each.target)
        print(
            f"{each.finding:24} {each.n:6}  {100 * found.rate:5.1f}% {100 * found.error:5.1f}  "
            f"{low:>4} to {high:>3}%  {'' if good else 'NOT KEPT: '}{each.promise} "
            f"({_TARGETS[each.kind]}; {found.numbers:,} numbers, {found.draws:,} draws{open_})",
            flush=True,
        )
    print(f"{broken} promises not kept" if broken else "all promises kept")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
