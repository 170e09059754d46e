"""Parts of a subject: the same model with fewer sites or on fewer examples, traced once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from holistic.study.identity import Identity
from holistic.study.material import Material
from holistic.study.references import References
from holistic.study.runner import Runner

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["on_examples", "on_sites"]


def on_sites(subject: Subject, sites: Sequence[str]) -> Subject:
    """Return the subject with these of its hidden sites alone.

    Parameters
    ----------
    subject
        Stays as it is.
    sites
        Names or patterns, as for `Subject`.
    """
    choices = replace(subject.choices, sites=tuple(sites))
    return _like(subject, subject.runner.studying(sites), choices=choices)


def on_examples(subject: Subject, count: int) -> Subject:
    """Return the subject with so many examples of its splits at most, the first of each half."""
    first, second = subject.data.indices
    if len(first) + len(second) <= count:
        return subject
    half = count // 2
    data = replace(subject.data, given=(first[:half], second[:half]))
    return _like(subject, subject.runner, data=data)


def _like(subject: Subject, runner: Runner, **changed: Any) -> Subject:
    """Make a subject of the same fields but for some."""
    other = object.__new__(type(subject))
    own = {one.name: getattr(subject, one.name) for one in fields(subject)}
    Material.__init__(other, **{**own, **changed})
    other.runner, other.references = runner, References(other)
    other.identity = Identity(other, runner)
    return other
