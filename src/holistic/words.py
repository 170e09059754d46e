"""Writes numbers as sentences and tables show them."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

__all__ = [
    "as_html",
    "counted",
    "duration",
    "gigabytes",
    "joined",
    "letter",
    "named",
    "number",
    "percent",
    "quoted",
    "sentence",
    "spelled",
    "unbounded",
    "verb",
]

_SPELLED = "zero one two three four five six seven eight nine ten".split()
_SHOWN, _PARTS = 24, 3
"""Letters and words that a sentence has room for in the name of a class."""


def as_html(lines: Iterable[tuple[str, str]]) -> str:
    """Write lines of a name and words as a table of HTML.

    >>> "<b>" in as_html([("n", "a <b> c")]), as_html([]), as_html([("n", "m")]).count("<td")
    (False, '<table></table>', 1)
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(words)}</td></tr>'
        for name, words in lines
    )
    return f"<table>{rows}</table>"


def letter(place: int) -> str:
    """Write a cluster's number as readers see it.

    >>> letter(0), letter(25), letter(26), letter(27)
    ('A', 'Z', 'AA', 'AB')
    """
    before = letter(place // 26 - 1) if place >= 26 else ""
    return before + chr(ord("A") + place % 26)


def number(value: SupportsFloat | None, spec: str = ".2f") -> str:
    """Write a number by a format, or a dash where there is none.

    >>> number(-0.001, "+z.2f"), number(None), number(float("nan"))
    ('+0.00', '–', '–')
    """
    return "–" if value is None or math.isnan(float(value)) else format(float(value), spec)


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> duration(0.3), duration(42.4), duration(75), duration(629), duration(5000)
    ('1 s', '42 s', '1 min 15 s', '10 min', '1 h 23 min')
    """
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 295:
        whole = 5 * round(seconds / 5)
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def gigabytes(size: float) -> str:
    """Write a size in memory.

    >>> gigabytes(8.4e8), gigabytes(2.34e10)
    ('0.8 GB', '23 GB')
    """
    return f"{size / 1e9:.1f} GB" if size < 9.95e9 else f"{size / 1e9:.0f} GB"


def percent(
    share: SupportsFloat | None,
    lo: SupportsFloat | None = None,
    hi: SupportsFloat | None = None,
    *,
    decimals: int = 1,
) -> str:
    """Write a share, and the ends of its interval where there is one.

    >>> percent(0.9812), percent(None)
    ('98.1 %', '–')
    >>> percent(0.975, 0.94, 0.99, decimals=0)
    '98 % [94, 99]'
    """
    if share is None or math.isnan(float(share)):
        return "–"
    spec = f"z.{decimals}f"
    ends = ""
    if lo is not None and hi is not None:
        ends = f" [{number(100 * float(lo), spec)}, {number(100 * float(hi), spec)}]"
    return f"{number(100 * float(share), spec)} %{ends}"


def unbounded(rare: int, total: int, what: str) -> tuple[str, ...]:
    """Say how many numbers have no interval, or nothing where all have one.

    >>> unbounded(0, 30, "effects")
    ()
    >>> unbounded(12, 3000, "effects")[0].split(":")[0]
    '12 of 3,000 effects have no interval and no p'
    """
    if not rare:
        return ()
    verb = "has" if rare == 1 else "have"
    return (
        f"{rare:,} of {total:,} {what} {verb} no interval and no p: their variance rests on fewer "
        "than 3 examples (n / kurtosis), or nothing varies.",
    )


def sentence(text: str) -> str:
    """Begin with a capital letter.

    >>> sentence("no maps")
    'No maps'
    """
    return text[:1].upper() + text[1:]


def quoted(name: str) -> str:
    """Put the name of a class into quotes where it could be read as a number or a letter.

    >>> quoted("7"), quoted("cat")
    ('"7"', 'cat')
    """
    plain = len(name) > 1 and not name.lstrip("+-").replace(".", "").replace(",", "").isdigit()
    return name if plain else f'"{name}"'


def joined(names: Sequence[str]) -> str:
    """List names in a sentence.

    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    head = ", ".join(names[:-1])
    return f"{head} and {names[-1]}" if head else "".join(names)


def named(name: str) -> str:
    """Name a class in a sentence that must stay short.

    >>> named("7"), named("sweet pepper"), named("a long name of many words")
    ('"7"', 'sweet pepper', '"a long name …"')
    """
    short = " ".join(name.split()[:_PARTS])[:_SHOWN].rstrip(", ")
    return quoted(name) if short == name else f'"{short} …"'


def counted(count: int, noun: str) -> str:
    """Write how many there are of something.

    >>> counted(1, "unit"), counted(1413, "pair")
    ('1 unit', '1,413 pairs')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def verb(count: int) -> str:
    """Return the verb that agrees with a count.

    >>> verb(1), verb(2)
    ('is', 'are')
    """
    return "is" if count == 1 else "are"


def spelled(count: int) -> str:
    """Write a small count as a word.

    >>> spelled(10), spelled(11)
    ('ten', '11')
    """
    return _SPELLED[count] if count < len(_SPELLED) else f"{count:,}"
