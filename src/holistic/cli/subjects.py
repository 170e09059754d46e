"""Makes the model and the subject that a command's flags describe."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.arguments import WRITTEN
from holistic.cli.options import Plan, Source
from holistic.errors import AuditError, ModelError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from holistic.progress import Progress
    from holistic.results.folder import Folder
    from holistic.study.datasets import Data
    from holistic.study.processors import Processor
    from holistic.study.subject import Subject

__all__ = [
    "check_saved",
    "chosen_rows",
    "is_own",
    "is_reference",
    "load_source",
    "obtain_model",
    "untrained_model",
    "weights_of_audit",
    "whole_subject",
    "with_pretrained",
]

_PRETRAINED = "huggingface:"
"""What stands before the folder in the name of a model that `save_pretrained` wrote."""


def is_reference(source: Source) -> bool:
    """Say whether the model is meant to be one of the program's own."""
    return ":" not in source.model


def with_pretrained(source: Source, weights: Path | None) -> Source:
    """Take a folder of Hugging Face that is given as weights as the model, where none is named."""
    from holistic.study.huggingface import is_pretrained

    if not is_reference(source) or not is_pretrained(weights):
        return source
    return replace(source, model=f"{_PRETRAINED}{weights}")


def _is_pretrained(source: Source) -> bool:
    return source.model.startswith(_PRETRAINED)


def _processor(source: Source) -> Processor | None:
    """What prepares inputs for a folder of Hugging Face; None for any other model."""
    from holistic.study.huggingface import is_pretrained
    from holistic.study.processors import Processor

    folder = Path(source.model.removeprefix(_PRETRAINED))
    return Processor(folder) if _is_pretrained(source) and is_pretrained(folder) else None


def load_source(source: Source, weights: Path | None = None) -> Data:
    """Load the data set that the flags name.

    Parameters
    ----------
    source
        Names it, and says what is done to it.
    weights
        File of the model's weights; None where there is none yet, or the model brings its own.
    """
    from holistic.arguments import checked_seed
    from holistic.study.datasets import Preparation, load_data

    checked_seed(source.seed)
    seed, processor = checked_seed(source.dividing), _processor(source)
    classes = [name.strip() for text in source.classes for name in text.split(",")]
    for word in (source.data, source.model):
        check_saved(word)
    data = load_data(
        source.data,
        data_dir=source.data_dir,
        seed=seed,
        divide=_learns_from(source, weights),
        classes=classes or (processor.classes if processor else ()),
        prepare=processor and processor.given,
        preparation=Preparation(
            _size(source.resize), _normalising(source.normalise), _first(source.first)
        ),
    )
    return data.as_floats() if is_reference(source) else data


def _learns_from(source: Source, weights: Path | None) -> bool:
    """Say whether half of the data is what the model is, or was, trained on here."""
    from holistic.study.weights import read_provenance

    if not is_reference(source) or weights is None:
        return is_reference(source)
    try:
        provenance = read_provenance(weights)
    except ModelError:  # told when the weights are loaded
        return False
    divided = provenance.get("split_seed", provenance.get("seed"))
    return provenance.get("data") == source.data and divided == source.dividing


def _size(text: str | None) -> tuple[int, int] | None:
    """Read `64` or `64x48`, height by width."""
    if text is None:
        return None
    sides = re.fullmatch(r"([0-9]{1,4})(?:x([0-9]{1,4}))?", text.strip())
    if sides is None or "0" in (sides[1].lstrip("0") or "0", (sides[2] or "1").lstrip("0") or "0"):
        raise SettingError(f"--resize needs a size, as 64 or 64x48 (height by width), got '{text}'")
    return int(sides[1]), int(sides[2] or sides[1])


def _first(count: int | None) -> int | None:
    """Check how many examples are read at most."""
    if count is not None and count < 1:
        raise SettingError(f"--first needs a number of examples from 1 on, got {count}")
    return count


