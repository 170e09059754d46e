"""Reads how often verdicts were right in a self-test whose `doctor.json` lies with an audit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from holistic.errors import AuditError
from holistic.results.files import opened, write_whole

__all__ = ["FILE_NAME", "ErrorRate", "Null", "error_rates", "keep", "rates_of"]

FILE_NAME = "doctor.json"
_MOST_BYTES = 2**24
_COUNTS = ("planted", "found", "decoys", "named")
_NAMES = ("verdict", "finding", "network")


@dataclass(frozen=True)
class Null:
    """How often a verdict was given in a network where there is nothing to find.

    >>> str(Null("untrained", 0, 366, 0.0, 0.0104))
    'untrained: 0 of 366 [0.0, 1.0 %]'
    """

    twin: str
    found: int
    tests: int
    lo: float
    hi: float

    def __str__(self) -> str:
        ends = f"[{100 * self.lo:.1f}, {100 * self.hi:.1f} %]"
        return f"{self.twin}: {self.found} of {self.tests} {ends}"


@dataclass(frozen=True)
class ErrorRate:
    """How often one verdict was right about what was planted, and where nothing was.

    >>> str(ErrorRate("causal", "agreement.units", "a copy of cnn", 100, 97, 80, 3))
    'causal: of 100 planted in a copy of cnn it found 97, of 80 decoys it named 3'
    >>> null = Null("labels shuffled", 2, 400, 0.001, 0.018)
    >>> str(ErrorRate("causal", "agreement.units", "a copy of cnn", 9, 9, 8, 0, (null,)))
    'causal: of 9 planted in a copy of cnn it found 9, of 8 decoys it named 0; labels shuffled: \
2 of 400 [0.1, 1.8 %]'
    """

    verdict: str
    finding: str
    network: str
    planted: int
    found: int
    decoys: int
    named: int
    nulls: tuple[Null, ...] = ()

    def __str__(self) -> str:
        where = f" in {self.network}" * bool(self.planted)
        parts = [f"of {self.planted} planted{where} it found {self.found}"] * bool(self.planted)
        parts += [f"of {self.decoys} decoys it named {self.named}"] * bool(self.decoys)
        return "; ".join([f"{self.verdict}: {', '.join(parts)}", *map(str, self.nulls)])


def error_rates(path: Path) -> list[ErrorRate]:
    """Read what `holistic doctor` wrote, copies of a user's own model before other networks.

    Raises
    ------
    AuditError
        If the file can't be read, or holds something else.
    """
    fault = f"'{path}' holds no self-test; write one with 'holistic doctor --json > {FILE_NAME}'"
    try:
        with opened(path) as file:
            text = file.read(_MOST_BYTES + 1)
        findings = json.loads(text)["findings"] if len(text) <= _MOST_BYTES else {}
        nulls = [*_nulls(findings.values())]
        found = [
            replace(rate, nulls=tuple(n for key, n in nulls if key == (rate.finding, rate.verdict)))
            for rows in findings.values()
            for rate in _checked(rows)
        ]
    except OSError as error:
        raise AuditError(f"can't read '{path}': {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AuditError(fault) from None
    if not found:
        raise AuditError(fault)
    return found


def _nulls(tables: Iterable[Any]) -> Iterator[tuple[tuple[str, str], Null]]:
    """Read by finding and test what was found where nothing is; rows of other kinds are left."""
    for row in chain.from_iterable(rows for rows in tables if isinstance(rows, list)):
        words = [row.get(name) for name in ("finding", "test", "twin")]
        counts = [row.get(name) for name in ("found", "tests")]
        ends = [row.get(name) for name in ("lo", "hi")]
        fits = all(isinstance(w, str) and w.isprintable() for w in words)
        fits = fits and all(type(n) is int and n >= 0 for n in counts)
        if fits and all(isinstance(end, float) for end in ends):
            yield (words[0], words[1]), Null(words[2], *counts, *ends)


def _checked(rows: Any) -> Iterator[ErrorRate]:
    """Rows that count what was planted; none where one isn't what it should be."""
    if not isinstance(rows, list):
        return
    sound = [row for row in rows if isinstance(row, Mapping) and _whole(row)]
    if len(sound) == len(rows):
        yield from (ErrorRate(**{n: row[n] for n in (*_NAMES, *_COUNTS)}) for row in sound)


def _whole(row: Mapping[str, Any]) -> bool:
    """Say whether a row has its names in printable letters, and counts of 0 or more."""
    return all(
        isinstance(row.get(name), str) and row[name].isprintable() for name in _NAMES
    ) and all(type(row.get(name)) is int and row[name] >= 0 for name in _COUNTS)


def keep(path: Path, audit: Path) -> None:
    """Put a self-test's JSON into an audit's folder, where reports find it.

    Raises
    ------
    AuditError
        If the file holds no self-test.
    """
    error_rates(path)
    with opened(path) as file:
        content = file.read(_MOST_BYTES)
    write_whole(audit / FILE_NAME, lambda temporary: temporary.write_bytes(content))


def rates_of(audit: Path) -> list[ErrorRate]:
    """Return each verdict's error rate from the folder's `doctor.json`; none without one.

    Of a verdict that was tried on several networks, the copy of the user's own model counts.
    """
    path = audit / FILE_NAME
    if not path.is_file():
        return []
    try:
        rows = error_rates(path)
    except AuditError:
        return []
    return [*{(row.finding, row.verdict): row for row in reversed(rows)}.values()][::-1]
