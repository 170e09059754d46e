"""Saves weights, and loads them into a model."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import holistic
from holistic.errors import ModelError, listed, notice, shortened
from holistic.results.files import write_whole
from holistic.unpacked import check_unpacked

__all__ = ["load_weights", "read_provenance", "save_weights"]

_PICKLED = (b"PK\x03\x04", b"\x80")
"""How files of `torch.save` start: an archive, or (before PyTorch 1.6) a pickle."""
_WRAPPED = ("module.", "_orig_mod.")
"""What data-parallel and compiled models put before the names of their tensors."""
State = dict[str, Tensor]


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

    _check_file(path)
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("provenance", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"'{path}' can't be read as safetensors: {error}") from None


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Put saved weights into a model: safetensors, or a state dict of `torch.save` without code.

    What a file is, is read from its content. A state dict within a checkpoint is found where
    there is one that fits; the prefixes of wrapped models are taken off where the rest fits
    exactly; tensors that the model shares need to be there once.

    Parameters
    ----------
    model
        Changed in place, and put in evaluation mode.
    path
        The file.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or doesn't fit the model exactly.
    """
    path = Path(path)
    own = model.state_dict(keep_vars=True)
    entries = _states(_content(path), path)
    fits = {entry: found for entry, state in entries.items() if (found := _fitted(state, own))}
    if len(fits) != 1:
        raise ModelError(f"'{path}' {_misfit(entries, own, list(fits))}")
    ((entry, (renamed, fitted)),) = fits.items()
    for told in (f"the weights are in its entry '{entry}'" if entry else "", renamed):
        if told:
            notice(f"'{path}': {told}")
    state = {name: _checked(path, name, fitted[name], own[name]) for name in own}
    _check_ties(path, state, own)
    model.load_state_dict(state)
    return model.eval()


def _check_file(path: Path) -> None:
    if not path.exists():
        raise ModelError(f"no weights file '{path}'; make one with 'holistic train'")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise ModelError(f"'{path}' is {kind}; name a file of weights (.safetensors, .pt)")
    if path.stat().st_size == 0:
        raise ModelError(f"'{path}' can't be read: it is empty; save or fetch it again")


def _content(path: Path) -> Any:
    """Read a file by what it is, not by its name."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _check_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
            if start.startswith(_PICKLED) and start[8:9] != b"{":
                _check_archive(path)
                file.seek(0)  # of a path, torch would go by the name
                return torch.load(file, map_location="cpu", weights_only=True)
        return load_file(path)
    except ModelError:
        raise
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"'{path}' can't be read as safetensors, nor is it a file of torch.save: {error}; "
            "save model.state_dict() with torch.save or safetensors"
        ) from None
    except Exception as error:  # torch.load raises many unrelated kinds on damaged files
        raise ModelError(f"'{path}' can't be read as a state dict: {_unread(error)}") from None


def _check_archive(path: Path) -> None:
    """Refuse an archive of few bytes that unpacks to gigabytes: torch itself packs nothing."""
    with contextlib.suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
        sizes = sum(entry.file_size for entry in archive.infolist())
        check_unpacked(f"'{path}'", sizes, path.stat().st_size, error=ModelError, times=10)


def _unread(error: Exception) -> str:
    words = str(error)
    if "Weights only load failed" in words or "TorchScript" in words:
        return (
            "it holds a whole model or other Python objects, which are code; "
            "save model.state_dict() alone"
        )
    return f"{shortened(words)[:120]}; save model.state_dict() again"


def _states(content: Any, path: Path) -> dict[str, State]:
    """Return the state dicts in what a file holds, by the entry that each was found in.

    Raises
    ------
    ModelError
        If there is none.
    """
    if _is_state(content):
        return {"": content}
    entries = content if isinstance(content, Mapping) else {}
    found = {str(name): value for name, value in entries.items() if _is_state(value)}
    if not found:
        got = f"a dictionary of {listed(entries, 4)}" if entries else f"a {type(content).__name__}"
        raise ModelError(
            f"'{path}' must hold a state dict: names to tensors, got {got}; "
            "save model.state_dict() alone"
        )
    return found


def _is_state(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(n, str) and isinstance(t, Tensor) for n, t in value.items())
    )


def _fitted(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> tuple[str, State] | None:
    """Rename and fill a state dict until it has exactly the model's names; None if it can't be.

    With a line on what was renamed.
    """
    for told, rename in _renamings(state, own):
        renamed = {rename(name): tensor for name, tensor in state.items()}
        if len(renamed) == len(state) and renamed.keys() <= own.keys():
            filled = _filled(renamed, own)
            if filled.keys() == own.keys():
                return told, filled
    return None


def _renamings(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Yield ways to read names: as they are, without wrappers' prefixes, without a common one."""
    yield "", lambda name: name
    yield (
        f"the prefixes {listed(_WRAPPED)} of wrapped models were taken off its names",
        lambda name: name.replace("_orig_mod.", "").removeprefix("module."),
    )
    for prefix in _common(state):
        yield (
            f"the prefix '{prefix}' was taken off its names",
            lambda name, prefix=prefix: name.removeprefix(prefix),
        )
    for prefix in _common(own):
        yield (
            f"the model's prefix '{prefix}' was put before its names",
            lambda name, prefix=prefix: prefix + name,
        )


def _common(names: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield the prefixes of whole words that all names share."""
    first = next(iter(names), "")
    for end, letter in enumerate(first):
        if letter == "." and all(name.startswith(first[: end + 1]) for name in names):
            yield first[: end + 1]


def _filled(state: State, own: Mapping[str, Tensor]) -> State:
    """Add the tensors that are missing and that the model shares with some that are there."""
    there = {id(own[name]): tensor for name, tensor in state.items()}
    shared = {n: there[id(t)] for n, t in own.items() if n not in state and id(t) in there}
    return {**state, **shared}


def _misfit(entries: Mapping[str, State], own: Mapping[str, Tensor], fits: list[str]) -> str:
    """Say why none of the state dicts fits, or that several do."""
    if fits:
        return f"holds several states that fit, {listed(fits)}; save the one that is meant alone"
    entry, state = min(entries.items(), key=lambda pair: len(pair[1].keys() ^ own.keys()))
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    within = f" (in its entry '{entry}')" if entry else ""
    return (
        f"doesn't fit the model{within}: {len(missing)} tensors missing ({listed(missing, 3)}), "
        f"{len(extra)} unknown ({listed(extra, 3)}); make the model as it was when it was trained"
    )


def _checked(path: Path, name: str, tensor: Tensor, own: Tensor) -> Tensor:
    """Return a tensor in the model's precision after checking that it is of the same kind."""
    if tensor.layout != torch.strided or tensor.shape != own.shape:
        raise ModelError(
            f"'{path}' doesn't fit the model: '{name}' is {tuple(tensor.shape)} "
            f"({tensor.layout}), the model needs {tuple(own.shape)}; "
            "make the model as it was when it was trained"
        )
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_quantized or tensor.is_meta or kind.startswith(("float8", "float4")):
        held = "without any numbers (meta)" if tensor.is_meta else f"quantised ({kind})"
        raise ModelError(
            f"'{path}': '{name}' is {held}; save the weights in floating point of 16 bits or more"
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
