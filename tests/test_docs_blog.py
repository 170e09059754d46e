"""Does the story of the digit classifier say what its files say, number by number?"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import pytest
from docs._make import figures

from holistic.reproducing.origin import in_words, range_in_words

PAGE = (Path(__file__).parents[1] / "docs/blog.md").read_text(encoding="utf-8")
FILE = figures.read("blog")
_SPELLED = "two three four five six seven eight nine ten eleven twelve thirteen twenty".split()
_THINGS = "trainings results lines groups clusters pairs images methods points sixes sevens"


def prose() -> str:
    """The page without code, targets of links and what is filled in."""
    shown = r"^```\{(?:figure|table)\}.*?\n(.*?)^```$"
    text = re.sub(shown, r"\1", PAGE, flags=re.M | re.S)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"^:\w+:.*$", "", text, flags=re.M)
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


def test_words_of_a_number_are_those_of_its_value() -> None:
    parts = [one for one in FILE.values() if isinstance(one, dict) and "ours" in one]
    assert len(parts) > 20
    for one in parts:
        number = one["raw"]
        assert one["ours"] == in_words(number["value"], number["unit"])
        assert one["control"] == in_words(number["control"], number["unit"])
        assert one["interval"] == range_in_words(number["lo"], number["hi"], number["unit"])


def test_pictures_are_those_that_were_made_with_the_numbers() -> None:
    shown = re.findall(r"^```\{figure\} images/blog/(\w+)\.png", PAGE, flags=re.M)
    assert sorted(shown) == sorted(FILE["pictures"])
    assert {path.stem for path in figures.STORY.glob("*.png")} == {*shown}
    for name, one in FILE["pictures"].items():
        found = (figures.STORY / f"{name}.png").read_bytes()
        assert sha256(found).hexdigest() == one["sha256"], name


def raw(name: str) -> dict[str, Any]:
    """A number over the trainings, as a number."""
    return FILE[name]["raw"]


def beyond(name: str) -> bool:
    """Whether a mean is above what 95 % of its control lie below."""
    return raw(name)["value"] > raw(name)["control_hi"]


CLAIMS: dict[str, Callable[[], bool]] = {
    "A random direction costs": lambda: beyond("erasing") and beyond("directions"),
    "That second step is small": lambda: 0 < raw("gain_second")["value"] < 0.01,
    "In untrained networks the probe gets worse from layer to layer": lambda: (
        max(raw(name)["control"] for name in ("gain_first", "gain_second")) < 0
    ),
    "the origin's count is one that a further training might well give": lambda: (
        FILE["pairs"]["verdict"] == "reproduced" and FILE["pairs"]["way"] == "L2"
    ),
    "Training makes neurons move together": lambda: all(
        beyond(f"pairs_{layer}") for layer in ("L1", "L2", "all")
    ),
    "The mildest costs": lambda: (
        raw("top_ten_least")["value"] < raw("top_ten")["value"] < raw("top_ten_most")["value"]
    ),
    "reaches a little below it": lambda: 0 < 0.97 - raw("baseline")["lo"] < 0.005,
    "much more than untrained ones": lambda: beyond("edges") and beyond("curves"),
    "neurons of L2 do tell digits apart better than those of L1": lambda: beyond("digits"),
    "shows no such preference in its first layer": lambda: raw("edges_cnn")["beaten"] == 0,
    "It *falls* from L1 to L2, in every training": lambda: max(raw("selectivity")["each"]) < 0,
    "But it finds": lambda: len({*raw("clusters")["each"]}) > 2,
    "Mostly, then, the group is active on its digit": lambda: (
        min(raw(f"cluster_{digit}")["beaten"] for digit in "026") >= 4
        and max(raw(f"need_{digit}")["beaten"] for digit in "026") <= 2
    ),
    "Our rule asks for one more": lambda: raw("loop")["beaten"] == 3,
    "some lean more on the rest of the 6": lambda: any(
        float(one["lost"].split()[0]) < float(one["other"].split()[0]) for one in LOOPS
    ),
    "The bar of the 7 is another matter": lambda: raw("bar")["beaten"] == len(raw("bar")["each"]),
    "That is no more than random neurons cost": lambda: (
        FILE["whole"]["without"]["class_activation"]["raw"]["lost"]
        <= FILE["whole"]["without"]["class_activation"]["raw"]["random"]
    ),
    "Why do they differ so much?": lambda: FILE["whole"]["without"]["effect"]["raw"]["lost"] > 0.5,
    "The others must stay *silent* on a 7": lambda: (
        FILE["whole"]["without"]["effect"]["raw"]["firing"] < 0.5
    ),
    "A map can point at the loop of a network": lambda: any(
        one["says"] == "yes" and one["needed"] == "no" for one in LOOPS
    ),
    "But two random networks agree with each other just as well there": lambda: (
        abs(float(NONZERO["value"]) - float(NONZERO["control"])) < 0.02
    ),
    "Some verdicts are near the bound": lambda: FILE["near"] != "",
}
"""Words of the page, and what must be so for them to stay true when the numbers change."""
LOOPS = FILE["loops"]["each"]
NONZERO = FILE["whole"]["map"]["randomisation_nonzero"]
SECTIONS = {
    "reproduced": ("What came again", ["directions", "abstraction", "pairs", "top_ten", "bar"]),
    "in kind": (
        "What is so, but not quite",
        ["baseline", "edges", "digits", "clusters", "cluster_0", "cluster_2", "cluster_6"],
    ),
    "not reproduced": ("What didn't come again", ["loop"]),
}
"""By verdict, the section that tells of it, and the results that it tells of."""


@pytest.mark.parametrize("words", CLAIMS)
def test_what_the_page_says_of_its_numbers_is_so(words: str) -> None:
    assert words in " ".join(PAGE.split())
    assert CLAIMS[words]()


@pytest.mark.parametrize("verdict", SECTIONS)
def test_each_result_stands_in_the_section_of_its_verdict(verdict: str) -> None:
    title, results = SECTIONS[verdict]
    assert f"\n## {title}\n" in PAGE
    named = {name for name, one in FILE.items() if isinstance(one, dict) and "verdict" in one}
    assert {name for name in named if FILE[name]["verdict"] == verdict} == {*results}
