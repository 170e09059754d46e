"""The pages on an audit's tables: every column with its unit and meaning, from the declarations."""

from __future__ import annotations

from docs._make.declared import LENSES, cell, question, schemas_of

from holistic.results.schema import Schema

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """One page for each lens, by name."""
    return {f"tables_{lens}": _page(lens) for lens in LENSES}


def _page(lens: str) -> str:
    head = f"# Tables of `{lens}`\n\n{question(lens)} Each table here is a file "
    head += f"`tables/{lens}.….parquet` of the audit.\n"
    return "\n".join([head, *(_table(schema) for schema in schemas_of(lens))])


def _table(schema: Schema) -> str:
    lines = [
        f"(table-{schema.name.replace('.', '-')})=",
        f"## `{schema.name}`",
        "",
        f"{schema.title}. {schema.lead}".strip(),
        "",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
    ]
    for column in schema.columns:
        name = f"**`{column.name}`**" if column.role in ("key", "along") else f"`{column.name}`"
        unit = "" if column.kind in ("string", "bool") else column.unit
        lines.append(f"| {name} | {column.kind} | {unit} | {cell(column.meaning)} |")
    if schema.arrays:
        lines += ["", "| array | type | axes | meaning |", "|---|---|---|---|"]
    for name, array in schema.arrays.items():
        shown = f"`{schema.lens}.{name}{'.SITE' if array.sites else ''}`"
        lines.append(f"| {shown} | {array.kind} | {array.axes} | {cell(array.meaning)} |")
    return "\n".join([*lines, ""])
