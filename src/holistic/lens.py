"""What is a lens, and which lenses are there?"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import holistic
from holistic.errors import SettingError, listed, nearest
from holistic.findings import Finding
from holistic.progress import Progress, silent

if TYPE_CHECKING:
    from holistic.subject import Subject

__all__ = ["Context", "Lens", "lens_class", "lens_names"]


@dataclass(frozen=True)
class Context:
    """What a running lens is given beside the subject: earlier findings, and where to say how far.

    Attributes
    ----------
    findings
        Findings of the lenses that ran before, by name (`ablation.units`).
    progress
        Called with the name of a task, the steps done and the steps in all.
    """

    findings: Mapping[str, Finding] = field(default_factory=dict[str, Finding])
    progress: Progress = silent


@dataclass(frozen=True)
class Lens:
    """One question about a subject; the fields of a lens are its settings.

    A lens is a frozen dataclass in `holistic/lenses/<name>.py` (or a folder of that name): its
    fields are the library's arguments, the command line's flags and the recorded provenance.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Lenses whose findings this one reads."""

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Answer the question, a finding at a time; the same seed gives the same bytes."""
        raise NotImplementedError


def lens_names() -> tuple[str, ...]:
    """Names of all lenses in running order: a lens comes after those that it needs.

    >>> lens_names()
    ('ablation', 'activation', 'attribution', 'mechanism', 'tracing', 'agreement')
    """
    found = sorted(
        m.name
        for m in pkgutil.iter_modules([f"{p}/lenses" for p in holistic.__path__])
        if not m.name.startswith("_")
    )
    # `agreement` reads the others; it is the one lens that names what it needs.
    return tuple(sorted(found, key=lambda name: (name == "agreement", name)))


def lens_class(name: str) -> type[Lens]:
    """Import the lens of this name.

    Raises
    ------
    SettingError
        If there is no lens of this name.
    """
    if name not in lens_names():
        raise SettingError(
            f"no lens '{name}'{nearest(name, lens_names())}; there are {listed(lens_names())}"
        )
    module = importlib.import_module(f"holistic.lenses.{name}")
    return next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Lens) and getattr(kind, "name", "") == name
    )
