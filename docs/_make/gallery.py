"""The gallery: what `finding.plot()` draws of every finding, with the lines that draw it."""

from __future__ import annotations

from docs._make import figures
from docs._make.declared import LENSES, question, schemas_of

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The page, by its name."""
    known = figures.read("gallery")
    head = (
        "# Gallery\n\nEvery finding draws itself. `plot()` returns the axes of matplotlib, "
        "`plot(ax=…)` draws on yours, `value=` picks another number, and `site=` or `class_=` one "
        "part.\n"
    )
    parts = [head]
    for lens in LENSES:
        parts.append(f"## {lens}\n\n{question(lens)}\n")
        parts.extend(
            _entry(schema.name, known[schema.name])
            for schema in schemas_of(lens)
            if schema.name in known
        )
    return {"gallery": "\n".join(parts)}


def _entry(name: str, known: dict[str, str]) -> str:
    return (
        f"### {known['title']}\n\n{known['says']} [What it means](../methods/{name}.md)\n\n"
        f"```{{image}} ../images/gallery/{name}.png\n:alt: {known['title']}\n"
        ":class: plotted\n```\n\n"
        f'```python\naudit = holistic.load("runs/{known["audit"]}")\n'
        f'found = audit.finding("{name}")\nfound.{known["plot"]}\n```\n'
    )
