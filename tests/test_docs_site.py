"""Do the pages of the site say what is so: their examples, links, numbers and pictures?"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from docs._make import borrowed, commands, figures, frames, gallery, schemas
from docs._make.declared import LENSES, schemas_of

import holistic

DOCS = Path(__file__).parents[1] / "docs"
REFERENCE = sorted(DOCS.glob("reference/*.md"))
WRITTEN = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not {"_build", "generated", "plan.md"} & set(path.relative_to(DOCS).parts)
)
"""Pages that somebody wrote; the tutorials among them."""


@cache
def made() -> dict[str, str]:
    """The generated pages by name."""
    parts = (borrowed, commands, frames, gallery, schemas)
    return {name: text for part in parts for name, text in part.pages().items()}


def blocks(text: str, language: str) -> list[str]:
    """Blocks of code of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.stem)
@pytest.mark.filterwarnings("ignore::holistic.errors.Notice")
def test_the_examples_of_the_reference_give_what_they_show(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = "\n".join(blocks(page.read_text(encoding="utf-8"), "pycon"))
    if not shown:
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(DOCS / "reference"))
    names: dict[str, object] = {}
    exec("import holistic, torch\nfrom small import images, labels, model, subject", names)
    test = doctest.DocTestParser().get_doctest(shown, names, page.stem, str(page), 0)
    printed: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(test, out=printed.append)
    assert "".join(printed) == ""


def test_the_reference_has_every_public_name_with_an_example() -> None:
    found: dict[str, str] = {}
    for page in REFERENCE:
        for part in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)[1:]:
            if f":: holistic.{part.splitlines()[0]}\n" in part:
                found[part.splitlines()[0]] = part
    assert sorted(found) == holistic.__all__
    assert [name for name, part in found.items() if not blocks(part, "pycon")] == []


def test_every_finding_has_a_page_with_its_own_title() -> None:
    declared = {schema.name: schema.title for lens in LENSES for schema in schemas_of(lens)}
    pages = {path.stem: path for path in (DOCS / "methods").glob("*.md") if path.stem != "index"}
    assert pages.keys() == declared.keys()
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {declared[name]}\n"), name
        for heading in ("How it is measured", "What it is compared with", "When it misleads"):
            assert f"\n## {heading}\n\n" in text, (name, heading)


MEASURED = re.compile(r"\d+[.,]\d+(?! \()|\d+ %")
NONE = {"attribution.shortcuts", "attribution.strategies"}
"""Findings without rows on digits, and so without a picture."""
ALLOWED = {"95 %", "100 %", "0.5", "3.11"}
"""What isn't measured: the level of intervals, all, an AUROC by chance, a version."""


@pytest.mark.parametrize("pages", ["index", "start", "why", "checked", "methods/*", "howto/*",
                                   "tutorials/*", "about/*"])  # fmt: skip
def test_pages_take_measured_numbers_from_files(pages: str) -> None:
    """A number that somebody typed would stay when the measurement changes."""
    for path in DOCS.glob(f"{pages}.md"):
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        text = re.sub(r"`[^`]*`|\]\([^)]*\)|\{\{.*?\}\}", "", text)
        assert set(MEASURED.findall(text)) <= ALLOWED, path


def test_pictures_and_sentences_of_the_gallery_belong_together() -> None:
    known = figures.read("gallery")
    assert {path.stem for path in figures.GALLERY.glob("*.png")} == known.keys()
    titles = {schema.name: schema.title for lens in LENSES for schema in schemas_of(lens)}
    assert {name: one["title"] for name, one in known.items()} == {n: titles[n] for n in known}
    assert titles.keys() - known.keys() <= NONE
    assert all(one["audit"] in figures.AUDITS for one in known.values())


def test_generated_pages_name_every_table_command_and_lens() -> None:
    for lens in LENSES:
        tables = made()[f"tables_{lens}"]
        assert f"## `{lens}`" in made()["settings"]
        for schema in schemas_of(lens):
            assert f"## `{schema.name}`" in tables
            assert all(f"`{column.name}`" in tables for column in schema.columns)
            assert schema.lead in made()[f"frames/{schema.name}"]
    for command in ("run", "check", "ask", "compare", "doctor", "serve"):
        assert f"\n## holistic {command}\n" in made()["commands"]
    assert made()["gallery"].count("found.plot(") == len(figures.read("gallery"))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if link.startswith("http"):
            continue
        target = (page.parent / link).resolve()
        generated = "generated/" in link and target.stem in made()
        assert generated or target.exists(), link


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(DOCS)))
def test_code_can_be_read(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for code in [*blocks(text, "python"), *blocks(text, r"\{code-cell\} ipython3")]:
        ast.parse(code)


LAYOUT = {"GL03", "GL05", "GL06", "GL07", "PR10", "SS03", "SS04", "YD01"}
PARAMETERS = {"PR01", "PR02", "PR03"}
"""Checks of numpydoc: layout and order of sections; of functions every parameter, none besides.

A class's fields are told of as its attributes, those of edits once, in `Edit`.
"""


@pytest.mark.parametrize("name", holistic.__all__)
def test_docstrings_of_public_names_are_whole(name: str) -> None:
    from numpydoc.validate import validate

    chosen = LAYOUT if inspect.isclass(getattr(holistic, name)) else LAYOUT | PARAMETERS
    found = validate(f"holistic.{name}")["errors"]
    assert [one for one in found if one[0] in chosen] == []
