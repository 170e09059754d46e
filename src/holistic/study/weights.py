"""Saves weights, and loads them into a model."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, listed, notice
from holistic.results.files import write_whole
from holistic.study.checkpoints import State, check_file, states_of

__all__ = ["load_weights", "read_provenance", "save_weights"]

_WRAPPED = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What data-parallel, compiled and checkpointed models put into the names of their tensors."""


def save_weights(model: nn.Module, path: Path, provenance: Mapping[str, Any]) -> None:
    """Write a model's weights as safetensors, with where they come from in the header.

    Parameters
    ----------
    model
        Whose parameters and buffers are saved.
    path
        File to write; it appears whole or not at all.
    provenance
        What can be told of the training (JSON values), kept beside the program's versions.
    """
    from safetensors.torch import save

    versions = {"torch": torch.__version__, "holistic": holistic.__version__}
    header = {"provenance": json.dumps({**provenance, "versions": versions}, sort_keys=True)}
    state = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    write_whole(path, lambda file: file.write_bytes(save(state, header)))


def read_provenance(path: Path) -> dict[str, Any]:
    """Read what `save_weights` kept beside the weights; empty where another program saved them.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("provenance", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"'{path}' can't be read as safetensors: {error}") from None


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Put saved weights into a model: safetensors, or a state dict of `torch.save` without code.

    What a file is, is read from its content; a folder, or the index of shards, may be named too. A
    state dict within a checkpoint is found where there is one that fits; the prefixes of wrapped
    models, and one that the rest fits exactly without, are taken off; tensors that the model
    shares need to be there once.

    Parameters
    ----------
    model
        Changed in place, and put in evaluation mode.
    path
        The file, or its folder.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or doesn't fit the model exactly.
    """
    path = Path(path)
    own = model.state_dict(keep_vars=True)
    readings = [r for entry, state in states_of(path).items() for r in _readings(entry, state, own)]
    fit = _only(path, [r for r in readings if not own.keys() ^ r.state.keys()], own)
    if fit is None:
        raise ModelError(f"'{path}' {_misfit(readings, own)}")
    for note in fit.notes:
        notice(f"'{path}': {note}")
    if _differing(fit.state, own):
        raise ModelError(f"'{path}' {_misfit([fit], own)}")
    state = {name: _checked(path, name, fit.state[name], own[name]) for name in own}
    _check_ties(path, state, own)
    model.load_state_dict(state)
    return model.eval()


@dataclass(frozen=True)
class _Reading:
    """One way to read the names of a state dict.

    Attributes
    ----------
    rank
        Small for ways that take less liberty.
    entry
        Where in the checkpoint it lies.
    renamed
        What was done to its names, one line.
    state
        Tensors by their new names, with those that the model shares.
    others
        Names that don't begin with the prefix that was taken off.
    """

    rank: int
    entry: str
    renamed: str
    state: State
    others: tuple[str, ...] = ()

    @property
    def notes(self) -> Iterator[str]:
        """What a user should know, one line each."""
        if self.entry:
            yield f"the weights are in its entry '{self.entry}'"
        if self.renamed:
            yield self.renamed
        if self.others:
            yield f"{len(self.others)} other tensors were left out ({listed(self.others, 3)})"


def _readings(entry: str, state: State, own: State) -> Iterator[_Reading]:
    """Yield ways to read names: as they are, without wrappers, without or with a prefix."""
    bare = {_bare(name): tensor for name, tensor in state.items()}
    ways = [("", state)]
    if bare.keys() != state.keys() and len(bare) == len(state):
        words = listed([f"{word}." for word in _WRAPPED[:2]])
        ways.append((f"the prefixes {words} of wrapped models were taken off its names", bare))
    for rank, (renamed, names) in enumerate(ways):
        yield _Reading(rank, entry, renamed, _filled(names, own))
        also = f"{renamed}, and " if renamed else ""
        for prefix in _prefixes(names, own):
            note = f"{also}the prefix '{prefix}' was taken off its names"
            within = {n.removeprefix(prefix): t for n, t in names.items() if n.startswith(prefix)}
            others = tuple(name for name in names if not name.startswith(prefix))
            yield _Reading(rank + 2, entry, note, _filled(within, own), others)
        for prefix in _prefixes(own, names):
            note = f"{also}the model's prefix '{prefix}' was put before its names"
            longer = {prefix + name: tensor for name, tensor in names.items()}
            yield _Reading(rank + 2, entry, note, _filled(longer, own))


def _bare(name: str) -> str:
    """Take what wrappers add out of a name.

    >>> _bare("module.features.module.0._orig_mod.weight")
    'features.0.weight'
    """
    return ".".join(word for word in name.split(".") if word not in _WRAPPED)


