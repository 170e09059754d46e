"""The randomly initialised controls that lenses measure beside a model: one graph for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from holistic.study.control import control_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holistic.study.references import References
    from holistic.study.subject import Subject

__all__ = ["Drawn", "fresh_control"]

_CONTROLS: WeakKeyDictionary[References, Subject] = WeakKeyDictionary()


@dataclass(frozen=True)
class Drawn:
    """A control that is drawn when it is asked for, since the next one takes its place."""

    subject: Subject
    seed: int

    def made(self) -> Subject:
        """Return the control; it is good until another one is asked for."""
        return fresh_control(self.subject, self.seed)


def fresh_control(subject: Subject, seed: int, keeping: Sequence[str] = ()) -> Subject:
    """Return a subject's control of this seed; it is good until another one is asked for.

    Controls differ in their weights alone: the first is traced and checked, and each later one's
    weights are drawn into it, whichever lens asks.

    Parameters
    ----------
    subject
        The model under study.
    seed
        Decides the weights (see `holistic.Subject.untrained`).
    keeping
        Modules by name whose own weights stay the trained ones.

    Raises
    ------
    ModelError
        If a weight can't be drawn anew, or the control computes what the trained model does.
    """
    reuse = _CONTROLS.get(subject.references)
    control = (
        control_of(subject, seed, reuse, keeping)
        if keeping
        else subject.untrained(seed, reuse=reuse)
    )
    _CONTROLS[subject.references] = control
    return control
