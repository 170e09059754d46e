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
from benchmarks.torture.children import Footprint, Try, ended, footprint
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
        before = footprint(door.process)
        _ask(door, count * _QUESTIONS)
        after = footprint(door.process)
    for name, fault in _faults(before, after).items():
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
        left = _faults(before, _held()) | {"hooks": f"{hooks} left" if hooks else ""}
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


def _held() -> Footprint:
    """What this process holds beside what can be freed."""
    gc.collect()
    return footprint(os.getpid())


def _faults(before: Footprint, after: Footprint) -> dict[str, str]:
    """Say what grew: memory by more than a share, descriptors and threads at all."""
    more = after.megabytes - before.megabytes
    growth = more / before.megabytes
    return {
        "memory": "" if growth < _GROWTH else f"{more:.1f} MB more ({growth:.1%})",
        "descriptors": _more(after.descriptors - before.descriptors),
        "threads": _more(after.threads - before.threads),
    }


def _more(count: int) -> str:
    return f"{count} more" if count > 0 else ""


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
