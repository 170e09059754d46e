"""Keeps the user's settings of torch out of our numbers, and puts them back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import wraps
from importlib import import_module
from inspect import isgeneratorfunction
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    import torch

__all__ = ["ambient", "ordinary", "settled", "undrawn"]

P = ParamSpec("P")
R = TypeVar("R")


def _torch() -> Any:
    """Torch, which nobody who only reads of lenses has to load."""
    return import_module("torch")


def ambient() -> tuple[torch.dtype, torch.device]:
    """Return the default type and device that a user's model is written for, as set now."""
    torch = _torch()
    return torch.get_default_dtype(), torch.get_default_device()


@contextmanager
def ordinary(
    defaults: tuple[torch.dtype, torch.device] | None = None, *, gradients: bool | None = None
) -> Generator[None]:
    """Set what numbers depend on, and put it back: default type and device, autocast, modes.

    Modes that see each call of a function of torch, and could change what it returns, don't see
    ours.

    Parameters
    ----------
    defaults
        Default type and device; float32 and the processor unless given.
    gradients
        Whether gradients are recorded; as it is unless given.
    """
    torch = _torch()
    dtype, device = defaults or (torch.float32, torch.device("cpu"))
    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(_unseen())
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.set_grad_enabled(bool(gradients)))
        elif gradients is not None and gradients != torch.is_grad_enabled():
            stack.enter_context(torch.set_grad_enabled(gradients))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device() != device:
            stack.enter_context(device)
        try:
            if before != dtype:
                torch.set_default_dtype(dtype)
            yield
        finally:
            if torch.get_default_dtype() != before:
                torch.set_default_dtype(before)


@contextmanager
def _unseen() -> Generator[None]:
    """Take away the modes that the user has set, but those that choose a device."""
    torch = _torch()
    python = torch.utils._python_dispatch
    core, taken = torch._C, list[Any]()
    while core._len_torch_function_stack():
        taken.append(core._pop_torch_function_stack())
    device = import_module("torch.utils._device").DeviceContext
    for mode in reversed(taken):
        if isinstance(mode, device):
            core._push_on_torch_function_stack(mode)
    try:
        with python._disable_current_modes() if core._len_torch_dispatch_stack() else nullcontext():
            yield
    finally:
        while core._len_torch_function_stack():
            core._pop_torch_function_stack()
        for mode in reversed(taken):
            core._push_on_torch_function_stack(mode)


def settled(*, gradients: bool | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function or generator so that it runs under the ordinary settings."""

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def stepwise(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            # a generator that waits must leave the settings of whoever it waits for alone
            steps: Iterator[Any] = iter(function(*args, **kwargs))  # pyright: ignore[reportArgumentType, reportCallIssue]
            while True:
                with _as_needed(gradients):
                    try:
                        value = next(steps)
                    except StopIteration:
                        return
                yield value

        @wraps(function)
        def whole(*args: P.args, **kwargs: P.kwargs) -> R:
            with _as_needed(gradients):
                return function(*args, **kwargs)

        return stepwise if isgeneratorfunction(function) else whole  # pyright: ignore[reportReturnType]

    return decorated


def undrawn(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it leaves the global generators of random numbers as they were.

    Nothing of ours draws from them; a library does while it is imported.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with import_module("holistic.graph.kept").generators_kept():
            return function(*args, **kwargs)

    return call


def _as_needed(gradients: bool | None) -> AbstractContextManager[None]:
    """Change settings only where something is set that numbers depend on."""
    if "torch" not in sys.modules:
        return nullcontext()
    torch = _torch()
    usual = (
        torch.get_default_dtype() == torch.float32
        and not torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.is_autocast_enabled("cuda")
        and torch.get_default_device().type == "cpu"
        and not torch._C._len_torch_function_stack()
        and not torch._C._len_torch_dispatch_stack()
        and (gradients is None or gradients == torch.is_grad_enabled())
    )
    return nullcontext() if usual else ordinary(gradients=gradients)
