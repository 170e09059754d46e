"""Reads which class, or which of two classes, is to be attributed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import described
from holistic.errors import SettingError, listed, nearest
from holistic.study.subject import Subject

__all__ = ["checked_targets"]

_PLACES = {"predicted": 0, "runner-up": 1}


def checked_targets(subject: Subject, target: Any, images: Tensor) -> Tensor:
    """Return the classes `[B]` that are attributed, or pairs `[B, 2]`, after checking them.

    Parameters
    ----------
    subject
        Model and names of classes.
    target
        A class by index or name, or one for each image `[B]`; `predicted` or `runner-up`; a tuple
        of two of these for the first's logit minus the second's, or pairs `[B, 2]`.
    images
        `[B, …]`.

    Raises
    ------
    SettingError
        If it is none of these, or there is no such class.
    """
    if isinstance(target, tuple) and len(target) == 2:
        own, rival = (_one(subject, part, images) for part in target)
        return torch.stack([own, rival], 1)
    return _one(subject, target, images)


def _one(subject: Subject, target: Any, images: Tensor) -> Tensor:
    if isinstance(target, str):
        return _by_word(subject, target, images)
    array = _as_array(target)
    if array.dtype.kind in "US":
        found = np.array([_class_of(subject, str(name)) for name in array.ravel()])
        array = found.reshape(array.shape)
    pairs = array.ndim == 2 and array.shape == (len(images), 2)
    if array.dtype.kind not in "iu" or not (array.ndim < 2 or pairs):
        raise SettingError(_unfit(target, len(images)))
    classes = len(subject.classes)
    if (bad := array[(array < 0) | (array >= classes)]).size:
        raise SettingError(
            f"target has no class {bad.ravel()[0]}; there are {classes}: 0 to {classes - 1}"
        )
    if array.ndim == 0 or (array.ndim == 1 and len(array) == 1):
        array = np.full(len(images), array.reshape(-1)[0])
    if len(array) != len(images):
        raise SettingError(_unfit(target, len(images)))
    return torch.from_numpy(array.astype(np.int64))


def _as_array(target: Any) -> np.ndarray:
    try:
        given = target.detach().cpu().numpy() if hasattr(target, "detach") else target
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        return np.asarray(None)


def _unfit(target: Any, count: int) -> str:
    return (
        f"target must be a class or one for each of the {count} images, got {described(target)}; "
        "give an index, a name, labels [B], 'predicted', 'runner-up', or a tuple of two of these"
    )


def _by_word(subject: Subject, word: str, images: Tensor) -> Tensor:
    if word in _PLACES and word not in subject.classes:
        place = _PLACES[word]
        logits = subject.downstream(images, (), ())[0]
        best = logits.double().argsort(dim=1, descending=True, stable=True)
        return best[:, place].cpu()
    return torch.full((len(images),), _class_of(subject, word))


def _class_of(subject: Subject, name: str) -> int:
    if name in subject.classes:
        return subject.classes.index(name)
    known = (*subject.classes, *_PLACES)
    raise SettingError(f"no class '{name}'{nearest(name, known)}; target may be {listed(known)}")
