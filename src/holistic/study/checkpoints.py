"""Reads the state dicts that files and folders of weights hold, without running any code."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import ModelError, listed, notice, shortened
from holistic.study.rehearsed import rehearse
from holistic.unpacked import check_unpacked

__all__ = ["State", "check_file", "states_of"]

State = dict[str, Tensor]

_PICKLED = (b"PK\x03\x04", b"\x80")
"""How files of `torch.save` start: an archive, or (before PyTorch 1.6) a pickle."""
_USUAL = ("model.safetensors", "pytorch_model.bin")
"""Names of the weights in a folder of Hugging Face, the first that is there being meant."""
_INDEX = ".index.json"
_ENDINGS = ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tar"
_DEPTH = 3
"""How deep a state dict may lie in a checkpoint."""


def states_of(path: Path) -> dict[str, State]:
    """Read the state dicts that a file or a folder holds.

    What a file is, is read from its content. Of a folder it is `model.safetensors`,
    `pytorch_model.bin`, the index of one that is cut into shards, or the only file of weights.

    Parameters
    ----------
    path
        A file of safetensors or of `torch.save`, the index of shards, or a folder of one of these.

    Returns
    -------
    dict
        By the entry of the checkpoint that each was found in; empty for the whole.

    Raises
    ------
    ModelError
        If it is missing or damaged, or holds no state dict.
    """
    if path.is_dir():
        path = _within(path)
    if path.name.endswith(_INDEX):
        return {"": _shards(path)}
    return _states(_content(path), path)


def check_file(path: Path) -> None:
    """Refuse a path that is no file with something in it.

    Raises
    ------
    ModelError
        If it isn't.
    """
    if not path.exists():
        raise ModelError(f"no weights file '{path}'; make one with 'holistic train'")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise ModelError(f"'{path}' is {kind}; name a file of weights (.safetensors, .pt)")
    if path.stat().st_size == 0:
        raise ModelError(f"'{path}' can't be read: it is empty; save or fetch it again")


def _within(folder: Path) -> Path:
    """Find the weights of a folder."""
    for name in _USUAL:
        for path in (folder / name, folder / f"{name}{_INDEX}"):
            if path.exists():
                return path
    files = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and path.is_file())
    if len(files) == 1:
        notice(f"'{folder}': its weights are in '{files[0].name}'")
        return files[0]
    got = (
        f"{len(files)} files of weights ({listed([f.name for f in files], 4)})" if files else "none"
    )
    raise ModelError(
        f"'{folder}' is a folder with {got}; name the file of weights, or a folder that has "
        f"{' or '.join(_USUAL)}"
    )


def _shards(index: Path) -> State:
    """Read tensors that are spread over several files, by the index that says where each is."""
    check_file(index)
    try:
        places = json.loads(index.read_bytes())["weight_map"]
        names = sorted({*places.values()})
        plain = all(re.fullmatch(r"[\w.\-]+", name) and name.strip(".") for name in names)
    except (ValueError, KeyError, TypeError, AttributeError):
        names, plain, places = [], False, {}
    if not names or not plain:
        raise ModelError(
            f"'{index}' is no index of shards; it must have a 'weight_map' of names of tensors "
            "to files of its own folder; save the model again"
        )
    found: State = {}
    for name in names:
        if not (index.parent / name).exists():
            raise ModelError(
                f"'{index}' names {len(names)} files and '{name}' isn't there; fetch it too"
            )
        content = _content(index.parent / name)
        found |= content if isinstance(content, Mapping) else {}
    if lacking := sorted(places.keys() - found.keys()):
        raise ModelError(
            f"'{index}' names {len(places)} tensors, and its files lack {listed(lacking, 3)}; "
            "fetch them again"
        )
    return {name: found[name] for name in places}


def _content(path: Path) -> Any:
    """Read a file by what it is, not by its name."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
            if start.startswith(_PICKLED) and start[8:9] != b"{":
                _check_archive(path)
                rehearse(path, partial(_unpickled, path))
                return _unpickled(path)
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


def _unpickled(path: Path) -> Any:
    # of a path, torch would go by the name
    with path.open("rb") as file, torch.serialization.safe_globals(_harmless()):
        return torch.load(file, map_location="cpu", weights_only=True)


def _harmless() -> list[Any]:
    """What checkpoints hold beside tensors, and that runs nothing when it is read."""
    number = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in "?bhilqBHILQefd"]
    old = [(number, "numpy.core.multiarray.scalar")]  # as numpy before 2 called it
    return [argparse.Namespace, number, *old, np.dtype, *dict.fromkeys(kinds)]


def _check_archive(path: Path) -> None:
    """Refuse an archive of few bytes that unpacks to gigabytes: torch itself packs nothing."""
    with contextlib.suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
        sizes = sum(entry.file_size for entry in archive.infolist())
        check_unpacked(f"'{path}'", sizes, path.stat().st_size, error=ModelError, times=10)


def _unread(error: Exception) -> str:
    words = str(error)
    if "Weights only load failed" in words or "TorchScript" in words:
        found = re.search(r"GLOBAL ([\w.]+)", words)
        which = f" ('{found[1]}')" if found else ""
        return (
            f"it holds a whole model or other Python objects, which are code{which}; where it was "
            "made, save the numbers alone: torch.save(model.state_dict(), 'weights.pt')"
        )
    return f"{shortened(words)[:120]}; save model.state_dict() again"


def _states(content: Any, path: Path) -> dict[str, State]:
    """Return the state dicts in what a file holds, by the entry that each was found in."""
    found = dict(_found(content))
    if not found:
        entries = content if isinstance(content, Mapping) else {}
        got = f"a dictionary of {listed(entries, 4)}" if entries else f"a {type(content).__name__}"
        raise ModelError(
            f"'{path}' must hold a state dict: names to tensors, got {got}; "
            "save model.state_dict() alone"
        )
    return found


def _found(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, State]]:
    """Yield what holds tensors by their names, the outermost first."""
    if not isinstance(content, Mapping):
        return
    tensors = {n: t for n, t in content.items() if isinstance(n, str) and isinstance(t, Tensor)}
    if tensors:
        yield ".".join(path), tensors
    if len(path) < _DEPTH:
        for name, part in content.items():
            if isinstance(name, str):
                yield from _found(part, (*path, name))
