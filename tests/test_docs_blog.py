"""Does the story of the digit classifier say what its files say, number by number?"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import jinja2
from docs._make import figures

PAGE = (Path(__file__).parents[1] / "docs/blog.md").read_text(encoding="utf-8")
FILE = figures.read("blog")
_SPELLED = "two three four five six seven eight nine ten eleven twelve thirteen twenty".split()
_THINGS = "trainings results lines groups clusters pairs images ways methods points sixes sevens"


def prose() -> str:
    """The page without code, targets of links and what is filled in."""
    text = re.sub(r"^```(?!\{figure\}).*?^```", "", PAGE, flags=re.M | re.S)
    text = re.sub(r"^(```\{figure\}.*|:\w+:.*)$", "", text, flags=re.M)
    return re.sub(r"`[^`\n]*`|\]\([^)]*\)|\{\{.*?\}\}", "", text)


def filled() -> str:
    """The page with its numbers, as readers see it."""
    return jinja2.Template(PAGE, undefined=jinja2.StrictUndefined).render(blog=FILE)


def test_no_number_is_typed() -> None:
    """Single digits are names of digits, and L1 and L2 of layers."""
    assert set(re.findall(r"\d[\d.,]*\d|\d+ %", prose())) <= {"95 %", "95"}
    counted = rf"\b({'|'.join(_SPELLED)}) ({_THINGS.replace(' ', '|')})\b"
    assert re.findall(counted, prose()) == []


def test_every_number_that_is_quoted_is_known() -> None:
    text = filled()  # fails where the file lacks a name
    assert "{{" not in text
    assert "None" not in text
    assert [line for line in text.splitlines() if re.search(r"–(?! )", line)] == []


def test_pictures_are_those_that_were_made_with_the_numbers() -> None:
    shown = re.findall(r"^```\{figure\} images/blog/(\w+)\.png", PAGE, flags=re.M)
    assert sorted(shown) == sorted(FILE["pictures"])
    assert {path.stem for path in figures.STORY.glob("*.png")} == {*shown}
    for name, one in FILE["pictures"].items():
        found = (figures.STORY / f"{name}.png").read_bytes()
        assert sha256(found).hexdigest() == one["sha256"], name
