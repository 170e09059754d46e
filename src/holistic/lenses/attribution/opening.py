"""Shows first where erasing costs each class, and which attribution methods fail their tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from holistic.lenses._parts import known, significant
from holistic.lenses.attribution._failures import FAILURES, IN_SHORT, failures
from holistic.lenses.attribution.labels_statements import shown as doubted
from holistic.lenses.attribution.schemas import (
    CONTROLS,
    EvidenceRow,
    LabelRow,
    MethodRow,
    ShortcutRow,
    TrustRow,
    WordRow,
)
from holistic.lenses.attribution.shortcuts_statements import shown
from holistic.lenses.attribution.trust_statements import trusted
from holistic.results.folder import Folder
from holistic.results.opening import (
    Cell,
    ClassColumn,
    Example,
    Opening,
    Panel,
    Plane,
    Strip,
)
from holistic.words import counted, joined, number, quoted, sentence

__all__ = ["failed", "gates", "laid_out", "opening"]

_EVIDENCE, _METHODS = "attribution.evidence", "attribution.methods"
_WORDS, _TRUST = "attribution.words", "attribution.trust"
_SHORTCUTS, _LABELS = "attribution.shortcuts", "attribution.labels"
_SHOWN = 3
"""Methods that a sentence names."""
_DOUBTED = 8
"""Doubted examples whose pictures stand first."""


def opening(audit: Folder) -> Opening:
    """Return the column of `attribution.evidence`, and what `attribution.methods` warns of."""
    columns, panels = list[ClassColumn](), list[Panel]()
    if _EVIDENCE in audit:
        cells = _cells(list(audit[_EVIDENCE].where(kind="erase").rows(EvidenceRow)))
        if cells:
            drawn = any(cell.plane for cell in cells.values())
            head = "erase here: orange hurts" if drawn else "hurts most without"
            columns.append(ClassColumn(head, _EVIDENCE, cells, 10))
    if _WORDS in audit:
        first = [row for row in audit[_WORDS].rows(WordRow) if row.rank == 1]
        cells = {row.class_: _word(row) for row in first}
        columns += [ClassColumn("needs the word", _WORDS, cells, 10)] if cells else []
    if _SHORTCUTS in audit:
        panels += _shortcuts(audit)
    if _LABELS in audit:
        panels += _doubted(audit)
    if _METHODS in audit:
        rows = list(audit[_TRUST].rows(TrustRow)) if _TRUST in audit else []
        panels += _warning([row for row in audit[_METHODS].rows(MethodRow) if row.n], rows)
    return Opening(columns=tuple(columns), panels=tuple(panels))


def _cells(rows: Sequence[EvidenceRow]) -> dict[str, Cell]:
    found: dict[str, list[EvidenceRow]] = {}
    for row in rows:
        found.setdefault(row.class_, []).append(row)
    return {name: _cell(name, own) for name, own in found.items()}


def _cell(name: str, rows: Sequence[EvidenceRow]) -> Cell:
    worst = min(rows, key=lambda row: known(row.effect.value))
    of, where = (
        worst.effect,
        worst.part
        or (
            f"rows {worst.top} to {worst.top + worst.height}, columns {worst.left} to "
            f"{worst.left + worst.width}"
        ),
    )
    return Cell(
        words=worst.part,
        evidence=(
            f"the dearest of {len(rows)} {'places' if worst.part else 'windows'}, {where}: "
            f"{number(of.value, '+z.2f')} [{number(of.lo, '+z.2f')}, {number(of.hi, '+z.2f')}], "
            f"n = {worst.n}, q = {number(of.q, '.2g')}; the same place in a randomly initialised "
            f"network {number(of.control, '+z.2f')}"
        ),
        plane=None if worst.part else Plane(laid_out(rows), f"where erasing costs {quoted(name)}"),
    )


def _word(row: WordRow) -> Cell:
    of = row.effect
    return Cell(
        words=row.word,
        evidence=(
            f"chosen on the selection split; change without it {number(of.value, '+z.2f')} "
            f"[{number(of.lo, '+z.2f')}, {number(of.hi, '+z.2f')}], n = {row.n}, "
            f"q = {number(of.q, '.2g')}; in a randomly initialised network "
            f"{number(of.control, '+z.2f')}"
        ),
    )


def laid_out(rows: Sequence[EvidenceRow]) -> np.ndarray:
    """Average the windows' changes over the cells of the input that they cover, `[H, W]`."""
    height = max(row.top + row.height for row in rows)
    width = max(row.left + row.width for row in rows)
    total, count = np.zeros((2, height, width))
    for row in rows:
        at = slice(row.top, row.top + row.height), slice(row.left, row.left + row.width)
        total[at] += known(row.effect.value)
        count[at] += 1
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _shortcuts(audit: Folder) -> Iterator[Panel]:
    """Say which classes are read off a shortcut."""
    rows = [row for row in audit[_SHORTCUTS].rows(ShortcutRow) if significant(row.drop)]
    if rows:
        lines = [shown(row) for row in rows[:_SHOWN]]
        evidence = "; ".join(
            f"{row.class_}: accuracy lost {number(row.drop.value, '.2f')} "
            f"[{number(row.drop.lo, '.2f')}, {number(row.drop.hi, '.2f')}], n = {row.n}, "
            f"q = {number(row.drop.q, '.2g')}, elsewhere {number(row.drop.control, '.2f')}"
            for row in rows[:_SHOWN]
        )
        yield Panel("shortcuts", "Shortcuts", tuple(lines), _SHORTCUTS, 5, evidence=evidence)


