"""Says in a few lines what a subject is: in a terminal, in a notebook, and in caveats."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holistic.errors import ModelError, listed
from holistic.graph.accompanied import extras_of
from holistic.graph.sites import site_notes
from holistic.study.likeness import note_of
from holistic.words import as_html, counted

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["notes", "shown", "shown_in_notebooks"]

_CLASSES, _SITES = 10, 4
"""Names that one line has room for."""
_NEXT = "subject.check() looks at it, holistic.audit(subject, out=…) studies it"


def shown(subject: Subject) -> str:
    """Describe a subject in lines of text; sites are named once the model was traced."""
    lines = [*_lines(subject), *(_site_lines(subject) if "engine" in vars(subject.runner) else ())]
    width = max(len(name) for name, _ in lines)
    rows = "\n".join(f"  {name:<{width}}  {words}" for name, words in lines)
    return f"Subject '{subject.name}'\n{rows}"


def shown_in_notebooks(subject: Subject) -> str:
    """Describe a subject as a table of HTML, with its sites and what to do next."""
    lines = [*_lines(subject), *_site_lines(subject), ("next", _NEXT)]
    return f"<h4>{html.escape(subject.name)}</h4>{as_html(lines)}"


def notes(subject: Subject) -> tuple[str, ...]:
    """What is to be known of how logits and units were found, one line each."""
    extras = extras_of(subject.images)
    line = f"Beside each image the model is given {listed(extras)}, which no lens changes."
    own = [line] if extras else []
    kept = filter(None, [note_of(subject)])
    return (*subject.reading.notes, *own, *site_notes(subject.engine.sites), *kept)


def _lines(subject: Subject) -> Iterator[tuple[str, str]]:
    kind, data = type(subject.model).__name__, subject.data
    parameters = sum(one.numel() for one in subject.model.parameters())
    yield "model", f"{kind}, {parameters:,} parameters, on {subject.device}"
    shape = " × ".join(map(str, subject.images.shape[1:]))
    first, second = (len(split) for split in data.indices)
    yield "data", f"{len(subject.labels):,} examples of shape {shape}"
    yield "splits", f"{first:,} to choose on (selection), {second:,} to measure on (evaluation)"
    yield "classes", f"{len(subject.classes)}: {listed(subject.classes, _CLASSES)}"
    yield "score", f"{subject.score}, seed {subject.seed}"


def _site_lines(subject: Subject) -> Iterator[tuple[str, str]]:
    try:
        sites = subject.hidden_sites
    except ModelError as error:
        yield "hidden sites", f"none: {error}"
        return
    some = [site.called for site in sites[:_SITES]]
    more = ["and more: subject.sites lists them"] if len(sites) > _SITES else []
    units = counted(sum(site.units for site in sites), "unit")
    yield "hidden sites", f"{len(sites)} with {units}: {', '.join([*some, *more])}"
    yield "computed", subject.backend_note or "as a traced graph, exactly as the model computes"
