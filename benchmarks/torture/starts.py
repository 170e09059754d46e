"""Of runs that start at once in one folder, one wins, and the others get a clear line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.torture.children import Try, ended, judged, run, started
from benchmarks.torture.small import contents, faults, own_run

__all__ = ["FULL", "SHORT", "tries"]

FULL, SHORT = 50, 5
_LINES = ("another run writes to", "another run wrote to")


def tries(count: int, place: Path) -> Iterator[Try]:
    """Start so many runs at once, behind a gate that opens for all; then let one go on."""
    out, whole = place / "out", place / "whole"
    words = [*own_run(place, out), "--lens", "tracing"]
    shutil.rmtree(out, ignore_errors=True)
    here, away = os.pipe()

    def waits() -> None:
        os.close(away)
        os.read(here, 1)  # ends when the other side is closed

    told = [place / f"told-{i}" for i in range(count)]
    children = [started(words, file, waits) for file in told]
    os.close(here)
    os.close(away)
    codes = [ended(child, 300) for child in children]
    won = [code == 0 for code in codes]
    for i, (code, file) in enumerate(zip(codes, told, strict=True)):
        text = file.read_text(errors="replace")
        found = "hung" if code is None else judged(code, text)
        refused = found == "told" and any(line in text for line in _LINES)
        yield Try(f"start {i}", "" if won[i] or refused else f"{found}: {text[-200:]}")
    run([*own_run(place, whole), "--lens", "tracing"], place / "told")
    run(words, place / "told")  # nothing is left to do
    same = contents(out) == contents(whole)
    yield Try("one wins", "" if any(won) and same else faults(out) or f"{sum(won)} won")
