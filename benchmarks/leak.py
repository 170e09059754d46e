"""How much does each audit leave behind in the process? Call it with N and names of lenses."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

import holistic

_WARM = 30
"""Audits after which imports and caches that have an end are as full as they get.

torch and oneDNN keep what they prepared for each shape of a convolution or large linear layer, up
to 1,024 each, which Python cannot free (LRU_CACHE_CAPACITY, ONEDNN_PRIMITIVE_CACHE_CAPACITY).
"""


def main() -> None:
    """Make N audits of small models in this process; print objects and megabytes on the way."""
    count, lenses = int(sys.argv[1]), sys.argv[2:] or ["attribution"]
    before = (0, 0.0)
    for i in range(_WARM + count):
        _audit(i, lenses)
        if i + 1 == _WARM:
            before = _held()
        if i + 1 > _WARM and (i + 1 - _WARM) % max(count // 4, 1) == 0:
            objects, megabytes = (now - then for now, then in zip(_held(), before, strict=True))
            shares = [f"{x:.2%}" for x in (objects / before[0], megabytes / before[1])]
            print(i + 1 - _WARM, f"{objects:+} objects, {megabytes:+.1f} MB", *shares, flush=True)


def _audit(seed: int, lenses: list[str]) -> None:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))
    images = torch.randn(60, 1, 8, 8, generator=generator)
    subject = holistic.Subject(model, (images, torch.arange(60) % 3))
    with tempfile.TemporaryDirectory() as folder:
        # the weights are newly drawn, which the first look tells
        holistic.audit(subject, out=Path(folder) / "audit", lenses=lenses, anyway=True)


def _held() -> tuple[int, float]:
    """Objects that Python's collector knows, and megabytes that the process holds."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    held = next(float(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return len(gc.get_objects()), held / 1024


if __name__ == "__main__":
    main()
