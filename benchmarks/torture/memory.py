"""Memory is bounded: an audit takes at most a gigabyte beyond the model and its data.

Networks with more and more hidden units, and data sets with more and more examples, are audited
through all lenses in fresh processes, with the settings of a quick run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.torture.children import Try, megabytes

__all__ = ["FULL", "SHORT", "audit_megabytes", "tries"]

_SIZES = ((100, 1000), (1000, 1000), (100, 10_000), (10_000, 1000), (100, 100_000), (100_000, 1000))
"""Units and examples."""
FULL, SHORT = len(_SIZES), 0
_MOST = 1024.0
_INPUTS = 64
_SECONDS = 1800


def tries(count: int, _: Path) -> Iterator[Try]:
    """Audit networks and data sets of so many sizes."""
    for units, examples in _SIZES[:count]:
        case = f"{units:,} units, {examples:,} examples"
        try:
            found = audit_megabytes(units, examples)
        except subprocess.CalledProcessError as error:
            yield Try(case, f"it ends with {error.returncode}: {error.stderr[-200:]}")
            continue
        except subprocess.TimeoutExpired:
            yield Try(case, f"it takes more than {_SECONDS} s")
            continue
        yield Try(f"{case}: {found:.0f} MB", "" if found <= _MOST else f"{found:.0f} MB")


def audit_megabytes(units: int, examples: int) -> float:
    """Megabytes by which an audit raises the peak of a fresh process beyond model and data."""
    command = [sys.executable, "-m", "benchmarks.torture.memory", str(units), str(examples)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True, timeout=_SECONDS
    )
    return float(done.stdout)


def main(units: int, examples: int) -> None:
    """Audit in this process and print by how many megabytes its peak rose."""
    import torch
    from torch import nn

    import holistic
    from holistic.progress import silent

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(_INPUTS, units), nn.ReLU(), nn.Linear(units, 10))
    inputs = torch.randn(examples, _INPUTS)
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    subject = holistic.Subject(model, (inputs, labels))
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (proc(5))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "audit"
        holistic.audit(subject, out=out, quick=True, anyway=True, progress=silent)
    print(round(megabytes("VmHWM") - before, 1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