def _normalising(text: str | None) -> tuple[float, ...]:
    """Read means and deviations, separated by commas."""
    if text is None:
        return ()
    try:
        numbers = tuple(map(_plain_number, text.split(",")))
    except ValueError:
        numbers = ()
    half = len(numbers) // 2
    usable = all(map(math.isfinite, numbers)) and all(number > 0 for number in numbers[half:])
    if not numbers or len(numbers) % 2 or not usable:
        raise SettingError(
            "--normalise needs means and then as many deviations above 0, as 0.5,0.25, "
            f"got '{text}'"
        )
    return numbers


def _plain_number(text: str) -> float:
    """Read a number in digits of ASCII, without the marks that Python allows between them."""
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def untrained_model(source: Source, data: Data) -> nn.Module:
    """Make the model that the flags name: a reference model as it is before training."""
    from holistic.study.huggingface import opened
    from holistic.study.models import build, load_factory

    if _is_pretrained(source):
        return opened(source.model.removeprefix(_PRETRAINED)).model
    if not is_reference(source):
        return load_factory(source.model)
    shape = tuple(data.test.images.shape[1:])
    return build(source.model, input_shape=shape, classes=data.count, seed=source.seed)


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
    if weights is not None and not _is_pretrained(source):
        check_saved(str(weights))
        return load_weights(model, weights)
    if not is_reference(source) or data.train is None:
        return model
    recipe = RECIPES[source.model]
    return train(model, data.train, recipe, seed=source.seed, progress=progress)


def is_own(weights: Path, existing: Folder) -> bool:
    """Say whether a file holds the weights that an audit is of; without, they are learnt again."""
    from safetensors.torch import load

    from holistic.results.files import opened
    from holistic.study.computation import digest

    try:
        with opened(weights) as file:
            state = load(file.read())
    except Exception:  # whatever is in its place
        return False
    return digest(sorted(state.items())) == existing.provenance.get("weights")


def weights_of_audit(source: Source, out: Path) -> Path | None:
    """Weights of a reference model that an audit of the same source in a folder keeps, if any."""
    from holistic.results.folder import Folder

    try:
        existing, own = Folder.load(out), out / "model.safetensors"
    except AuditError:
        return None
    made = existing.provenance.get("source", {})
    same = all(made.get(name) == value for name, value in source.made.items())
    learnt = same and is_reference(source) and not made.get("weights")
    return own if learnt and is_own(own, existing) else None


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
    from holistic.graph.accompanied import rows_of
    from holistic.study.given import Given
    from holistic.study.scores import checked_score
    from holistic.study.subject import Subject
    from holistic.study.vocabulary import read_vocabulary
    from holistic.usercode import imported

    forward = imported(plan.forward, ModelError) if plan.forward else None
    images, labels = data.test.images, data.test.labels
    if plan.most is not None:
        rows = chosen_rows(labels, plan, seed=source.dividing)
        images, labels = rows_of(images, rows), labels[rows]
    if processor := _processor(source):
        images = processor.inputs(images)
    return Subject(
        model,
        Given(images, labels, features=data.features, vocabulary=data.vocabulary),
        classes=data.classes,
        score=checked_score(plan.score),
        seed=source.seed,
        name=source.model,
        forward=forward,
        unit_axes=_unit_axes(plan.unit_axis),
        sites=plan.sites or None,
        device=plan.device,
        vocabulary=read_vocabulary(source.vocabulary) if source.vocabulary else (),
    )


def chosen_rows(labels: Tensor, plan: Plan, *, seed: int) -> np.ndarray:
    """Choose the examples that are studied; a quick run's are enough for any number of classes.

    Raises
    ------
    DataError
        If the user's own limit is too small for 2 of each class.
    """
    from holistic.study.splits import limited

    most = plan.most or 0
    enough = 2 * len(labels.unique()) if plan.limit is None else 0
    return limited(labels, max(most, enough), seed=seed)


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
        if not name or not re.fullmatch(WRITTEN, axis):
            raise SettingError(f"--unit-axis needs SITE=AXIS with a whole number, got '{text}'")
        axes[name] = int(axis)
    return axes
