"""Asks a saved audit a question, without torch."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path

from holistic.cli.options import AsJson, Verbose
from holistic.cli.streams import print_json

__all__ = ["ask"]

_WIDTH = 80


def ask(folder: Path, *question: str, json_: AsJson = False, verbose: Verbose = False) -> None:
    """Answer a question from a saved audit, on one screen.

    Parameters
    ----------
    folder
        Folder of the audit.
    question
        unit L2·57, class 7, image 123, layers, prune or shortcuts.
    json_
        Print one JSON document instead of text.
    verbose
        Print interval, n, control, p and q below each sentence.
    """
    from holistic.report.saved import load

    answer = load(folder).ask(" ".join(question))
    if json_:
        print_json(
            {"question": answer.question, "lines": list(map(dataclasses.asdict, answer.lines))}
        )
        return
    print(answer.question)
    for line in answer.lines:
        print(_indented(line.words, "  "))
        if verbose and line.evidence:
            print(_indented(line.evidence, "      "))
    if not verbose and any(line.evidence for line in answer.lines):
        print("  (--verbose adds intervals, n, controls, p and q)")


def _indented(words: str, by: str) -> str:
    return textwrap.fill(words, _WIDTH, initial_indent=by, subsequent_indent=by)
