"""Makes the model and the subject that a command's flags describe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.cli.options import Plan, Source
from holistic.errors import SettingError

if TYPE_CHECKING:
    from torch import nn

    from holistic.progress import Progress
    from holistic.study.datasets import Data
    from holistic.study.subject import Subject

__all__ = [
    "check_saved",
    "is_reference",
    "load_source",
    "obtain_model",
    "untrained_model",
    "whole_subject",
]


def is_reference(source: Source) -> bool:
    """Say whether the model is meant to be one of the program's own."""
    return ":" not in source.model


def load_source(source: Source) -> Data:
    """Load the data set that the flags name."""
    from holistic.arguments import checked_seed
    from holistic.study.datasets import load_data

    seed = checked_seed(source.seed)
    for word in (source.data, source.model):
        check_saved(word)
    data = load_data(source.data, data_dir=source.data_dir, seed=seed)
    return data.as_floats() if is_reference(source) else data


def untrained_model(source: Source, data: Data) -> nn.Module:
    """Make the model that the flags name: a reference model as it is before training."""
    from holistic.study.models import build, load_factory

    if not is_reference(source):
        return load_factory(source.model)
    shape = tuple(data.train.images.shape[1:])
    return build(source.model, input_shape=shape, classes=len(data.classes), seed=source.seed)


def obtain_model(
    source: Source, data: Data, *, weights: Path | None, progress: Progress
) -> nn.Module:
    """Make the model that the flags name, with its weights; train a reference model without any.

    Raises
    ------
    ModelError
        If there is no such model, or the weights don't fit it.
    """
    from holistic.study.models import RECIPES, train
    from holistic.study.weights import load_weights

    model = untrained_model(source, data)
    if weights is not None:
        check_saved(str(weights))
        return load_weights(model, weights)
    if not is_reference(source):
        return model
    recipe = RECIPES[source.model]
    return train(model, data.train, recipe, seed=source.seed, progress=progress)


def whole_subject(model: nn.Module, data: Data, source: Source, plan: Plan) -> Subject:
    """Make a subject of a model and the images that it wasn't trained on.

    Parameters
    ----------
    model
        From images to logits.
    data
        Its test images are studied.
    source
        Names the model and gives the seed.
    plan
        How many of the images are studied, in which score, where, and with which axes of units.

    Raises
    ------
    HolisticError
        If the limit is too small, or model and data can't be studied.
    """
    from holistic.study.scores import checked_score
    from holistic.study.splits import limited
    from holistic.study.subject import Subject

    images, labels = data.test.images, data.test.labels
    if plan.most is not None:
        rows = limited(labels, plan.most, seed=source.seed)
        images, labels = images[rows], labels[rows]
    return Subject(
        model,
        (images, labels),
        classes=data.classes,
        score=checked_score(plan.score),
        seed=source.seed,
        name=source.model,
        unit_axes=_unit_axes(plan.unit_axis),
        sites=plan.sites or None,
        device=plan.device,
    )


def check_saved(word: str) -> None:
    """Refuse a name that an audit couldn't hold: of half letters, or of several lines.

    Raises
    ------
    SettingError
        If it is one.
    """
    from holistic.arguments import printable

    if not printable(word):
        raise SettingError(
            f"{word!r} has characters that can't be shown or saved in an audit; "
            "rename the file or folder"
        )


def _unit_axes(texts: Sequence[str]) -> dict[str, int]:
    """Read `SITE=AXIS`."""
    axes: dict[str, int] = {}
    for text in texts:
        name, _, axis = text.rpartition("=")
        if not name or not re.fullmatch(r"-?\d+", axis):
            raise SettingError(f"--unit-axis needs SITE=AXIS with a whole number, got '{text}'")
        axes[name] = int(axis)
    return axes
