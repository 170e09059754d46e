"""The small runs that are killed, starved and started twice: a network of 13 units, six lenses."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from holistic.report.saved import Audit

__all__ = ["contents", "faults", "own_run", "trained_run"]

_MODULE = """
import torch
from torch import nn


def model():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)
    )


def data():
    images = torch.randn(90, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model()(images)
    return images, (logits - logits.mean(0)).argmax(1)
"""
_SETTINGS = """
[ablation]
depth = 3
sets = 20
partners = 2
permutations = 20
familywise = 0
[activation]
shuffles = 20
controls = 19
steps = 2
visualised = 0
[attribution]
examples = 12
steps = 4
noise_draws = 2
fractions = 4
random_orders = 2
trust_images = 8
further_images = 8
[mechanism]
edge_units = 2
draws = 20
[tracing]
pairs = 3
controls = 20
examples = 20
[agreement]
shuffles = 99
"""
_TIMES = re.compile(rb'"seconds": [0-9.e-]+|\d{4}-\d\d-\d\dT[0-9:+]+')
"""How long lenses took, and when the audit was made."""
_COST = re.compile(rb'"cost": \{.*?\n   \}', re.DOTALL)
"""What the first look expected of time and memory, by the machine's pace at that moment."""


def own_run(place: Path, out: Path) -> list[str]:
    """Words of a run of all lenses over a network of somebody's own, whose code is in a folder."""
    module = place / "torture_own.py"
    if not module.exists():
        module.write_text(_MODULE)
        (place / "settings.toml").write_text(_SETTINGS)
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    own = ["torture_own:data", "--model", "torture_own:model", "--anyway"]
    return ["run", *own, "--config", str(place / "settings.toml"), "--out", str(out)]


def trained_run(_: Path, out: Path) -> list[str]:
    """Words of a run that trains the reference network first, and reads it with one lens."""
    short = ["--limit", "100", "--lens", "tracing", "--tracing.controls", "20"]
    return ["run", "digits", *short, "--tracing.pairs", "3", "--out", str(out)]


def contents(audit: Path) -> dict[str, str]:
    """SHA-256 of every file that a finished run leaves, times of its making left out."""
    found = dict[str, str]()
    for path in sorted(audit.rglob("*")):
        if path.is_file() and path.name != ".lock":
            content = path.read_bytes()
            if path.name in ("audit.json", "report.html"):
                content = _TIMES.sub(b"", _COST.sub(b"", content))
            found[str(path.relative_to(audit))] = hashlib.sha256(content).hexdigest()
    return found


def faults(audit: Path) -> str:
    """Say what of a folder can be seen half-published: files count by what audit.json names."""
    if not (audit / "audit.json").exists():
        seen = [str(p.relative_to(audit)) for p in audit.rglob("*") if not p.name.startswith(".")]
        odd = [name for name in seen if name not in ("model.safetensors", "tables", "arrays")]
        return f"without audit.json there is {odd[0]}" if odd else ""
    run = Audit.load(audit)
    for lens in run.lenses:
        if fault := run.fault(lens):
            return fault
    page = audit / "report.html"
    if page.exists() and not page.read_text().rstrip().endswith("</html>"):
        return "half a report"
    return ""
