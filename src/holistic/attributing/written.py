"""Writes the maps of many images into files, a batch at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holistic.attributing.maps import Question, maps_in_parts
from holistic.attributing.method import Method
from holistic.attributing.registry import METHODS, checked_method, checked_settings
from holistic.attributing.targets import checked_targets
from holistic.errors import SettingError, listed, nearest
from holistic.graph.torch_settings import settled
from holistic.progress import Progress, silent
from holistic.study.subject import Subject

__all__ = ["GROUPS", "methods_of", "write_maps"]

GROUPS = ("gradients", "usual", "all")
"""Methods that go back through a model, by gradients or rules; those of audits; every one."""


def methods_of(subject: Subject, words: Sequence[str]) -> tuple[list[Method], dict[str, str]]:
    """Return the methods that are meant, and by name why a model can't have others of a group.

    Raises
    ------
    SettingError
        If there is no such method, or the model lacks what a named one needs.
    """
    chosen, refused = dict[str, Method](), dict[str, str]()
    for word in words:
        if word in GROUPS:
            for name, method in METHODS.items():
                if word == "all" or (method.audited if word == "usual" else method.needs):
                    why = method.refusal(subject)
                    (refused if why else chosen)[name] = why or method  # pyright: ignore
        elif word in METHODS:
            chosen[word] = checked_method(subject, word)
        else:
            known = (*GROUPS, *METHODS)
            raise SettingError(
                f"no method '{word}'{nearest(word, known)}; there are {listed(known, 40)}"
            )
    return list(chosen.values()), refused


@settled(gradients=True)
def write_maps(
    subject: Subject,
    methods: Sequence[Method],
    target: Any,
    folder: Path,
    progress: Progress = silent,
) -> list[Path]:
    """Map every example that a subject was given, and write one file a method.

    Parameters
    ----------
    subject
        The model under study.
    methods
        Methods that it can have.
    target
        As of `holistic.attribute`.
    folder
        Where `<method>.npy` are written: float32 `[N, …]` in the order of the data.
    progress
        Told how many images are done, of each method.

    Returns
    -------
    list[Path]
        The files, in the order of the methods.
    """
    images, written = subject.images, list[Path]()
    targets = checked_targets(subject, target, images)
    folder.mkdir(parents=True, exist_ok=True)
    for method in methods:
        question = Question(
            baseline=method.baseline or "zero", settings=checked_settings(method, {})
        )
        path, done = folder / f"{method.name}.npy", 0
        partial = path.with_suffix(".partial")
        shape = tuple(images.shape)
        found = np.lib.format.open_memmap(partial, "w+", np.float32, shape)
        for values in maps_in_parts(subject, method, images, targets, question):
            found[done : done + len(values)] = values.numpy()
            done += len(values)
            progress(f"attributing by {method.name}", done, len(images))
        found.flush()
        del found
        os.replace(partial, path)
        written.append(path)
    return written
