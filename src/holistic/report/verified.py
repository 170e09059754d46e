"""Finds out whether a saved audit is as its run left it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holistic.errors import AuditError
from holistic.results.files import is_unfinished, sha256
from holistic.results.folder import Folder

__all__ = ["Verified", "verified"]


@dataclass(frozen=True)
class Verified:
    """What came of hashing every file of an audit again.

    Attributes
    ----------
    path
        Folder of the audit.
    files
        Tables and arrays that are as `audit.json` says.
    faults
        A line for each file that is missing or was changed, or that says something else than the
        audit.
    strays
        Files in `tables` and `arrays` that the audit doesn't name; nobody reads them.
    sha256
        Sum of `audit.json`, which holds the sums of all others: whoever knows it knows the audit.
    """

    path: Path
    files: int
    faults: tuple[str, ...]
    strays: tuple[str, ...]
    sha256: str

    def __bool__(self) -> bool:
        """Whether the audit is whole."""
        return not self.faults

    def __str__(self) -> str:
        """Every fault in a line, or that there is none."""
        if self.faults:
            count = len(self.faults)
            what = "1 fault" if count == 1 else f"{count} faults"
            lines = [*self.faults, f"{self.path}: {what}"]
        else:
            lines = [f"{self.path}: all {self.files} tables and arrays are as the run left them"]
        lines += [f"not of this audit, and not read: {name}" for name in self.strays]
        return "\n".join([*lines, f"sha256 of audit.json: {self.sha256}"])


def verified(audit: Folder, reported: Callable[[], bool]) -> Verified:
    """Hash every file of an audit.

    Parameters
    ----------
    audit
        The audit.
    reported
        Says whether its `report.html` is the report of the audit; asked of a whole one alone.
    """
    entries = list(audit.files())
    faults = list(_faults(audit, entries))
    right = len(entries) - len(faults)
    if not faults and (audit.path / "report.html").exists() and not reported():
        again = f"'holistic report {audit.path}' writes it again"
        page = audit.path / "report.html"
        faults.append(f"'{page}' was changed, or another version wrote it; {again}")
    named = {file["path"] for file in entries}
    strays = sorted(
        str(path.relative_to(audit.path))
        for kind in ("tables", "arrays")
        for path in (audit.path / kind).glob("*")
        if str(path.relative_to(audit.path)) not in named and not is_unfinished(path)
    )
    total = sha256(audit.path / "audit.json")
    return Verified(audit.path, right, tuple(faults), tuple(strays), total)


def _faults(audit: Folder, entries: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for file in entries:
        try:
            audit.check(file)
        except AuditError as error:
            yield str(error)
