"""Draws every weight of a network anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from holistic.errors import ModelError
from holistic.graph.copies import copied, parts_of

__all__ = ["outside", "redraw", "reinitialised", "restore", "same_weights", "still_trained"]

_STREAM = 0xC0_17_01
"""Parts the controls' random numbers from those of whoever trains with the same seed."""

_STEPS = 15
"""Power iterations after which a spectral norm is that of the new weight."""

_DRAWS = 64
"""Orders tried for a tensor of few distinct values before it is given up."""

_OWN = frozenset(vars(nn.Module()))
_REGISTERS = ("_parameters", "_buffers", "_modules")
_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, torch.dtype, torch.device)


@dataclass(frozen=True, eq=False)
class _Weight:
    """A floating tensor that a model holds.

    Attributes
    ----------
    tensor
        Itself.
    fixed
        Whether it is no weight by declaration: a buffer that isn't saved with the weights.
    """

    tensor: Tensor
    fixed: bool = False

    @property
    def learnt(self) -> bool:
        """Whether it can hold what was learnt: not fixed, not the same everywhere, and no mask.

        A mask holds 0 and 1, and takes no gradients.
        """
        t = self.tensor
        if self.fixed or t.numel() < 2 or not bool(t.isfinite().all()):
            return False
        return not _constant(t) and (t.requires_grad or not bool(((t == 0) | (t == 1)).all()))


def reinitialised(model: nn.Module, seed: int) -> nn.Module:
    """Copy a model with freshly drawn weights: the randomly initialised control.

    Each module's own initialisation (`reset_parameters`, or `_init_weights` of a Hugging Face
    model) draws its weights, behind weight and spectral norms too, and resets its statistics.
    Whatever still holds its trained values then (a class token, a list of tensors, a saved buffer)
    is drawn with the mean and spread that it has. Tied weights stay tied; masks of 0 and 1 and
    buffers that aren't saved with the weights stay.

    Parameters
    ----------
    model
        Left as it is.
    seed
        Decides the weights, which no model has that was built or trained with the same seed; the
        global random state is left as it is.

    Raises
    ------
    ModelError
        If a weight can't be drawn anew.
    """
    fresh = copied(model)
    trained = _tensors(model)
    left = {id(entry.tensor) for entry in trained.values()}  # what couldn't be copied is no copy's
    kept = {id(module) for module in _modules(model)}  # what is shared may lead back to the model
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        torch.manual_seed(_stream(seed))
        for module in _modules(fresh):
            if id(module) not in kept:
                left |= _reset(module)
        for module in _modules(fresh):
            if id(module) not in kept:
                _reset_whole(module)
        for path, entry in _tensors(fresh).items():
            before = trained.get(path)
            if before is None or not before.learnt or id(entry.tensor) in left:
                continue
            if _same(entry.tensor, before.tensor):
                _draw(entry.tensor, path)
    return fresh


def redraw(fresh: nn.Module, model: nn.Module, seed: int, keeping: Sequence[str] = ()) -> bool:
    """Draw a control's weights anew in place, for whoever shares them; say if all could be.

    Parameters
    ----------
    fresh
        A copy of the model, changed in place.
    model
        The trained model, left as it is.
    seed
        Decides the weights, as in `reinitialised`.
    keeping
        Modules by name whose own weights are the trained ones.
    """
    drawn = reinitialised(model, seed)
    restore(drawn, model, keeping)
    pairs = [
        *zip(fresh.parameters(), drawn.parameters(), strict=True),
        *zip(fresh.buffers(), drawn.buffers(), strict=True),
    ]
    with torch.no_grad():
        for mine, theirs in pairs:
            mine.copy_(theirs)
    known = {id(t) for t in (*model.parameters(), *model.buffers())}
    return all(id(entry.tensor) in known or not entry.learnt for entry in _tensors(model).values())


def restore(fresh: nn.Module, model: nn.Module, names: Sequence[str]) -> None:
    """Give modules of a control the weights and statistics that they have in the model."""
    with torch.no_grad():
        for name in names:
            mine, theirs = fresh.get_submodule(name), model.get_submodule(name)
            for own, other in (
                *zip(mine.parameters(False), theirs.parameters(False), strict=True),
                *zip(mine.buffers(False), theirs.buffers(False), strict=True),
            ):
                own.copy_(other)


