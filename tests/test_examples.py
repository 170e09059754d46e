"""Each example runs in a short form from Python, and its command line does what it says."""

from __future__ import annotations

import importlib
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

import holistic.cli

EXAMPLES = Path(__file__).parents[1] / "examples"
SHORT: dict[str, tuple[dict[str, Any], str]] = {
    "pictures_cnn": ({"count": 30}, "image"),
    "table_mlp": ({"count": 120}, "features"),
    "texts_tokens": ({"count": 160}, "tokens"),
    "hugging_face": ({"count": 80}, "tokens"),
    "resnet18_quick": ({"short": True}, "image"),
    "one_logit": ({"count": 80}, "series"),
}
LENS = {"resnet18_quick": "tracing"}
"""Which lens is run, where `attribution` would take long."""
TINY = {"resnet18_quick:textures": "resnet18_quick:small_textures", ":resnet18 ": ":tiny "}


def test_the_list_of_examples_names_each_with_a_line() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == set(SHORT)
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"[{name}.py]({name}.py): " in readme for name in names)


@pytest.mark.filterwarnings("ignore::holistic.errors.Notice")
@pytest.mark.parametrize("name", SHORT)
def test_an_example_runs_from_python_and_from_the_command_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.syspath_prepend(EXAMPLES)
    sys.modules.pop(name, None)
    example, (given, kind) = importlib.import_module(name), SHORT[name]
    lens = LENS.get(name, "attribution")
    audit = example.main(tmp_path, **given, lenses=[lens])
    assert audit.finished == (lens,)
    assert audit.provenance["inputs"]["kind"] == kind
    assert audit.provenance["accuracy"]["value"] > 0.8
    assert list(tmp_path.glob("*.html"))
    command = example.COMMAND.format(folder=tmp_path)
    for whole, tiny in TINY.items():
        command = command.replace(whole, tiny)
    words = [*shlex.split(command), "--limit", "60", "--lens", lens]
    assert holistic.cli.main([*words, "--out", str(tmp_path / "command")]) == 0
    printed = capsys.readouterr()
    assert f"{lens}: done in" in printed.err
    assert "right on" in printed.out
