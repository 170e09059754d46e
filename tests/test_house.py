"""Do the files that others rely on agree: workflow, Makefile, versions, the citation?"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

import holistic

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def checks() -> dict[str, Any]:
    return yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]["checks"]


def test_the_workflow_makes_the_targets_that_a_change_must_pass() -> None:
    commands = [step.get("run", "") for step in checks()["steps"]]
    made = [
        c.split()[-1] for c in commands if c.startswith("make PYTHON=python${{ matrix.python }}")
    ]
    assert made == ["web", "browser", "test"]
    targets = set(re.findall(r"^([\w-]+):", text("Makefile"), flags=re.MULTILINE))
    assert set(made) <= targets
    assert "PYTHON ?= python3" in text("Makefile")


def test_the_workflow_starts_at_the_oldest_python_that_is_supported() -> None:
    oldest = tomllib.loads(text("pyproject.toml"))["project"]["requires-python"]
    versions = checks()["strategy"]["matrix"]["python"]
    assert oldest == f">={versions[0]}"
    assert versions == ["3.11", "3.12", "3.13"]


def test_hooks_run_what_the_environment_pins() -> None:
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = {hook["id"]: hook["entry"] for hook in hooks[0]["hooks"]}
    assert entries["ruff-format"].startswith(".venv/bin/ruff format")
    assert entries["ruff-check"].startswith(".venv/bin/ruff check")
    assert re.search(r"^ruff==", text("constraints.txt"), flags=re.MULTILINE)
    assert re.search(r'"@biomejs/biome": "\d+\.\d+\.\d+"', text("web/package.json"))


def test_the_citation_names_this_version_and_licence() -> None:
    cited = yaml.safe_load(text("CITATION.cff"))
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert cited["version"] == holistic.__version__ == project["version"]
    assert cited["license"] == project["license"]
    assert cited["abstract"] == project["description"]
