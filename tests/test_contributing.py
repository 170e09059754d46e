"""What CONTRIBUTING.md shows is code that works as it is written."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from benchmarks.coverage.columns import PROMISES

from holistic.lenses import _contract, _places
from made import schema_of

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def block(first: str) -> str:
    (found,) = (code for code in blocks("python") if code.startswith(f"# {first}\n"))
    return found


def test_the_lens_and_its_test_work_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = tomllib.loads(blocks("toml")[0])["project"]["entry-points"][_places.GROUP].items()
    name, (module, attribute) = entry[0], entry[1].split(":")
    folder = tmp_path / module.split(".")[0]
    folder.mkdir()
    (folder / "__init__.py").touch()
    lens = block(f"src/holistic/lenses/{name}.py")
    (tmp_path / (module.replace(".", "/") + ".py")).write_text(lens, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    places = {**_places.lens_places(), name: _places.Place(module, attribute, "my-package")}
    monkeypatch.setattr("holistic.lenses._contract.lens_places", lambda: places)
    monkeypatch.setattr("holistic.lenses._places.lens_places", lambda: places)
    importlib.invalidate_caches()
    try:
        schema = schema_of("brightness.classes")
        assert schema.title == "Brightness of the classes"
        assert schema.answers
        test: dict[str, object] = {}
        exec(block(f"tests/test_{name}.py"), test)
        needed = {c.name for c in schema.columns if c.role in ("lo", "p", "q")}
        (promised,) = test["PROMISES"].values()  # pyright: ignore
        assert promised.keys() <= {w for of in PROMISES.values() for w in of}
        assert {name for columns in promised.values() for name in columns.split()} == needed
        tries = [value for key, value in test.items() if key.startswith("test_")]
        assert len(tries) == 1
        for one in tries:
            one()  # pyright: ignore
    finally:
        for cached in (_contract._loaded, _contract.declared_schemas):
            cached.cache_clear()
        for known in [m for m in sys.modules if m.startswith(module.split(".")[0])]:
            del sys.modules[known]


def test_the_lens_and_its_test_pass_the_linter() -> None:
    for first in ("src/holistic/lenses/brightness.py", "tests/test_brightness.py"):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--stdin-filename", first, "-"],
            input=block(first).partition("\n")[2],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert run.returncode == 0, run.stdout


def test_every_python_block_can_be_read() -> None:
    assert len(blocks("python")) >= 6
    for code in blocks("python"):
        ast.parse(code)


def test_files_and_commands_that_it_names_are_there() -> None:
    places = set(re.findall(r"`((?:src|tests|web|docs|benchmarks)/[\w./]+\.\w+)`", TEXT))
    made = {"src/holistic/lenses/brightness.py"}
    assert {place for place in places - made if not (ROOT / place).exists()} == set()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"^make (\w+)", TEXT, flags=re.MULTILINE)) <= targets
    for link in re.findall(r"\]\(([\w/]+\.md)", TEXT):
        assert (ROOT / link).exists()
