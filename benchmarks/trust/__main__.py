"""Calibrate the trust in maps and judge it: `python -m benchmarks.trust --help`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.trust.fitting import as_json, fitted, verdict
from benchmarks.trust.measured import kept, measured
from benchmarks.trust.trained import case
from holistic.lenses import attribution

_PLACE = Path(attribution.__file__).parent / "trust_calibration.json"


def main() -> None:
    """Measure networks, calibrate on them, and print how well it does on families left out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--cases", type=int, default=90, help="how many networks")
    parser.add_argument("--folder", type=Path, default=Path(".cache/trust"), help="kept here")
    parser.add_argument("--write", action="store_true", help="replace the package's calibration")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    numbers = track(range(chosen.cases), "networks")
    found = [kept(case(number), chosen.folder, measured) for number in numbers]
    judged = verdict(found)
    console = Console()
    console.print(
        f"{judged.cases} networks, {judged.pairs} maps, {judged.families} families, each judged "
        f"by a fit to the others: AUROC {judged.auroc:.3f}, recommended over best "
        f"{judged.ratio:.3f}, expected calibration error {judged.error:.3f}"
    )
    for chance, true, count in judged.reliability:
        console.print(f"said {chance:.2f}, true {true:.2f}, n = {count}")
    for method, ratio in judged.fixed.items():
        console.print(f"always {method}: {ratio:.3f}")
    if chosen.write:
        text = json.dumps(as_json(fitted(found)), separators=(",", ":"))
        _PLACE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
