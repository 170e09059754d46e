"""The part of a method's page that follows from its declaration and from a real run."""

from __future__ import annotations

from docs._make import figures
from docs._make.declared import LENSES, cell, schemas_of

from holistic.results.columns import Column
from holistic.results.schema import Schema

__all__ = ["pages"]

_BESIDE = {
    "lo": "95 % interval",
    "n": "n",
    "control": "control",
    "control_lo": "95 % of the control",
    "p": "p",
    "q": "q",
}
"""Roles of the columns that say more of a number, and what a reader calls them."""


def pages() -> dict[str, str]:
    """A frame for each finding of each lens, by its name."""
    known = figures.read("gallery")
    return {
        f"frames/{schema.name}": _frame(schema, known.get(schema.name))
        for lens in LENSES
        for schema in schemas_of(lens)
    }


def _frame(schema: Schema, known: dict[str, str] | None) -> str:
    lines = [f"*{schema.lead}*", ""]
    if known:
        lines += [
            f"```{{figure}} /images/gallery/{schema.name}.png",
            f":alt: {schema.title}",
            ":class: plotted",
            "",
            f"{known['says']} From a run on {known['of']}.".strip(),
            "```",
            "",
        ]
    return "\n".join([*lines, *_measured(schema)])


def _measured(schema: Schema) -> list[str]:
    """The table of what is measured, each number with what stands next to it."""
    keys = [f"`{c.name}`" for c in schema.columns if c.role in ("key", "along")]
    lines = [f"One row for each {', '.join(keys)}.", ""] if keys else []
    values = [column for column in schema.columns if column.role == "value"]
    if values:
        lines += ["| number | what it is | with it |", "|---|---|---|"]
    for column in values:
        unit = f" ({column.unit})" if column.unit else ""
        with_it = ", ".join(_with(schema, column))
        lines.append(f"| `{column.name}` | {cell(column.meaning)}{unit} | {with_it} |")
    place = f"table-{schema.name.replace('.', '-')}"
    return [*lines, "", f"[All columns of the table](#{place})", ""]


def _with(schema: Schema, value: Column) -> list[str]:
    """What a reader finds next to a number."""
    roles = {c.role for c in schema.columns if value.name in c.of.split()}
    roles |= {c.role for c in schema.columns if c.role == "n" and not c.of}
    return [words for role, words in _BESIDE.items() if role in roles]
