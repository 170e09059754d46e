"""Calibrate the trust in maps and judge it: `python -m benchmarks.trust --help`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.trust.fitting import Verdict, as_json, fitted, verdict, verdict_apart
from benchmarks.trust.measured import kept, measured
from benchmarks.trust.trained import case
from holistic.lenses import attribution

_PLACE = Path(attribution.__file__).parent / "trust_calibration.json"


def main() -> None:
    """Measure networks, calibrate on them, and print how well it does on families left out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--cases", type=int, default=96, help="how many networks to calibrate on")
    parser.add_argument("--apart", type=int, default=27, help="how many of other families to judge")
    parser.add_argument("--folder", type=Path, default=Path(".cache/trust"), help="kept here")
    parser.add_argument("--write", action="store_true", help="replace the package's calibration")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    asked = [case(number) for number in range(chosen.cases)]
    others = [case(number, apart=True) for number in range(chosen.apart)]
    made = [kept(one, chosen.folder, measured) for one in track([*asked, *others], "networks")]
    found, judges = made[: len(asked)], made[len(asked) :]
    _shown("families left out of the fit, one after the other", verdict(found))
    if judges:
        _shown("families that no choice was made with", verdict_apart(fitted(found), judges))
    if chosen.write:
        text = json.dumps(as_json(fitted(found)), separators=(",", ":"))
        _PLACE.write_text(text + "\n", encoding="utf-8")


def _shown(what: str, judged: Verdict) -> None:
    console = Console()
    console.print(
        f"{what}: {judged.cases} networks, {judged.pairs} maps, {judged.families} families: AUROC "
        f"{judged.auroc:.3f}, recommended over best {judged.ratio:.3f}, expected calibration "
        f"error {judged.error:.3f}"
    )
    for chance, true, count in judged.reliability:
        console.print(f"said {chance:.2f}, true {true:.2f}, n = {count}")
    for method, ratio in judged.fixed.items():
        console.print(f"always {method}: {ratio:.3f}")


if __name__ == "__main__":
    main()
