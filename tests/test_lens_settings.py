"""Every setting of every lens is checked, by its kind and by the range that it declares."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from holistic.checking.fitting import cut_settings
from holistic.errors import SettingError
from holistic.lenses import Lens, lens_class, lens_names, setting
from holistic.lenses._choice import chosen_lenses, settings_of
from holistic.lenses._contract import with_plain_numbers

HUGE = 10**25


def numbers(kind: type[Lens]) -> list[tuple[str, type, Any]]:
    """Name, kind and declared range of every number among a lens's settings."""
    kinds = typing.get_type_hints(kind)
    return [
        (field.name, kinds[field.name], field.metadata)
        for field in dataclasses.fields(kind)
        if kinds[field.name] in (int, float)
    ]


def given(name: str) -> list[object]:
    """Return what a user may give that is no number within any range."""
    return [math.nan, math.inf, -math.inf, True, "3", None, [3], HUGE, -1, 1j, np.array([1, 2])]


@pytest.mark.parametrize("name", lens_names())
def test_no_number_is_taken_outside_of_its_range(name: str) -> None:
    kind = lens_class(name)
    for field, number, bounds in numbers(kind):
        step = 1 if number is int else 1e-6
        ends = [bounds["low"] - step, bounds["high"] * (1 + 1e-9) + step]
        for value in [*given(name), *ends, *([1.5] if number is int else [])]:
            with pytest.raises(SettingError, match=rf"^{name}\.{field} must be .*, got ") as error:
                kind(**{field: value})
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", lens_names())
def test_the_ends_of_a_range_are_in_it(name: str) -> None:
    kind = lens_class(name)
    for field, number, bounds in numbers(kind):
        for end in ("low", "high"):
            if end == "low" and bounds["above"]:
                continue
            taken = getattr(with_plain_numbers(kind(**{field: bounds[end]})), field)
            assert type(taken) is number
            assert taken == bounds[end]


def test_numbers_of_other_libraries_are_plain_ones_in_a_run() -> None:
    given = lens_class("ablation")(depth=np.int64(7), budget=np.float32(2), truncation=0)
    (ablation,) = chosen_lenses([given])
    assert [type(v) for v in (ablation.depth, ablation.budget, ablation.truncation)] == [
        int,
        float,
        float,
    ]
    plain = lens_class("ablation")(depth=7, budget=2.0, truncation=0.0)
    assert json.dumps(settings_of(ablation)) == json.dumps(settings_of(plain))


def test_choices_and_switches_are_checked() -> None:
    with pytest.raises(SettingError, match=r"ablation.edit must be one of 'mean', .*did you mean"):
        lens_class("ablation")(edit="maen")
    with pytest.raises(SettingError, match=r"ablation.exact must be True or False, got 'yes'"):
        lens_class("ablation")(exact="yes")


def test_a_lens_of_a_user_is_checked_too() -> None:
    @dataclass(frozen=True)
    class Own(Lens):
        name: ClassVar[str] = "own"
        question: ClassVar[str] = "what?"
        size: int = 3
        share: float = setting(0.5, 0, 1)

    assert Own(size=10**6).size == 10**6
    with pytest.raises(SettingError, match=r"own.size must be a whole number"):
        Own(size=2.5)
    with pytest.raises(SettingError, match=r"own.share must be a number from 0 to 1, got 2"):
        Own(share=2)


def test_a_quick_run_takes_less_of_every_lens_and_leaves_what_was_set() -> None:
    for name in lens_names():
        usual, quick = (
            settings_of(one) for one in (lens_class(name)(), cut_settings(lens_class(name)()))
        )
        changed = {key for key in usual if quick[key] != usual[key]}
        declared = {f.name for f in dataclasses.fields(lens_class(name)) if f.metadata.get("quick")}
        assert changed <= declared
        assert bool(changed) == bool(declared), name
        assert all(quick[key] < usual[key] for key in changed)
    set_so = cut_settings(lens_class("attribution")(examples=300))
    assert (set_so.examples, set_so.steps) == (300, 16)
