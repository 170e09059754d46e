"""Memory is bounded: an audit takes at most a gigabyte beyond the model and its data.

Networks with more and more hidden units, and data sets with more and more examples, are audited
through all lenses in fresh processes, with the settings of a quick run. Streams give 28 × 28
numbers an example, and what they hold counts as the audit's. `pairs` correlates all
units of a site.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.torture.children import Try, megabytes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from holistic.study.subject import Subject

__all__ = ["FULL", "SHORT", "audit_megabytes", "tries"]

_CASES = (
    ("stream", 100, 1000), ("pairs", 1000, 1000), ("pairs", 10_000, 1000), ("audit", 100, 1000),
    ("audit", 1000, 1000), ("audit", 100, 10_000), ("stream", 100, 10_000),
    ("stream", 100, 100_000), ("audit", 10_000, 1000), ("pairs", 20_000, 8000),
    ("audit", 100, 100_000), ("audit", 100_000, 1000), ("pairs", 100_000, 1000),
)  # fmt: skip
"""What is done, units and examples."""
FULL, SHORT = len(_CASES), 3
_MOST = 1024.0
_INPUTS, _BATCH = 64, 500
_SECONDS = 1800


def tries(count: int, _: Path) -> Iterator[Try]:
    """Audit networks and data sets of so many sizes."""
    for kind, units, examples in _CASES[:count]:
        case = f"{kind}: {units:,} units, {examples:,} examples"
        try:
            found = audit_megabytes(units, examples, kind)
        except subprocess.CalledProcessError as error:
            yield Try(case, f"it ends with {error.returncode}: {error.stderr[-200:]}")
            continue
        except subprocess.TimeoutExpired:
            yield Try(case, f"it takes more than {_SECONDS} s")
            continue
        yield Try(f"{case}: {found:.0f} MB", "" if found <= _MOST else f"{found:.0f} MB")


def audit_megabytes(units: int, examples: int, kind: str = "audit") -> float:
    """Megabytes by which an audit raises the peak of a fresh process beyond model and data."""
    command = [sys.executable, "-m", "benchmarks.torture.memory", str(units), str(examples), kind]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True, timeout=_SECONDS
    )
    return float(done.stdout)


def main(units: int, examples: int, kind: str) -> None:
    """Audit in this process and print by how many megabytes its peak rose."""
    import torch
    from torch import nn

    import holistic
    from holistic.progress import silent

    torch.manual_seed(0)
    inputs = 28 * 28 if kind == "stream" else _INPUTS
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, units), nn.ReLU(), nn.Linear(units, 10))
    with torch.no_grad():
        model[-1].bias -= model(torch.randn(1000, inputs)).mean(0)  # so that each class is met
    parts = _batches(model, inputs, examples)
    data = ((x.unflatten(1, (28, 28)), y) for x, y in parts)
    if kind != "stream":
        x, y = zip(*parts, strict=True)
        data = holistic.Subject(model, (torch.cat(x), torch.cat(y)))
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (proc(5))
    subject = holistic.Subject(model, data) if kind == "stream" else data
    with tempfile.TemporaryDirectory() as folder:
        if kind == "pairs":
            _correlate(subject)
        else:
            out = Path(folder) / "audit"
            holistic.audit(subject, out=out, quick=True, anyway=True, progress=silent)
    print(round(megabytes("VmHWM") - before, 1))


def _batches(model: nn.Module, inputs: int, examples: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random inputs a batch at a time, with what the model says of them."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for start in range(0, examples, _BATCH):
        x = torch.randn(min(_BATCH, examples - start), inputs, generator=generator)
        with torch.no_grad():
            yield x, model(x).argmax(1)


def _correlate(subject: Subject) -> None:
    """Correlate all units, with their controls."""
    from holistic.lenses.mechanism import Mechanism
    from holistic.lenses.mechanism._columns import columns_of
    from holistic.lenses.mechanism._untrained import copies, copies_of
    from holistic.lenses.mechanism.pairs import pairs
    from holistic.progress import silent

    lens = Mechanism(clustered_units=64)
    columns = columns_of(subject, lens.most_units)
    drawn = copies(subject, settings=lens)
    shown = copies_of(subject, drawn, columns, settings=lens, progress=silent)
    pairs(subject, columns, shown, settings=lens, progress=silent)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
