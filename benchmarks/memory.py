"""How much memory does a sweep take beyond model and data? Call it with a network and N."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from benchmarks.networks import NETWORKS, subject_of
from benchmarks.torture.children import megabytes
from holistic import sweep


def sweep_megabytes(name: str, images: int) -> float:
    """Megabytes by which a sweep of so many images raises the peak of a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(images)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Sweep in this process and print by how many megabytes its peak rose."""
    name, images = sys.argv[1], int(sys.argv[2])
    subject = subject_of(name, images=images)
    subject.engine, subject.evaluation, subject.selection  # noqa: B018 - data and graph come first
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (proc(5))
    before = megabytes("VmRSS")
    sweep(subject, NETWORKS[name].sites, "mean")
    print(round(megabytes("VmHWM") - before, 1))


if __name__ == "__main__":
    main()
