"""Answers a question about an audit on one screen: a unit, a class, an image, or the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from holistic.errors import LacksColumn, SettingError, listed, nearest
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.shared import EXAMPLES

__all__ = ["QUESTIONS", "Answer", "ask", "unit_of"]

QUESTIONS = {
    "unit": "what a unit does: unit L2·57",
    "class": "what a class hangs on: class 7",
    "image": "why an example is classified as it is: image 123",
    "layers": "at which layer the classes can be told",
    "prune": "which units can go together, and at what cost",
    "shortcuts": "which classes hang on one small part of the input",
}
"""What can be asked."""


@dataclass(frozen=True, repr=False)
class Answer:
    """What an audit says to a question.

    Attributes
    ----------
    question
        As it was understood: `unit L2·57`.
    lines
        Sentences with their evidence, the answer in short first.
    """

    question: str
    lines: tuple[Line, ...]

    def __repr__(self) -> str:
        return "\n".join([self.question, *(f"· {line.words}" for line in self.lines)])

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(
            f'<li title="{escape(line.evidence)}">{escape(line.words)}</li>' for line in self.lines
        )
        return f"<p><b>{escape(self.question)}</b></p><ul>{lines}</ul>"


def ask(audit: Folder, question: str) -> Answer:
    """Answer a question from an audit's tables: its lenses bring the lines.

    A lens brings them as functions of the question's name in its module `answers`.

    Parameters
    ----------
    audit
        What is asked.
    question
        One of `QUESTIONS`, with what it is about: `unit L2·57`, `class 7`, `image 123`, `prune`.

    Raises
    ------
    SettingError
        If there is no such question, unit, class or example.
    """
    kind, _, rest = question.strip().partition(" ")
    if kind not in QUESTIONS:
        raise SettingError(
            f"no question '{kind}'{nearest(kind, QUESTIONS)}; there are "
            f"{'; '.join(f'{name} ({words})' for name, words in QUESTIONS.items())}"
        )
    about, arguments, own = _subjects(audit, kind, rest.strip())
    lines = [*own, *_gathered(audit, kind, arguments)]
    lines.sort(key=lambda line: line.place)
    text = audit.readers.in_text
    shown = [replace(i, words=text(i.words), evidence=text(i.evidence)) for i in lines]
    if not shown:
        lenses = listed(audit.finished) if audit.finished else "no lens"
        shown = [Line(f"This audit says nothing of it: it has {lenses}.")]
    return Answer(f"{kind} {about}".strip(), tuple(shown))


def _gathered(audit: Folder, kind: str, arguments: tuple[object, ...]) -> Iterator[Line]:
    function = "class_" if kind == "class" else kind
    for lens in audit.lenses:
        if make := brought(lens, "answers", function):
            with showing(audit), suppress(LacksColumn):
                yield from make(audit, *arguments)


def _subjects(
    audit: Folder, kind: str, rest: str
) -> tuple[str, tuple[object, ...], tuple[Line, ...]]:
    """What a question is about: in words, as functions take it, and what is known of it anyway."""
    readers: dict[str, Callable[[Folder, str], tuple[str, tuple[object, ...], tuple[Line, ...]]]]
    readers = {"unit": _unit, "class": _class, "image": _image}
    if read := readers.get(kind):
        return read(audit, rest)
    if rest:
        raise SettingError(f"'{kind}' is asked of the whole audit; leave '{rest}' away")
    return "", (), ()


def _unit(audit: Folder, rest: str) -> tuple[str, tuple[object, ...], tuple[Line, ...]]:
    """Read `L2·57`, `L2 57`, `L2.57` or a site's own name and the unit."""
    site, number = unit_of(audit, rest)
    return f"{layer_names(audit).get(site, site)}·{number}", (site, number), ()


def unit_of(audit: Folder, rest: str) -> tuple[str, int]:
    """Return the site and the index of a unit that is named as readers do.

    Raises
    ------
    SettingError
        If there is no such unit.
    """
    layers = layer_names(audit)
    found = re.fullmatch(r"(.+?)[\s·.:,#/]+(?:unit\s+|neuron\s+)?([0-9]{1,9})", rest)
    sites = {str(row["site"]): row for row in audit["sites"].rows() if row["hidden"]}
    names = {name: site for site, name in layers.items() if site in sites}
    if found is None:
        first = next(iter(names), "L1")
        raise SettingError(f"which unit? Name its layer and its number: unit {first}·0")
    place, number, key = found[1].strip(), int(found[2]), audit.readers.sites.key
    written = (place, place.upper())
    read = (*map(key, written), *(names.get(name, "") for name in written))
    site = next((s for s in read if s in sites), place)
    if site not in sites:
        raise SettingError(
            f"no layer '{place}'{nearest(place, [*names, *sites])}; this audit has {listed(names)}"
        )
    if number >= (units := sites[site]["units"]):
        raise SettingError(
            f"{layers.get(site, site)} has no unit {number}; it has {units}, from 0 to {units - 1}"
        )
    return site, number


def _class(audit: Folder, rest: str) -> tuple[str, tuple[object, ...], tuple[Line, ...]]:
    classes = [str(name) for name in audit.provenance.get("classes", [])]
    if rest not in classes:
        raise SettingError(
            f"no class '{rest}'{nearest(rest, classes)}; this audit has {listed(classes)}"
        )
    return rest, (rest,), ()


def _image(audit: Folder, rest: str) -> tuple[str, tuple[object, ...], tuple[Line, ...]]:
    if not re.fullmatch(r"[0-9]{1,12}", rest):
        raise SettingError(f"which example? Name its place in the data: image 0, not '{rest}'")
    example = int(rest)
    known = audit[EXAMPLES.name].where(example=example) if EXAMPLES.name in audit.names else None
    row = next(known.rows(), None) if known is not None else None
    if known is not None and row is None:
        most = int(audit[EXAMPLES.name].column("example").max(initial=0))
        raise SettingError(f"no example {example} among those that were studied (0 to {most})")
    if row is None:
        return rest, (example,), ()
    right = row["class"] == row["prediction"]
    verb = f"taken for '{row['prediction']}'" if not right else "told right"
    line = Line(
        f"It is of class '{row['class']}' and is {verb}, by {abs(row['margin']):.2f} logits.",
        f"margin {row['margin']:+.3f}, {row['split']} split",
        EXAMPLES.name,
        0,
    )
    single = any(
        example in audit[name].column("example")
        for name in audit.names
        if audit.schema(name).examples and "example" in audit[name].names
    )
    measured = row["split"] == "evaluation"
    where = Line(
        f"It is in the {row['split']} split: "
        + ("effects are measured on it." if measured else "units were chosen on it, not measured."),
        finding=EXAMPLES.name,
        place=5,
    )
    more = Line(
        "Units and layers were looked at for a few examples of each class, not for this one: "
        f"'holistic serve {audit.path}' answers for any.",
        place=90,
    )
    return rest, (example,), (line,) if single else (line, where, more)