def same_weights(trained: Sequence[Tensor], fresh: Sequence[Tensor]) -> bool:
    """Say whether a control still has one of the trained weights, in equal order."""
    return any(
        _Weight(mine).learnt and _same(mine, theirs)
        for mine, theirs in zip(trained, fresh, strict=True)
    )


def still_trained(model: nn.Module, fresh: nn.Module, used: Sequence[Tensor]) -> str:
    """Name a trained weight that a control computes with, as it couldn't be copied.

    Parameters
    ----------
    model
        The trained model.
    fresh
        The control.
    used
        What it computes with.

    Returns
    -------
    str
        Where the model holds it; nothing where all weights were drawn anew.
    """
    copies = _tensors(fresh)
    owned = {
        path: entry.tensor
        for path, entry in _tensors(model).items()
        if entry.learnt and (path not in copies or copies[path].tensor is entry.tensor)
    }
    owned |= {
        path: torch.from_numpy(np.array(value))
        for path, value in _everything(model)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and _is_matrix(value.shape)
    }
    for path, mine in owned.items():
        if any(_same(mine, theirs) for theirs in used):
            return path
    return ""


def outside(model: nn.Module, used: Sequence[Tensor]) -> list[Tensor]:
    """Return the matrices that a model computes with and holds nowhere: controls keep them."""
    owned = [entry.tensor for entry in _tensors(model).values()]
    return [
        value
        for value in used
        if _is_matrix(value.shape)
        and _Weight(value).learnt
        and not any(_same(value, mine) for mine in owned)
    ]


def _is_matrix(shape: Sequence[int]) -> bool:
    """Say whether it has two axes at least: means and deviations of channels have one."""
    return sum(size > 1 for size in shape) > 1


