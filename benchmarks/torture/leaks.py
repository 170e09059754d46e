"""Audits and questions leave nothing behind: memory, descriptors, threads, hooks.

Audits of small models, a lens each in turn, are made in one process, and a served audit is asked
again and again; both are measured once imports and caches that have an end are full. torch and
oneDNN keep what they prepared for each shape of a convolution or a large linear layer, up to
1,024 each, which Python cannot free (LRU_CACHE_CAPACITY, ONEDNN_PRIMITIVE_CACHE_CAPACITY).
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

import holistic
from benchmarks.torture.children import Try, ended
from benchmarks.torture.models import LENSES, SMALL
from benchmarks.torture.strangers import Door, opened
from holistic.lenses._contract import lens_class

__all__ = ["FULL", "SHORT", "tries"]

FULL, SHORT = 500, 10
_WARM = 30
"""Audits, and hundreds of questions, after which what is kept once is kept."""
_QUESTIONS = 40
"""Questions for each audit."""
_GROWTH = 0.02
_HOUR = 3600.0


def tries(count: int, place: Path) -> Iterator[Try]:
    """Make so many audits in a child, and ask forty times as many questions of a served one."""
    record = place / "leaks.json"
    child = os.fork()
    if not child:
        _audits(count, place, record)
    ended(child, _HOUR)
    grown = json.loads(record.read_text()) if record.exists() else {"audits": "they failed"}
    for name in ("memory", "descriptors", "threads", "hooks"):
        yield Try(f"{count} audits: {name}", grown.get(name, ""))
    with opened(place) as door:
        _ask(door, _WARM * 100 if count >= FULL else 300)
        before = (door.megabytes, door.descriptors, door.threads)
        _ask(door, count * _QUESTIONS)
        after = (door.megabytes, door.descriptors, door.threads)
    names = ("memory", "descriptors", "threads")
    for name, fault in zip(names, _faults(before, after), strict=True):
        yield Try(f"{count * _QUESTIONS} questions: {name}", fault)


def _audits(count: int, place: Path, record: Path) -> None:
    """Make audits, and write down what they left; never returns."""
    try:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        hooks = 0
        for i in range(_WARM):
            hooks += _audit(i, place / "audit")
        before = _held()
        for i in range(count):
            hooks += _audit(_WARM + i, place / "audit")
        found = _faults(before, _held())
        names = ("memory", "descriptors", "threads")
        left = dict(zip(names, found, strict=True)) | {"hooks": f"{hooks} left" if hooks else ""}
        record.write_text(json.dumps(left))
    finally:
        os._exit(0)


def _audit(seed: int, out: Path) -> int:
    """Audit a small model through one lens; return how many hooks it has afterwards."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))
    images = torch.randn(60, 1, 8, 8, generator=generator)
    subject = holistic.Subject(model, (images, torch.arange(60) % 3))
    lens = LENSES[seed % len(LENSES)]
    shutil.rmtree(out, ignore_errors=True)
    # the weights are newly drawn, which the first look tells
    chosen = replace(lens_class(lens)(), **SMALL[lens])
    holistic.audit(subject, out=out, lenses=[chosen], anyway=True)
    return sum(len(held) for m in model.modules() for k, held in vars(m).items() if "hooks" in k)


def _held() -> tuple[float, int, int]:
    """Megabytes, descriptors and threads of this process."""
    gc.collect()
    return Door(0, "", os.getpid()).megabytes, *_counts(os.getpid())


def _counts(process: int) -> tuple[int, int]:
    door = Door(0, "", process)
    return door.descriptors, door.threads


def _faults(before: tuple[float, int, int], after: tuple[float, int, int]) -> tuple[str, str, str]:
    """Say what grew: memory by more than a share, descriptors and threads at all."""
    growth = after[0] / before[0] - 1
    memory = "" if growth < _GROWTH else f"{after[0] - before[0]:.1f} MB more ({growth:.1%})"
    more = [after[i] - before[i] for i in (1, 2)]
    descriptors, threads = (f"{n} more" if n > 0 else "" for n in more)
    return memory, descriptors, threads


def _ask(door: Door, count: int) -> None:
    """Ask what a page asks, in turn."""
    asked = [
        ("state", {}),
        ("rows", {"finding": "ablation.units", "limit": 5}),
        ("jobs", {}),
        ("remove", {"session": "a", "number": 0, "units": [["1", 0]]}),
    ]
    for i in range(count):
        name, body = asked[i % len(asked)]
        number = {"number": i} if "number" in body else {}
        door.asked(name, json.dumps(body | number).encode())
