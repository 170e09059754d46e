"""On a full disk a run ends with a clear line, and with room again it ends with the same bytes.

Each run writes to a file system of its own, in memory, that is smaller than what a run leaves.
It needs the right to mount one (`unshare --mount` as root does).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.torture.children import Try, judged, run
from benchmarks.torture.small import contents, faults, own_run

__all__ = ["FULL", "SHORT", "tries"]

FULL, SHORT = 100, 2
_LENSES = ("--lens", "ablation", "tracing")
_SPARE = 1.2


def tries(count: int, place: Path) -> Iterator[Try]:
    """Give runs a random number of bytes, and then all that they need."""
    rng, told, whole = np.random.default_rng(0), place / "told", place / "whole"
    run([*own_run(place, whole), *_LENSES], told)
    want = contents(whole)
    size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    for i in range(count):
        budget = int(rng.uniform(4096, _SPARE * size))
        disk = place / f"disk-{i}"
        disk.mkdir()
        _mount(disk, budget)
        try:
            yield Try(f"{budget} bytes", _fault(place, disk, want, told))
        finally:
            subprocess.run(["umount", str(disk)], check=True)
            shutil.rmtree(disk)


def _mount(disk: Path, size: int) -> None:
    options = f"size={size},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "torture", str(disk)], check=True)


def _fault(place: Path, disk: Path, want: dict[str, str], told: Path) -> str:
    """Run on the small disk, make it large, and run again; say what was wrong."""
    out = disk / "out"
    words = [*own_run(place, out), *_LENSES]
    code = run(words, told)
    text = told.read_text(errors="replace")
    ended = "hung" if code is None else judged(code, text)
    if ended not in ("told", "ran") or (ended == "told" and "space" not in text):
        return f"{ended}: {text[-200:]}"
    if out.exists() and (fault := faults(out)):
        return fault
    subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
    if run(words, told):
        return f"it doesn't go on: {told.read_text()[-200:]}"
    return "" if contents(out) == want else "other bytes"
