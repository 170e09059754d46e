"""Plants shortcuts and prints which are found, and removed: `python -m benchmarks.shortcuts`."""

from __future__ import annotations

import argparse
from collections import defaultdict

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.shortcuts.cases import all_cases, varied_cases
from benchmarks.shortcuts.judged import Outcome, judged


def main() -> None:
    """Judge the cases that the command line asks for and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts", description=__doc__)
    parser.add_argument("names", nargs="*", help="words that a case's name must hold")
    parser.add_argument("--every", type=int, default=1, help="one case in so many")
    parser.add_argument("--varied", action="store_true", help="other looks and sizes")
    parser.add_argument("--no-repair", action="store_true", help="find only")
    chosen = parser.parse_args()
    every = varied_cases() if chosen.varied else all_cases()
    cases = [c for c in every if all(word in c.name for word in chosen.names)]
    console, groups = Console(), defaultdict[str, list[Outcome]](list)
    for case in cases[:: chosen.every]:
        outcome = judged(case, repaired=not chosen.no_repair)
        console.print(outcome.line(case.name))
        groups[case.kind].append(outcome)
    console.print(_table(groups))


def _table(groups: dict[str, list[Outcome]]) -> RichTable:
    table = RichTable("kind", "cases", "taken up", "found", "false alarms", "regained", "seconds")
    every = [one for group in groups.values() for one in group]
    for name, group in [*groups.items(), ("all", every)]:
        taken = [one for one in group if one.taken_up]
        lost = sum(one.lost for one in taken)
        table.add_row(
            name,
            str(len(group)),
            str(len(taken)),
            f"{sum(one.found for one in taken)}",
            f"{sum(one.alarm for one in group)} of {len(group)}",
            f"{sum(one.regained for one in taken) / lost:.0%}" if lost > 0 else "",
            f"{max((one.seconds for one in group), default=0):.0f}",
        )
    return table


if __name__ == "__main__":
    main()