def _prefixes(names: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> list[str]:
    """Prefixes of whole words without which names are among the others, the commonest first.

    >>> _prefixes({"net.a.weight": 0, "net.weight": 0, "loss.weight": 0}, {"a.weight": 0})
    ['net.']
    """
    found = Counter[str]()
    for name in names:
        places = [i + 1 for i, letter in enumerate(name) if letter == "."]
        found.update(name[:place] for place in places if name[place:] in others)
    return [prefix for prefix, _ in found.most_common(20)]


def _filled(state: State, own: State) -> State:
    """Add what is missing and that the model shares with what is there, or never reads."""
    there = {id(own[name]): tensor for name, tensor in state.items() if name in own}
    shared = {n: there[id(t)] for n, t in own.items() if n not in state and id(t) in there}
    # files of PyTorch before 0.4.1 have no such counters, and evaluation reads none
    counters = {n: t for n, t in own.items() if n.endswith("num_batches_tracked")}
    return {**counters, **state, **shared}


def _only(path: Path, fits: list[_Reading], own: State) -> _Reading | None:
    """Choose what is meant of all that fits: the plainest reading, if there is only one.

    Raises
    ------
    ModelError
        If there are several.
    """
    fits = [fit for fit in fits if not _differing(fit.state, own)] or fits
    plainest = [fit for fit in fits if fit.rank == min(f.rank for f in fits)]
    if len(plainest) > 1:
        ways = [fit.entry or fit.renamed for fit in plainest]
        if len(set(ways)) < len(ways):
            ways = [" ".join(fit.notes) for fit in plainest]
        raise ModelError(
            f"'{path}' holds several states that fit, {listed(ways)}; save the one that is meant "
            "alone"
        )
    return plainest[0] if plainest else None


def _differing(state: State, own: State) -> list[str]:
    """Names of tensors that have another shape than the model's."""
    return [n for n, t in own.items() if n in state and _shape(state[n]) != _shape(t)]


def _shape(tensor: Tensor) -> tuple[int, ...] | torch.layout:
    return tuple(tensor.shape) if tensor.layout == torch.strided else tensor.layout


def _misfit(readings: list[_Reading], own: State) -> str:
    """Say in what the state dict that comes nearest doesn't fit, and what to do."""

    def distance(reading: _Reading) -> tuple[int, int]:
        names = len(reading.state.keys() ^ own.keys()) + len(reading.others)
        return names + len(_differing(reading.state, own)), reading.rank

    nearest = min(readings, key=distance)
    missing = sorted(own.keys() - nearest.state.keys())
    extra = sorted(nearest.state.keys() - own.keys())
    differing = _differing(nearest.state, own)
    parts = [
        f"{len(missing)} tensors missing ({listed(missing, 3)})" if missing else "",
        f"{len(extra)} unknown ({listed(extra, 3)})" if extra else "",
        f"{len(differing)} of another shape ({_shapes(nearest.state, own, differing)})"
        if differing
        else "",
    ]
    within = f" (in its entry '{nearest.entry}')" if nearest.entry else ""
    renamed = f", even where {nearest.renamed}" if nearest.renamed else ""
    outputs = "" if missing or extra else _outputs(nearest.state, own, differing)
    return f"doesn't fit the model{within}{renamed}: {', '.join(filter(None, parts))}; " + (
        outputs or "make the model as it was when it was trained"
    )


def _shapes(state: State, own: State, names: list[str]) -> str:
    faults = [
        f"'{n}' is {_shape(state[n])} in the file, the model needs {_shape(own[n])}" for n in names
    ]
    return "; ".join(faults[:2]) + (f"; and {len(faults) - 2} more" if len(faults) > 2 else "")


def _outputs(state: State, own: State, differing: list[str]) -> str:
    """Say how many classes the weights are for, where that is all that differs."""
    last = list(own)[-1].rpartition(".")[0]
    alone = all(n.rpartition(".")[0] == last for n in differing)
    pairs = [(tuple(state[n].shape), tuple(own[n].shape)) for n in differing]
    if not alone or any(a[1:] != b[1:] or not a for a, b in pairs):
        return ""
    (trained, *_), (made, *_) = pairs[0]
    return (
        f"its last layer has {trained} outputs and the model's {made}: make the model for the "
        f"{trained} classes that it was trained on"
    )


def _checked(path: Path, name: str, tensor: Tensor, own: Tensor) -> Tensor:
    """Return a tensor in the model's precision after checking that it is of the same kind."""
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_quantized or tensor.is_meta or kind.startswith(("float8", "float4")):
        reason = "without any numbers (meta)" if tensor.is_meta else f"quantised ({kind})"
        raise ModelError(
            f"'{path}': '{name}' is {reason}; save the weights in floating point of 16 bits or more"
        )
    if _kind(tensor) != _kind(own):
        raise ModelError(
            f"'{path}': '{name}' holds {kind}, the model needs "
            f"{str(own.dtype).removeprefix('torch.')}; save it as what it was trained as"
        )
    cast = tensor.to(own.dtype)
    if cast.is_floating_point() and not bool(cast.isfinite().all()):
        raise ModelError(
            f"'{path}': '{name}' holds NaN or infinite numbers; take an earlier checkpoint"
        )
    return cast


def _kind(tensor: Tensor) -> str:
    if tensor.is_complex():
        return "complex"
    if tensor.dtype == torch.bool:
        return "truth"
    return "fraction" if tensor.is_floating_point() else "whole"


def _check_ties(path: Path, state: State, own: Mapping[str, Tensor]) -> None:
    """Refuse two different tensors for one that the model shares."""
    groups = defaultdict[int, list[str]](list)
    for name, tensor in own.items():
        groups[id(tensor)].append(name)
    for first, *others in groups.values():
        for other in others:
            if not torch.equal(state[first], state[other]):
                raise ModelError(
                    f"'{path}' has different numbers for '{first}' and '{other}', which are one "
                    "tensor in the model; make the model as it was when it was trained"
                )
