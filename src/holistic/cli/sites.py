"""The command `sites`: the places in a model that can be studied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.cli.options import AsJson, Plan, Source
from holistic.cli.streams import kept_apart, print_json
from holistic.cli.subjects import load_source, untrained_model, whole_subject, with_pretrained

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["sites"]

_LEFT_OUT = ("depth", "positions", "parameters", "hidden", "op", "same_units", "same_value")
"""Columns that `--json` has and that a terminal has no room for."""

_HEADS = {"site": "name to type", "shown": "what it is"}
_ENOUGH = 64
"""Images that tracing a model and checking the trace needs at most."""


def sites(
    source: Source = Source(),
    *,
    weights: Path | None = None,
    forward: str | None = None,
    unit_axis: tuple[str, ...] = (),
    json_: AsJson = False,
) -> None:
    """List the places in a model that can be studied; nothing is trained for it.

    Parameters
    ----------
    source
        Which data and which model.
    weights
        Weights of the model; its places don't depend on them. A folder of Hugging Face is the
        model itself.
    forward
        `module:function` that calls the model and returns logits.
    unit_axis
        `SITE=AXIS`: which axis of an example's value counts a site's units.
    json_
        Print one JSON document instead of a table.
    """
    from holistic.study.weights import load_weights

    with kept_apart():
        source = with_pretrained(source, weights)
        data = load_source(source, weights)
        model = untrained_model(source, data)
        if weights is not None and not source.model.startswith("huggingface:"):
            model = load_weights(model, weights)
        limit = max(_ENOUGH, 2 * data.count)
        subject = whole_subject(
            model, data, source, Plan(limit=limit, unit_axis=unit_axis, forward=forward)
        )
        document = _document(subject)
    if json_:
        print_json(document, indent=1)
        return
    _print_table(subject)


def _document(subject: Subject) -> dict[str, object]:
    return {
        "model": subject.name,
        "traced": subject.traced,
        "backend_note": subject.backend_note,
        "notes": list(subject.notes),
        "sites": list(subject.sites.rows()),
    }


def _print_table(subject: Subject) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"Sites of {escape(subject.name)}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    columns = [c for c in subject.sites.columns if c.name not in _LEFT_OUT]
    for column in columns:
        table.add_column(
            _HEADS.get(column.name, column.name.replace("_", "\n")),
            justify="right" if column.kind == "int64" else "left",
            # a name that is cut off can't be given back to a command
            overflow="ellipsis" if column.name == "layout" else "fold",
            min_width={"site": 20, "layer": 5, "unit_axis": 4}.get(column.name),
            max_width={"layout": 14}.get(column.name),
        )
    for row in subject.sites.rows():
        row["shown"] = row["op"] if row["shown"] == row["site"] else row["shown"]
        values = (row[column.name] for column in columns)
        shown = ("yes" if v is True else "" if v is False else str(v) for v in values)
        table.add_row(*map(escape, shown))
    for note in (subject.backend_note, *subject.notes):
        if note:
            print(f"note: {note}", file=sys.stderr)
    Console(highlight=False).print(table)