def _stream(seed: int) -> int:
    state = np.random.SeedSequence([seed % 2**64, _STREAM]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def _modules(model: nn.Module) -> list[nn.Module]:
    """All modules that a model holds, in lists and dictionaries too: inner ones first."""
    found = [value for _, value in _everything(model) if isinstance(value, nn.Module)]
    return found[::-1]


def _tensors(model: nn.Module) -> dict[str, _Weight]:
    """Find the floating tensors that a model holds, by path: each once."""
    fixed = {
        id(buffer)
        for module in _modules(model)
        for name, buffer in module.named_buffers(recurse=False)
        if name in vars(module)["_non_persistent_buffers_set"]
    }
    return {
        path: _Weight(value, id(value) in fixed)
        for path, value in _everything(model)
        if isinstance(value, Tensor)
        and (value.is_floating_point() or value.is_complex())
        and value.layout == torch.strided
        and not nn.parameter.is_lazy(value)
        and value.device.type != "meta"
    }


def _everything(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield all that a model holds, however deep, each thing once and under its path."""
    seen: dict[int, Any] = {}
    stack: list[tuple[str, Any]] = [("", model)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _ATOMS) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield path or type(model).__name__, value
        stack.extend(reversed(list(_inside(path, value))))


def _inside(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    before = f"{path}." if path else ""
    if isinstance(value, nn.Module):
        own, buffers, modules = (vars(value)[name] for name in _REGISTERS)
        # what a norm or a pruning computes before each call is no weight of its own
        others = {
            name: part
            for name, part in vars(value).items()
            if name not in _OWN and f"{name}_orig" not in own and f"{name}_v" not in own
        }
        attributes: dict[str, Any] = {**own, **buffers, **modules, **others}
        yield from ((f"{before}{name}", part) for name, part in attributes.items())
    elif isinstance(value, Mapping):
        yield from ((f"{path}[{key!r}]", part) for key, part in value.items())
    elif not isinstance(value, (Tensor, Set)):
        yield from ((f"{path}[{i}]", part) for i, part in enumerate(parts_of(value)))


def _reset(module: nn.Module) -> set[int]:
    """Let a module draw its own weights, if it knows how; return what it computes them from."""
    drawn = set[int]()
    for name in ("reset_parameters", "_reset_parameters"):
        draw = getattr(module, name, None)
        # whatever a user's function raises, the weights are drawn below
        with contextlib.suppress(Exception):
            if callable(draw):
                drawn |= _reset_parametrised(module, draw)
                _reset_hooked(module)
    return drawn


def _reset_parametrised(module: nn.Module, draw: Any) -> set[int]:
    """Draw weights; those that are computed from others are drawn and taken apart again."""
    if not parametrize.is_parametrized(module):
        draw()
        return set()
    lists: Any = module.parametrizations
    before = {name: getattr(module, name).detach().clone() for name in lists}
    with parametrize.cached():
        draw()
        drawn = {name: getattr(module, name).detach().clone() for name in lists}
    done = set[int]()
    for name, value in drawn.items():
        # without an inverse, what the weight is computed from is drawn below
        with contextlib.suppress(Exception):
            setattr(module, name, value)
        mode = lists[name].training
        lists[name].train()
        for _ in range(_STEPS):
            weight = getattr(module, name)
        lists[name].train(mode)
        if not _same(weight, before[name]):  # pyright: ignore[reportPossiblyUnboundVariable]
            done |= {id(t) for t in (*lists[name].parameters(), *lists[name].buffers())}
    return done


def _reset_hooked(module: nn.Module) -> None:
    """Take drawn weights apart where a hook computes them before each call (norms, pruning)."""
    for hook in vars(module)["_forward_pre_hooks"].values():
        name = getattr(hook, "name", None) or getattr(hook, "_tensor_name", None)
        weight = getattr(module, name, None) if isinstance(name, str) else None
        if not isinstance(weight, Tensor):
            continue
        own = dict(module.named_parameters(recurse=False))
        if (v := own.get(f"{name}_v")) is not None and (g := own.get(f"{name}_g")) is not None:
            axes = [i for i in range(v.dim()) if g.dim() == 0 or g.shape[i] == 1]
            v.copy_(weight)
            g.copy_(weight.norm(dim=axes, keepdim=True).reshape(g.shape) if axes else weight.abs())
        elif (whole := own.get(f"{name}_orig")) is not None:
            whole.copy_(weight)
        turn: Any = getattr(hook, "compute_weight", None)
        if hasattr(module, f"{name}_u") and callable(turn):
            for _ in range(_STEPS):
                turn(module, do_power_iteration=True)


def _reset_whole(module: nn.Module) -> None:
    """Let a Hugging Face model draw the weights of all modules inside."""
    draw = getattr(module, "initialize_weights", None)
    if not callable(draw) or not callable(getattr(module, "_init_weights", None)):
        return
    for inner in module.modules():
        for value in (inner, *inner.parameters(recurse=False), *inner.buffers(recurse=False)):
            if hasattr(value, "_is_hf_initialized"):
                del value._is_hf_initialized  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    with contextlib.suppress(Exception):
        draw()


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b.to(a.device))


def _constant(tensor: Tensor) -> bool:
    flat = tensor.reshape(-1)
    return bool((flat == flat[0]).all())


def _draw(tensor: Tensor, path: str) -> None:
    """Draw a tensor in place: of its own mean and spread, or in another order if one-signed."""
    old = tensor.detach().clone()
    flat = (torch.view_as_real(old) if old.is_complex() else old).double().reshape(-1)
    one_signed = bool((flat >= 0).all()) or bool((flat <= 0).all())
    for _ in range(_DRAWS):
        if one_signed:  # a scale or a variance keeps its sign
            new = flat[torch.randperm(len(flat), device=flat.device)]
        else:
            new = torch.randn_like(flat) * flat.std() + flat.mean()
        shaped = new.reshape(*old.shape, 2) if old.is_complex() else new.reshape(old.shape)
        # memory that is shared between entries, or can't be written, is told of below
        with contextlib.suppress(RuntimeError):
            tensor.copy_(torch.view_as_complex(shaped) if old.is_complex() else shaped)
        if not torch.equal(tensor, old):
            return
    raise ModelError(
        f"'{path}' can't be drawn anew, so this model has no randomly initialised control: "
        "hold it as a parameter of its module"
    )
