"""A lens in a package of its own is found by its entry point, and is like any other lens."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import holistic
from fakes import network, patterns
from holistic.errors import AuditError, Notice, SettingError
from holistic.lenses import _contract, _places, lens_class, lens_names
from holistic.lenses._choice import chosen_lenses
from made import schema_of

HERE = Path(__file__).parent
SCHEMAS = """
from dataclasses import dataclass

from holistic.lenses import Estimate, Schema, estimate, key


@dataclass(frozen=True)
class Brightness:
    class_: str = key("class of the images", name="class")
    bin: int = key("which part of the images, from the top")
    brightness: Estimate = estimate("mean brightness of the part", unit="share", prefix="")


BRIGHTNESS = Schema("brightness.classes", "How bright the classes are", Brightness)
"""
LENS = '''
from dataclasses import dataclass
from typing import ClassVar

from holistic.lenses import Context, Estimate, Finding, Lens, Table, setting


@dataclass(frozen=True)
class Brightness(Lens):
    name: ClassVar[str] = "brightness"
    question: ClassVar[str] = "how bright are the images of each class?"

    bins: int = setting(2, 1, 100)
    """Parts of an image, from its top to its bottom."""

    def run(self, subject, context: Context):
        from brightness.schemas import BRIGHTNESS, Brightness as Row

        rows = []
        for index, name in enumerate(subject.classes):
            images = subject.evaluation.images[subject.evaluation.labels == index]
            for place, part in enumerate(images.chunk(self.bins, 2)):
                mean = float(part.mean())
                rows.append(Row(name, place, Estimate(mean, mean - 0.1, mean + 0.1)))
            context.progress("classes", index + 1, len(subject.classes))
        table = Table.from_rows(Row, rows)
        yield Finding(BRIGHTNESS, table, (f"There are {len(rows)} parts of images.",))
'''

Install = Callable[..., Path]


def forget() -> None:
    """Have lenses looked for anew."""
    for cached in (_places.lens_places, _contract._loaded, _contract.declared_schemas):
        cached.cache_clear()
    importlib.invalidate_caches()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with modules and entry points where Python finds it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    known = set(sys.modules)

    def put(package: str, entries: dict[str, str], **modules: str) -> Path:
        about = site / f"{package.replace('-', '_')}-0.1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (about / "entry_points.txt").write_text("\n".join([f"[{_places.GROUP}]", *lines, ""]))
        for module, text in modules.items():
            path = site / (module.replace(".", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        forget()
        return site

    yield put
    for name in sys.modules.keys() - known:
        if (sys.modules[name].__spec__ or sys).__dict__.get("origin", "").startswith(str(site)):
            del sys.modules[name]
    forget()


def brightness(install: Install, value: str = "brightness") -> Path:
    return install(
        "bright-lens",
        {"brightness": value},
        **{"brightness.__init__": LENS, "brightness.schemas": SCHEMAS},
    )


def a_lens(name: str, needs: str = "()", body: str = "") -> str:
    return (
        "from dataclasses import dataclass\nfrom typing import ClassVar\n"
        "from holistic.lenses import Lens\n\n@dataclass(frozen=True)\nclass Found(Lens):\n"
        f"    name: ClassVar[str] = {name!r}\n    question: ClassVar[str] = 'what?'\n"
        f"    needs: ClassVar[tuple[str, ...]] = {needs}\n    {body}\n"
    )


def command(site: Path | None, *words: object, ends: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `holistic` in a process that finds the packages in `site`."""
    source = Path(holistic.__file__).parents[1]
    path = os.pathsep.join(str(p) for p in (site, source, HERE) if p)
    done = subprocess.run(
        [sys.executable, "-m", "holistic", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100"},
    )
    assert done.returncode == ends, done.stderr
    return done


def test_a_lens_of_a_package_gets_flags_help_audit_and_report(
    install: Install, tmp_path: Path
) -> None:
    site, out = brightness(install), tmp_path / "out"
    shown = command(site, "settings", "brightness").stdout
    assert "Lens brightness" in shown
    assert "how bright are the images of each class?" in shown
    assert "--brightness.bins INT" in shown
    subject = ("fakes:patterns", "--model", "fakes:network")
    chosen = ("--lens", "brightness", "--brightness.bins", 3)
    run = command(site, "run", *subject, *chosen, "--anyway", "--out", out)
    assert "There are 9 parts of images." in run.stdout
    assert "brightness: classes: 3 of 3" in run.stderr
    audit = holistic.load(out)
    assert audit.provenance["settings"] == {"brightness": {"bins": 3}}
    assert audit["brightness.classes"].names == ("class", "bin", "brightness", "lo", "hi")
    for there in (site, None):  # the audit carries what it needs, so its package may be gone
        command(there, "report", out)
        page = (out / "report.html").read_text(encoding="utf-8")
        assert "There are 9 parts of images." in page
        assert "mean brightness of the part" in page
        assert ("how bright are the images of each class?" in page) == (there is not None)
    refused = command(site, "run", *subject, "--brightness.bins", 0, ends=2).stderr
    assert refused.splitlines()[-1].endswith(
        "brightness.bins must be a whole number from 1 to 100, got 0"
    )


@pytest.mark.parametrize("value", ["brightness", "brightness:Brightness"])
def test_a_module_or_its_class_may_be_named(install: Install, value: str) -> None:
    brightness(install, value)
    assert lens_names()[-1] == "brightness"
    assert _contract.left_out() == ()
    assert lens_class("brightness")().bins == 2
    schema = schema_of("brightness.classes")
    assert (schema.title, len(schema.columns)) == ("How bright the classes are", 5)


def test_schemas_may_stand_in_the_file_of_the_lens_or_next_to_it(install: Install) -> None:
    schema = "from holistic.lenses import Schema\nONE, X = Schema('one.a', 'A'), Schema('x.a', 'B')"
    install("plain", {"one": "single:Found"}, single=a_lens("one") + schema)
    install(
        "folder",
        {"two": "pack.two:Found"},
        **{
            "pack.__init__": "",
            "pack.two": a_lens("two"),
            "pack.schemas": "from holistic.lenses import Schema\nTWO = Schema('two.a', 'Two')",
        },
    )
    titles = [schema_of(name).title for name in ("one.a", "two.a", "x.a", "one.b")]
    assert titles == ["A", "Two", "x.a", "one.b"]


def test_a_lens_is_run_after_what_it_needs(install: Install) -> None:
    install("needy", {"alone": "m1", "first": "m2"}, m1=a_lens("alone", "('first', 'agreement')"))
    (Path(sys.path[0]) / "m2.py").write_text(a_lens("first", "('activation',)"))
    names = lens_names()
    assert names[-2:] == ("first", "alone")
    assert names.index("agreement") > names.index("tracing")
    given = ["alone", "agreement", "first", "activation"]
    assert [lens.name for lens in chosen_lenses(given)] == [
        "activation",
        "agreement",
        "first",
        "alone",
    ]


CASES = {
    "import": ("raise OSError('no\\nway')", "OSError: no way"),
    "exit": ("import sys; sys.exit(3)", r"it ended the program by sys.exit\(3\)"),
    "nothing": ("x = 1", "module 'broken_module' defines no lens of this name"),
    "other name": (a_lens("other"), "defines no lens of this name"),
    "settings": (a_lens("broken", body="size: int"), "TypeError: .*'size'"),
    "types": (a_lens("broken", body="size: 'Unknown' = 1"), "NameError: name 'Unknown'"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_package_is_told_in_a_line_and_stops_no_other(install: Install, case: str) -> None:
    text, why = CASES[case]
    install("broken-lens", {"broken": "broken_module"}, broken_module=text)
    line = rf"lens 'broken' of package 'broken-lens' can't be loaded: .*{why}"
    assert "broken" not in lens_names()
    (told,) = _contract.left_out()
    assert "\n" not in told
    with pytest.raises(SettingError, match=line) as error:
        lens_class("broken")
    assert str(error.value) == told
    assert lens_class("ablation").name == "ablation"
    assert _contract.declared_schema("broken.any") is None
    assert _contract.question_of("broken") == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("broken_module:Nothing", "AttributeError: .*'Nothing'"),
        ("broken_module:dataclass", "'dataclass' is no class that derives from"),
        ("broken_module:Found", "'Found' names itself 'other'"),
        ("no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_an_entry_point_that_names_no_lens(install: Install, value: str, why: str) -> None:
    install("broken-lens", {"broken": value}, broken_module=a_lens("other"))
    with pytest.raises(SettingError, match=rf"of package 'broken-lens' can't be loaded: .*{why}"):
        lens_class("broken")


def test_a_name_that_is_taken_stays_with_its_lens(install: Install) -> None:
    install("thief", {"ablation": "thief", "twice": "thief"}, thief=a_lens("ablation"))
    install("later", {"twice": "later"}, later=a_lens("twice"))
    assert lens_class("ablation").__module__ == "holistic.lenses.ablation"
    assert lens_class("twice").__module__ == "later"
    assert _contract.left_out() == (
        "lens 'ablation' of package 'thief' is left out: another lens has that name in holistic "
        "itself",
        "lens 'twice' of package 'thief' is left out: another lens has that name of package "
        "'later'",
    )


def test_needs_that_cannot_be_met_are_told(install: Install) -> None:
    install(
        "needy",
        {"lost": "lost", "a": "ma", "b": "mb", "c": "mc"},
        lost=a_lens("lost", "('ablaton',)"),
        ma=a_lens("a", "('b',)"),
        mb=a_lens("b", "('a',)"),
        mc=a_lens("c", "('a',)"),
    )
    assert set(lens_names()).isdisjoint({"lost", "a", "b", "c"})
    with pytest.raises(SettingError, match=r"'lost' of package 'needy' needs lens 'ablaton', and "):
        lens_class("lost")
    with pytest.raises(SettingError, match=r"lenses need each other in a circle: 'a', 'b', 'a'$"):
        lens_class("a")
    assert len(_contract.left_out()) == 4


def test_a_run_of_all_lenses_says_which_are_left_out(install: Install, tmp_path: Path) -> None:
    site = install("broken-lens", {"broken": "broken_module"}, broken_module="1 / 0")
    refused = command(site, "run", "--lens", "broken", ends=2).stderr.splitlines()
    assert refused == [
        "error: lens 'broken' of package 'broken-lens' can't be loaded: ZeroDivisionError: "
        "division by zero; mend the package or uninstall it"
    ]
    told = command(site, "run", "no-such-data", ends=2).stderr.splitlines()
    assert [line.split(":")[0] for line in told] == ["note", "error"]
    command(site, "run", "no-such-data", "--lens", "ablation", ends=2)
    with (
        pytest.warns(Notice, match="lens 'broken' of package 'broken-lens'"),
        pytest.raises(AuditError, match="taken by other files"),
    ):
        holistic.audit(holistic.Subject(network(), patterns()), out=tmp_path)


@pytest.mark.parametrize(
    "words", ["'--help'", "'report', 'no/such'", "'train', '--help'", "'sites', '--help'"]
)
def test_no_other_command_imports_lenses_of_packages(install: Install, words: str) -> None:
    site = install("loud", {"loud": "loud"}, loud="raise SystemExit('imported')")
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from holistic.cli import main; "
        f"main([{words}]); sys.exit('loud' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
