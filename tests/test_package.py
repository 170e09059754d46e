"""The package's face: public names, start-up, and lenses that load without heavy imports."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import holistic
from holistic.lenses._contract import Lens, lens_class, lens_names

HEAVY = ("torch", "sklearn", "scipy", "pandas", "matplotlib", "captum", "pyarrow", "pooch", "PIL")
PACKAGE = Path(holistic.__file__).parent


def imported_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the names of the packages that it imported."""
    script = (
        f"import sys, json, contextlib, io\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    {code}\n"
        f"print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def heavy(code: str) -> list[str]:
    return [name for name in HEAVY if name in imported_by(code)]


def test_the_probe_sees_heavy_imports() -> None:
    assert heavy("import matplotlib") == ["matplotlib", "PIL"]


LIGHT = (
    "import holistic; dir(holistic)",
    "import holistic; holistic.HolisticError",
    "import holistic; holistic.load",
    "from holistic.cli import main; assert main(['--help']) == 0",
    "from holistic.cli import main; assert main(['--version']) == 0",
    "from holistic.cli import main; assert main(['run', '--help']) == 0",
    "from holistic.cli import main; assert main(['sites', '--help']) == 0",
    "from holistic.cli import main; assert main(['train', '--help']) == 0",
    "from holistic.cli import main; assert main(['report', '--help']) == 0",
    "from holistic.cli import main; assert main(['export', '--help']) == 0",
    "from holistic.cli import main; assert main(['compare', '--help']) == 0",
    "from holistic.cli import main; assert main(['ask', '--help']) == 0",
    "from holistic.cli import main; assert main(['doctor', '--help']) == 0",
    "from holistic.cli import main; assert main(['run', '--lens', 'nope']) == 2",
    "from holistic.cli import main; assert main(['report', 'no/such/folder']) == 2",
    "from holistic.cli import main; assert main(['export', 'no/such/folder']) == 2",
    "from holistic.cli import main; assert main(['compare', 'no/such', 'folder']) == 2",
)


def test_start_up_imports_nothing_heavy() -> None:
    """All in one interpreter: what one of them imported would be seen."""
    assert heavy("; ".join(LIGHT)) == []


def test_help_of_the_program_imports_no_lens_and_no_numpy() -> None:
    names = imported_by("from holistic.cli import main; main(['--help'])")
    assert "cyclopts" in names
    assert "numpy" not in names


def test_all_names_are_real_and_all_exports_are_listed() -> None:
    assert set(holistic.__all__) == set(holistic._HOMES)
    for name in holistic.__all__:
        value = getattr(holistic, name)
        assert value.__module__.startswith("holistic.")
        assert value.__name__ == name
    assert set(holistic.__all__) <= set(dir(holistic))


def test_the_type_checker_sees_the_same_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: (node.module or "").removeprefix("holistic.")
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == holistic._HOMES


def test_names_are_imported_without_a_draw_from_the_users_generator() -> None:
    code = (
        "import random, sys, holistic; random.seed(0); before = random.getstate(); "
        "holistic.audit; assert 'rich.style' in sys.modules; assert random.getstate() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = holistic.nothing


def test_functions_stay_functions_after_their_modules_are_imported() -> None:
    import holistic.audits
    import holistic.replacing.sweep

    assert callable(holistic.audit)
    assert callable(holistic.sweep)


def test_no_package_gives_a_name_that_one_of_its_modules_takes() -> None:
    """Whoever imports the module puts it into the name's place."""
    root = Path(holistic.__file__).parent
    for package in {path.parent for path in root.rglob("__init__.py")} - {root}:
        name = ".".join(["holistic", *package.relative_to(root).parts])
        given = getattr(importlib.import_module(name), "__all__", ())
        modules = {path.stem for path in package.iterdir()}
        assert modules.isdisjoint(given), name


def test_every_module_says_which_question_it_answers() -> None:
    for path in PACKAGE.rglob("*.py"):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert doc, f"{path} has no docstring"


@pytest.mark.parametrize("name", lens_names())
def test_every_lens_loads(name: str) -> None:
    kind = lens_class(name)
    assert issubclass(kind, Lens)
    assert kind.name == name
    assert kind.question.endswith("?")
    assert set(kind.needs) < set(lens_names())
    assert kind() == kind()


@pytest.mark.parametrize("name", lens_names())
def test_settings_of_a_lens_are_read_without_torch(name: str) -> None:
    assert heavy(f"from holistic.lenses._contract import lens_class; lens_class('{name}')()") == []
