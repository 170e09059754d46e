"""Every form of data that docs/data.md shows is taken, from Python and from the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import holistic
from holistic.cli import main
from holistic.errors import Notice

TEXT = (Path(__file__).parents[1] / "docs/data.md").read_text(encoding="utf-8")
CODE = "import numpy as np\nimport pandas as pd\nimport torch\n\n" + "\n\n".join(
    re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
)
FORMS = re.findall(r"^def (\w+)\(\):", CODE, flags=re.MULTILINE)
ANIMALS, STATES = ("cat", "dog", "fox"), ("idle", "busy", "broken")
NAMES = dict.fromkeys(("arrays", "dataset", "loader", "two"), ANIMALS)
NAMES |= dict.fromkeys(("table", "hugging_face"), STATES)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Module of the page's examples, with a model."""
    name = f"shown_{tmp_path.name.replace('-', '_')}"
    model = "\n\ndef network():\n    from test_docs_data import network\n\n    return network()\n"
    (tmp_path / f"{name}.py").write_text(CODE + model, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_the_page_shows_every_form() -> None:
    assert FORMS == [
        "arrays", "dictionary", "dataset", "loader", "batches", "table", "hugging_face", "two",
    ]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore::holistic.errors.Notice")
def test_each_form_is_taken(shown: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    __import__(shown)
    data = getattr(sys.modules[shown], form)()
    subject = holistic.Subject(network(), data[1] if form == "two" else data)
    assert subject.classes == NAMES.get(form, ("0", "1", "2"))
    assert len(subject.labels) == 60
    assert torch.equal(subject.labels, torch.arange(60) % 3)
    assert subject.feature_names[:2] == (("sensor 0", "sensor 1") if form == "table" else ())
    assert main(["sites", f"{shown}:{form}", "--model", f"{shown}:network", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sites"]


def test_what_the_page_says_of_a_loader_is_told(shown: str) -> None:
    __import__(shown)
    with pytest.warns(Notice) as told:
        holistic.Subject(network(), sys.modules[shown].loader())
    assert len(told) == 2
