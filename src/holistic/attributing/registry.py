"""Gathers the attribution methods: a module is named here, and declares its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holistic.arguments import described, number, whole
from holistic.attributing import (
    cams,
    contrasting,
    paths,
    rollout,
    rules,
    sampled,
    slopes,
    windows,
)
from holistic.attributing.method import Method, Option
from holistic.errors import SettingError, listed, nearest, shortened
from holistic.study.subject import Subject

__all__ = ["METHODS", "checked_method", "checked_settings", "display_name", "usable"]

_MODULES = (slopes, paths, contrasting, rules, cams, windows, sampled, rollout)
METHODS: dict[str, Method] = {one.name: one for module in _MODULES for one in module.METHODS}
"""Every method, by its name, in the order of tables and arrays."""
_OTHERS = ("baseline", "progress", "target", "images", "method")


def display_name(method: str) -> str:
    """Write a method's name as sentences and pages show it.

    >>> display_name("input_x_gradient"), display_name("integrated_gradients")
    ('input × gradient', 'integrated gradients')
    """
    return method.replace("_x_", " × ").replace("_", " ")


def usable(subject: Subject) -> dict[str, str]:
    """By each method's name, why it can't be used on a model; empty where it can."""
    return {name: method.refusal(subject) for name, method in METHODS.items()}


def checked_method(subject: Subject, name: Any) -> Method:
    """Return the method of this name, if it can be used on a model.

    Raises
    ------
    SettingError
        If there is no such method, or the model lacks what it needs.
    """
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        known = listed(METHODS, 40)
        close = nearest(str(name), METHODS)
        raise SettingError(f"no attribution method {described(name)}{close}; there are {known}")
    if why := method.refusal(subject):
        others = [one for one, reason in usable(subject).items() if not reason]
        instead = listed(others, 30)
        raise SettingError(
            f"'{name}' can't be used on '{subject.name}': {shortened(why)}; use {instead}"
        )
    return method


def checked_settings(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's settings, those given and the others' defaults, after checking them.

    Raises
    ------
    SettingError
        If it has no such setting, or one lies outside of its range.
    """
    for name in given:
        if name not in method.options:
            takes = listed(method.options) if method.options else "none"
            close = nearest(name, (*method.options, *_OTHERS))
            raise SettingError(
                f"'{method.name}' has no setting '{name}'{close}; its settings are {takes}"
            )
    return {
        name: _checked(f"{method.name}'s {name}", option, given.get(name, option.default))
        for name, option in method.options.items()
    }


def _checked(what: str, option: Option, value: Any) -> Any:
    if value is option.default:
        return value
    if option.allowed:
        if value not in option.allowed:
            allowed = listed(option.allowed)
            raise SettingError(f"{what} must be one of {allowed}, got {described(value)}")
        return value
    if isinstance(option.default, str):
        if not isinstance(value, str):
            raise SettingError(f"{what} must be a name, got {described(value)}")
        return value
    if isinstance(option.default, bool):
        if not isinstance(value, bool):
            raise SettingError(f"{what} must be True or False, got {described(value)}")
        return value
    if isinstance(option.low, int):
        return whole(value, what, option.low, int(option.high))
    return number(value, what, option.low, option.high)