def _doubted(audit: Folder) -> Iterator[Panel]:
    """Show the examples whose labels look wrong, the most doubted first."""
    rows = list(audit[_LABELS].rows(LabelRow))
    if rows:
        first = rows[:_DOUBTED]
        yield Panel(
            "labels",
            "Labels that look wrong",
            (audit.readers.in_text(doubted(rows)),),
            _LABELS,
            35,
            evidence="; ".join(
                f"{row.example} ({row.class_}, looks like {row.suggested}): probability "
                f"{number(row.probability.value, '.2f')} [{number(row.probability.lo, '.2f')}, "
                f"{number(row.probability.hi, '.2f')}], n = {row.probability.n}, a random example "
                f"{number(row.probability.control, '.3f')}"
                for row in first
            ),
            strips=(Strip("most doubted first", tuple(Example(row.example) for row in first)),),
        )


def _warning(rows: Sequence[MethodRow], chances: Sequence[TrustRow]) -> Iterator[Panel]:
    """Say which maps to look at, or which methods fail a test that a wrong map would fail."""
    names, lines = {row.method: row.method_name for row in rows}, trusted(chances) or failed(rows)
    if lines:
        evidence = "; ".join(
            f"{names[method]}: {', '.join(FAILURES[test] for test in tests)}"
            for method, tests in failures(rows).items()
            if tests
        )
        title = "Heat maps to trust"
        source = _TRUST if trusted(chances) else _METHODS
        yield Panel("maps", title, lines, source, 40, evidence=evidence, bare=True)


def failed(rows: Sequence[MethodRow]) -> tuple[str, ...]:
    """Say which methods not to trust and why, and which passed; nothing where none was tested."""
    names = {row.method: row.method_name for row in rows}
    asked = _tested(rows)
    doubtful = [names[method] for method, tests in asked.items() if tests]
    sound = [names[method] for method, tests in asked.items() if not tests]
    lines = list[str]()
    if doubtful:
        lines.append(f"Don't trust {_some(doubtful)}: {_why(asked)}.")
    if sound:
        lines.append(sentence(f"{_some(sound)} passed every test."))
    return tuple(lines)


def gates(rows: Sequence[MethodRow]) -> str:
    """Say how many methods fail a test, where it is measured what that is worth."""
    asked = _tested(rows)
    doubtful = sum(map(bool, asked.values()))
    if not doubtful:
        return "Every method passes every test." if asked else ""
    return (
        f"{doubtful} of {counted(len(asked), 'method')} {'fails' if doubtful == 1 else 'fail'} a "
        f"test: {_why(asked)}. What that is worth is measured as a probability."
    )


def _tested(rows: Sequence[MethodRow]) -> dict[str, tuple[str, ...]]:
    """By method the tests that it fails; controls aren't methods."""
    found = failures(rows).items()
    return {name: tuple(tests) for name, tests in found if name not in CONTROLS}


def _why(asked: Mapping[str, tuple[str, ...]]) -> str:
    """The test that all that fail one have failed, in words."""
    every = [set(tests) for tests in asked.values() if tests]
    shared = next((w for test, w in IN_SHORT.items() if all(test in own for own in every)), "")
    return shared or "each failed a test that wrong maps fail"


def _some(names: Sequence[str]) -> str:
    """Name at most three."""
    if len(names) <= _SHOWN:
        return joined(names)
    return joined([*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} more"])
