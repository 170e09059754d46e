"""Runs one lens, whatever the code of others does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from holistic.errors import HolisticError, explain_memory_errors, listed
from holistic.lenses._contract import Context, Lens
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.usercode import FAULTS, reason_of

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["Stopped", "findings_of"]


class Stopped(BaseException):
    """Whoever is told of the progress wants the run to end: no lens may take it for its own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def findings_of(lens: Lens, subject: Subject, run: Folder, say: Progress) -> list[Finding]:
    """Run a lens and return all that it finds.

    Parameters
    ----------
    lens
        Which is run.
    subject
        What it studies.
    run
        What earlier lenses found.
    say
        Told of the progress; what it raises ends the run as `Stopped`.

    Returns
    -------
    list[Finding]
        With the names of sites and the words for inputs that readers see.

    Raises
    ------
    Exception
        Whatever the lens raises, or the user's code that it runs: the program isn't ended.
    """
    readers = run.readers

    def say_safely(task: str, done: int, total: int) -> None:
        try:
            say(task, done, total)
        except FAULTS as error:
            raise Stopped(error) from None

    def say_within(task: str, done: int, total: int) -> None:
        say_safely(f"{lens.name}: {readers.in_text(task)}", done, total)

    say_safely(lens.name, 0, 1)
    try:
        with explain_memory_errors():
            findings = list(lens.run(subject, Context(_Saved(run), say_within)))
    except SystemExit as end:
        raise HolisticError(reason_of(end)) from end
    strays = [f.name for f in findings if f.lens != lens.name]
    if strays:
        raise ValueError(f"lens '{lens.name}' names findings of another lens: {listed(strays)}")
    return list(map(readers.in_finding, findings))


class _Saved(Mapping[str, Finding]):
    """Findings of an audit by name, read from its folder when they are asked for.

    A lens reads what was saved, also within one run: then a resumed run can't differ.
    """

    def __init__(self, run: Folder) -> None:
        self._run = run
        self._read: dict[str, Finding] = {}

    def __getitem__(self, name: str) -> Finding:
        if name not in self._run.names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._run.finding(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.names)

    def __len__(self) -> int:
        return len(self._run.names)
