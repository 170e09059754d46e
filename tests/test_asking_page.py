"""Does what docs/asking.md shows run as it is written?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import holistic
import planted_report

PAGE = (Path(__file__).parents[1] / "docs/asking.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_blocks_run_one_after_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 16, 3))
    subject = holistic.Subject(model.eval(), (torch.rand(36, 1, 6, 6), torch.arange(36) % 3))
    folder = planted_report.audit(tmp_path / "audit").path
    known = {"subject": subject, "holistic": holistic, "torch": torch}
    known |= {"folder": folder, "out": tmp_path}
    exec("\n".join(BLOCKS), known)
    assert known["found"].statements[0].startswith("Under these edits the accuracy changes by")
    assert capsys.readouterr().out.startswith("# ")
    assert {p.name for p in tmp_path.iterdir()} >= {"flow.pdf", "tables", "events"}
