"""Does the page on attribution list every method as it is declared?"""

from __future__ import annotations

from pathlib import Path

from holistic.attributing.registry import METHODS, display_name

PAGE = Path(__file__).parents[1] / "docs/attribution.md"


def lines() -> list[str]:
    return [
        f"| {display_name(name)}, `{name}` | {one.formula} | {one.source} | {one.misleads} |"
        for name, one in METHODS.items()
    ]


def test_the_page_has_a_line_for_each_method() -> None:
    text = PAGE.read_text(encoding="utf-8")
    own = [line for line in text.splitlines() if line.startswith("| ") and ", `" in line]
    assert own == lines()


def test_every_method_says_what_it_computes_and_when_it_misleads() -> None:
    for method in METHODS.values():
        assert all((method.formula, method.source, method.misleads)), method.name
        assert all(option.meaning for option in method.options.values()), method.name
        assert method.runs({name: option.default for name, option in method.options.items()}) > 0
