"""Do the files that others rely on agree: workflow, Makefile, versions, the citation?"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

import holistic
from made import own_schemas

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
    assert made == ["web", "browser", "test", "docs"]
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


ROOMS = {
    "checking",
    "results",
    "study",
    "graph",
    "replacing",
    "stats",
    "report",
    "workbench",
    "cli",
}
IDIOLECT = {"told", "said", "held", "beside"}
PACKAGE, PAGES = ROOT / "src/holistic", ROOT / "web/src"


def modules() -> dict[Path, ast.Module]:
    files = sorted(PACKAGE.rglob("*.py"))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def page_sources() -> dict[Path, str]:
    files = sorted(path for path in PAGES.rglob("*") if path.suffix in (".ts", ".tsx"))
    return {path: path.read_text(encoding="utf-8") for path in files}


def names_of_findings() -> re.Pattern[str]:
    declared = [schema.name for schema in own_schemas()]
    assert len(declared) > 20
    return re.compile("|".join(rf"\b{re.escape(name)}\b" for name in declared))


def texts(module: ast.Module) -> list[str]:
    """Strings of a module that aren't its docstrings, whose examples may name findings."""
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    every = (node for node in ast.walk(module) if isinstance(node, ast.Constant))
    return [n.value for n in every if isinstance(n.value, str) and id(n) not in alone]


def test_rooms_and_pages_outside_lenses_name_no_finding() -> None:
    named = names_of_findings()
    parts = {path: path.relative_to(PACKAGE).parts for path in modules()}
    found = {
        path: names
        for path, module in modules().items()
        if parts[path][0] in ROOMS or len(parts[path]) == 1
        if (names := [name for text in texts(module) for name in named.findall(text)])
    }
    for path, text in page_sources().items():
        own = path.relative_to(PAGES).parts
        if (own[0] != "lenses" or len(own) == 2) and (names := named.findall(text)):
            found[path] = names
    assert not found


def identifiers(module: ast.Module) -> set[str]:
    fields = ("id", "arg", "attr", "name", "asname", "rest")
    own = (getattr(node, field, None) for node in ast.walk(module) for field in fields)
    return {name for name in own if isinstance(name, str)}


def test_names_in_python_say_what_a_thing_is() -> None:
    found = {
        path: names
        for path, module in modules().items()
        if (names := [n for n in identifiers(module) if IDIOLECT & set(n.lower().split("_"))])
    }
    assert not found


def test_names_in_pages_say_what_a_thing_is() -> None:
    """Where a word stands as code does: declared, called, read from, or passed on."""
    word = "|".join(IDIOLECT)
    named = re.compile(
        rf"\b(?:const|let|var|function|interface|type) (?:{word})\b"
        rf"|\.(?:{word})\b(?! )|[(\[{{,|] ?(?:{word}) ?[,)\]}}:=|]|(?<![\w ])(?:{word})\("
        rf"|\bset(?:{word.title()})\b|<(?:{word.title()})\b"
    )
    found = {path: names for path, text in page_sources().items() if (names := named.findall(text))}
    assert not found


def test_no_file_is_longer_than_400_lines() -> None:
    files = [*PACKAGE.rglob("*.py"), *page_sources()]
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {path: count for path, count in lines.items() if count > 400} == {}


def test_tests_take_what_lenses_declare_from_the_contract() -> None:
    """A lens may be one file, and a row may get a column: no test finds schemas by the place of
    their module, or makes a row with all of its cells."""
    rows = {schema.row.__name__ for schema in own_schemas() if schema.row}
    found = dict[str, list[str]]()
    for path in sorted((ROOT / "tests").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        places = re.findall(r"holistic\.lenses\.\{\w+\}\.\w+", source)
        nodes = list(ast.walk(ast.parse(source)))
        taken = {name.name for node in nodes if isinstance(node, ast.ImportFrom)
                 if "schemas" in (node.module or "") for name in node.names}  # fmt: skip
        calls = [node.func for node in nodes if isinstance(node, ast.Call)]
        made = [f.id for f in calls if isinstance(f, ast.Name) and f.id in rows & taken]
        if named := [*places, *made]:
            found[path.name] = named
    assert not found
