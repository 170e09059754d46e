"""Arguments that a public function doesn't have are refused with what is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import holistic
import planted_tracing as planted
from holistic.errors import HolisticError
from holistic.lenses.ablation import Ablation


def audit(**given: Any) -> object:
    return holistic.audit(planted.carried(count=40), out="nowhere", **given)


def subject(**given: Any) -> object:
    one = planted.carried(count=40)
    return holistic.Subject(one.model, (one.images, one.labels), **given)


CALLS: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (audit, {"quik": True}, r"audit has no argument 'quik' \(did you mean 'quick'\?\); it takes"),
    (audit, {"sites": ["L1"]}, "audit has no argument 'sites': it belongs to 'holistic.Subject'"),
    (subject, {"clases": ["a", "b"]}, r"Subject has no argument 'clases' \(did you mean 'classes'"),
    (subject, {"quick": True}, "Subject has no argument 'quick': it belongs to 'holistic.audit'"),
    (holistic.Zero, {"site": "1", "unit": [2]}, r"Zero has no argument 'unit' \(did you mean 'uni"),
    (Ablation, {"deph": 3}, r"Ablation has no argument 'deph' \(did you mean 'depth'\?\)"),
    (holistic.load, {"path": "x", "folder": "y"}, "load has no argument 'folder'; it takes 'path'"),
]


@pytest.mark.parametrize(("call", "given", "says"), CALLS)
def test_unknown_arguments(call: Callable[..., object], given: dict[str, Any], says: str) -> None:
    with pytest.raises(HolisticError, match=says) as told:
        call(**given)
    assert isinstance(told.value, TypeError)
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("name", [n for n in holistic.__all__ if n[0].islower()])
def test_every_public_function_refuses_them(name: str) -> None:
    with pytest.raises(HolisticError, match=f"{name} has no argument 'qwxz'; it takes "):
        getattr(holistic, name)(qwxz=1)


def test_edits_and_lenses_of_ones_own_keep_their_arguments() -> None:
    class Own(holistic.Zero):
        def __init__(self, place: str, *, much: float) -> None:
            super().__init__(place)
            object.__setattr__(self, "much", much)

    assert Own("1", much=2.0).site == "1"  # pyright: ignore[reportCallIssue]
