"""The pages on the command line and on the lenses' settings, from the app and from their fields."""

from __future__ import annotations

import re

from docs._make.declared import LENSES, cell, question

from holistic.cli import app
from holistic.cli.settings import flags_of
from holistic.lenses._contract import lens_class

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The page on the commands and the one on the settings, by name."""
    return {"commands": _commands(), "settings": _settings()}


def _commands() -> str:
    """What `holistic --help` says of every command."""
    text = app.generate_docs(output_format="markdown")
    text = re.sub(r"^## Table of Contents\n.*?(?=^\*\*Commands)", "", text, flags=re.M | re.S)
    text = re.sub(r"\]\(#holistic-(\w+)\)", r"](#holistic-\1)", text)
    return text.replace("# holistic\n", "# The command line\n", 1)


def _settings() -> str:
    """What `holistic settings` says of every lens."""
    parts = [
        "# Settings of the lenses\n",
        "A setting is an argument of the lens's class in Python, a flag of `holistic run`, and a "
        "key of the file for `--config`.\n",
    ]
    for lens in LENSES:
        listed = flags_of([lens]).generate_docs(output_format="markdown")
        flags = re.findall(r"^\* `(--\S+)( [^`]*)?`: (.*(?:\n    .*)*)", listed, flags=re.M)
        kind = lens_class(lens).__name__
        parts.append(f"## `{lens}`\n\n{question(lens)}\n\n| {kind}(…) | flag | meaning |")
        parts.append("|---|---|---|")
        parts.extend(
            f"| `{flag.rpartition('.')[2].replace('-', '_')}` | `{flag}` | "
            f"{cell(' '.join(meaning.split()))} |"
            for flag, _, meaning in flags
        )
        parts.append("")
    return "\n".join(parts)
