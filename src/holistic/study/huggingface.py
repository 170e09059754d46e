"""Opens a folder of Hugging Face: its classifier, its processor and the names of its classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from holistic.errors import ModelError, SettingError, listed
from holistic.study.processors import Processor, classifier_of, quiet
from holistic.study.scores import Score
from holistic.usercode import running

__all__ = ["Pretrained", "from_huggingface", "is_pretrained", "opened"]

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class Pretrained:
    """A classifier of a folder, and the names of its classes.

    Attributes
    ----------
    folder
        Where it lies.
    model
        In evaluation mode, in float32.
    classes
        Names of its classes in the order of its logits; none where its `id2label` has none.
    """

    folder: Path
    model: nn.Module
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.folder.resolve().name

    @property
    def processor(self) -> Processor:
        """What turns pictures or texts into its inputs."""
        return Processor(self.folder)


def is_pretrained(path: Path | str | None) -> bool:
    """Say whether a path is a folder that `save_pretrained` wrote a model to."""
    return path is not None and (Path(path) / "config.json").is_file()


def opened(folder: Path | str) -> Pretrained:
    """Open a folder that `save_pretrained` wrote: no code of it is run, nothing is downloaded.

    Parameters
    ----------
    folder
        With `config.json` and the weights, and the processor where there is one.

    Raises
    ------
    ModelError
        If it holds no classifier, or lacks a part of its weights.
    SettingError
        If transformers isn't installed.
    """
    folder = Path(folder)
    if not is_pretrained(folder):
        raise ModelError(
            f"'{folder}' is no folder of Hugging Face: it has no config.json; save the model there "
            "with model.save_pretrained"
        )
    if find_spec("transformers") is None:
        raise SettingError(
            "folders of Hugging Face need transformers; "
            "install it with: pip install 'holistic-interpretability[hf]'"
        )
    kind = classifier_of(folder)
    with quiet(), running(f"'{folder}' can't be opened", ModelError):
        model, report = kind.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    if absent := sorted(
        {*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])}
    ):
        raise ModelError(
            f"'{folder}' doesn't fit its {kind.__name__}: it lacks {listed(absent, 3)}, and random "
            "numbers would stand in; save the trained classifier with model.save_pretrained"
        )
    return Pretrained(folder, model.eval(), Processor(folder).classes)


def from_huggingface(
    cls: Callable[..., _Subject],
    folder: str | Path,
    data: Any,
    *,
    classes: Sequence[str] | Mapping[Any, Any] | None = (),
    score: Score = "margin",
    seed: int = 0,
    device: str | torch.device = "auto",
) -> _Subject:
    """Make a subject of a classifier that `save_pretrained` wrote to a folder.

    Pictures and texts are prepared by the processor that lies with it; names of classes are those
    of its `id2label`. No code of the folder is run, and nothing is downloaded.

    Parameters
    ----------
    cls
        The kind of subject.
    folder
        With the model, and its image processor or tokenizer where there is one.
    data
        Pictures, texts or what the model is given, and labels `[N]`: in any form of docs/data.md.
    classes, score, seed, device
        As of a subject.

    Raises
    ------
    ModelError
        If the folder holds no classifier, or lacks a part of its weights.
    """
    found = opened(folder)
    given = found.processor.given(data)
    return cls(
        found.model,
        replace(given, inputs=found.processor.inputs(given.inputs)),
        classes=classes or found.classes,
        score=score,
        seed=seed,
        name=found.name,
        device=device,
    )
