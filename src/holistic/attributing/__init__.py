"""Attributes what a model says of an image to the parts of that image, by any method."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import check_subject
from holistic.attributing.baselines import BASELINES, distance
from holistic.attributing.maps import Question, maps_by
from holistic.attributing.registry import METHODS, checked_method, checked_settings
from holistic.attributing.targets import checked_targets
from holistic.errors import explain_memory_errors
from holistic.graph.torch_settings import settled
from holistic.named import UnknownArgument, refused
from holistic.progress import Progress, silent
from holistic.study.frames import is_frame
from holistic.study.subject import Subject

__all__ = ["attribute", "baseline_dependence"]

P = ParamSpec("P")
T = TypeVar("T")


def _known(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse keywords that are neither an argument nor any method's setting."""
    own = [name for name in inspect.signature(function).parameters if name != "settings"]
    options = {name for method in METHODS.values() for name in method.options}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in kwargs:
            if name not in own and name not in options:
                taken = [*own, *sorted(options)]
                raise UnknownArgument(refused(function.__name__, name, taken))
        return function(*args, **kwargs)

    return call


@_known
@explain_memory_errors()
@settled(gradients=True)
def attribute(
    subject: Subject,
    images: Any = None,
    method: str = "integrated_gradients",
    target: Any = "predicted",
    *,
    baseline: Any = None,
    progress: Progress = silent,
    **settings: Any,
) -> Any:
    """Say which parts of each image speak for a class, and which against it.

    Parameters
    ----------
    subject
        The model under study.
    images
        `[B, …]` like the subject's own: images, rows of a table, tokens, series; the evaluation
        split's by default.
    method
        Name of a method (docs/attribution.md lists them).
    target
        A class by index or name, or one for each image `[B]`; `predicted` or `runner-up`; or a
        tuple of two of these, or pairs `[B, 2]`: then the first's logit minus the second's.
    baseline
        What stands for nothing where a method needs it: `zero`, `mean` (of the selection split),
        `blur` (the image's own), `class` (an example of another class), a number, or an input;
        the method's own by default.
    progress
        Called with the number of images done and in all.
    **settings
        The method's own settings, such as `steps=64`.

    Returns
    -------
    Tensor or np.ndarray
        Float32 `[B, …]` of the images' shape, in logits: positive speaks for the target. An array
        where the images were one. Of tokens, one number each.

    Raises
    ------
    SettingError
        If there is no such method, class, baseline or setting, or the model lacks what the method
        needs.
    DataError
        If the images aren't like the subject's own.

    References
    ----------
    Each method's are in docs/attribution.md.
    """
    check_subject(subject)
    chosen = checked_method(subject, method)
    start = chosen.baseline or "zero" if baseline is None else baseline
    question = Question(baseline=start, settings=checked_settings(chosen, settings))
    whole = subject.checked(images)
    targets, done = checked_targets(subject, target, whole), 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        progress(f"attributing by {method}", done, len(whole))

    found = maps_by(subject, chosen, whole, targets, question, finished)
    plain = images is None or isinstance(images, Tensor)
    return found if plain or is_frame(images) else found.numpy()


@_known
def baseline_dependence(
    subject: Subject,
    images: Any = None,
    method: str = "integrated_gradients",
    target: Any = "predicted",
    **settings: Any,
) -> np.ndarray:
    """Say how far each image's map depends on what stands for nothing.

    Parameters
    ----------
    subject, images, method, target, **settings
        As for `attribute`.

    Returns
    -------
    np.ndarray
        `[B]`: over the pairs of four baselines (zeros, mean, blur, another class), the mean of the
        size of two maps' difference over the sum of their sizes. 0: the same map from each; 1: maps
        that have nothing in common; 0 for methods without a baseline.

    Raises
    ------
    SettingError
        As `attribute`.

    References
    ----------
    Sturmfels et al. 2020, Visualizing the impact of feature attribution baselines.
    """
    check_subject(subject)
    if not checked_method(subject, method).baseline:
        return np.zeros(len(subject.checked(images)))
    maps = [
        torch.as_tensor(attribute(subject, images, method, target, baseline=one, **settings))
        for one in BASELINES
    ]
    return distance(maps)
