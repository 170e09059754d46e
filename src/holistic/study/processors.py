"""Prepares pictures and texts as the processor in a folder of Hugging Face says."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import DataError, ModelError, notice
from holistic.graph.accompanied import accompanied, extras_of
from holistic.study.given import Given, are_texts, as_given
from holistic.usercode import running

__all__ = ["Processor", "classifier_of", "quiet"]

_MOST = 256
"""Pictures that are prepared at a time."""


@dataclass(frozen=True)
class Processor:
    """What turns pictures or texts into a model's inputs, and the names of its classes.

    Nothing of the model is loaded for it.

    Attributes
    ----------
    folder
        Where model and processor lie.
    """

    folder: Path

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits; none where `id2label` has none."""
        names = _config(self.folder).get("id2label") or {}
        found = [str(names[place]) for place in sorted(names, key=int)]
        usual = [f"LABEL_{place}" for place in range(len(found))]
        return () if found == usual else tuple(found)

    def given(self, data: Any) -> Given:
        """Return data of any form with its texts as tokens; what holds no texts is as it was."""
        found = as_given(data)
        if not are_texts(found.inputs):
            return found
        tokens = self.inputs(found.inputs)
        return replace(
            found, inputs=tokens, extras={**found.extras, **extras_of(tokens)},
            vocabulary=found.vocabulary or self._tokenizer,
        )  # fmt: skip

    def inputs(self, given: Any) -> Any:
        """Prepare pictures or texts as the folder's processor says; leave all else as it is.

        Parameters
        ----------
        given
            A sequence of texts; pictures as bytes or as fractions of 0 to 1, `[N, channels, H, W]`
            or `[N, H, W, channels]`; a list of pictures of any size; or what the model is given.

        Returns
        -------
        Tensor or whatever was given
            `[N, …]`; texts carry the mask of their padding.

        Raises
        ------
        DataError
            If the folder has no processor for them.
        """
        if are_texts(given):
            return self._tokens([str(text) for text in given])
        pictures = _pictures(given)
        if pictures is None or not (self.folder / "preprocessor_config.json").exists():
            return given
        return self._pixels(pictures)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        if not any((self.folder / f"tokenizer{end}.json").exists() for end in ("", "_config")):
            raise DataError(
                f"the inputs are texts, and '{self.folder}' has no tokenizer; save it there with "
                "tokenizer.save_pretrained, or pass the numbers of the tokens"
            )
        with quiet(), running(f"the tokenizer of '{self.folder}' failed", DataError):
            return AutoTokenizer.from_pretrained(self.folder, local_files_only=True)

    def _tokens(self, texts: list[str]) -> Tensor:
        with quiet(), running(f"the tokenizer of '{self.folder}' failed", DataError):
            made = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        taken = inspect.signature(classifier_of(self.folder).forward).parameters
        extras = {n: t for n, t in made.items() if n != "input_ids" and n in taken}
        # what is the same everywhere is what the model takes when it is given none
        usual = {"attention_mask": 1, "token_type_ids": 0}
        extras = {n: t for n, t in extras.items() if not bool((t == usual.get(n)).all())}
        notice(
            f"texts were turned into {made['input_ids'].shape[1]} tokens by the folder's tokenizer"
        )
        return accompanied(made["input_ids"], extras)

    def _pixels(self, pictures: Sequence[Any]) -> Tensor:
        from transformers import AutoImageProcessor

        parts = list[Tensor]()
        with quiet(), running(f"the image processor of '{self.folder}' failed", DataError):
            process: Any = AutoImageProcessor.from_pretrained(self.folder, local_files_only=True)
            for start in range(0, len(pictures), _MOST):
                some = [self._coloured(picture) for picture in pictures[start : start + _MOST]]
                made = process(some, return_tensors="pt", input_data_format="channels_last")
                parts.append(made["pixel_values"].float())
        shape = " × ".join(str(size) for size in parts[0].shape[1:])
        notice(f"pictures were made {shape} and scaled as the folder's processor says")
        return torch.cat(parts)

    def _coloured(self, picture: np.ndarray) -> np.ndarray:
        """Give a grey picture `[H, W, 1]` three equal channels, unless the model takes one."""
        one = _config(self.folder).get("num_channels", 3) == 1
        return np.repeat(picture, 3, 2) if picture.shape[2] == 1 and not one else picture


def classifier_of(folder: Path) -> Any:
    """Return the class of the model, after checking that it gives one answer an example."""
    import transformers

    try:
        config = _config(folder)
        names = config.get("architectures") or [f"a {config['model_type']}"]
    except (ValueError, KeyError, AttributeError):
        raise ModelError(
            f"'{folder / 'config.json'}' names no model; save it again with model.save_pretrained"
        ) from None
    name = str(names[0])
    if "Classification" not in name or "TokenClassification" in name:
        raise ModelError(
            f"'{folder}' holds {name}, which doesn't tell the class of an example; "
            "save a model for classification, such as AutoModelForImageClassification"
        )
    kind = getattr(transformers, name, None)
    if kind is None:
        raise ModelError(
            f"'{folder}' holds {name}, which this transformers ({transformers.__version__}) "
            "doesn't have, and code of a folder isn't run; make it yourself with module:factory"
        )
    return kind


def _config(folder: Path) -> dict[str, Any]:
    """What `config.json` says."""
    found = json.loads((folder / "config.json").read_bytes())
    return found if isinstance(found, dict) else {}


def _pictures(given: Any) -> Sequence[Any] | None:
    """Return pictures of 8 bits, channels last; None where what was given are no pictures."""
    if isinstance(given, (list, tuple)) and given and hasattr(given[0], "convert"):
        return [np.asarray(picture.convert("RGB")) for picture in given]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(given, (list, tuple)) and given:
        several = [_pictures(part[None]) for part in given if hasattr(part, "ndim")]  # pyright: ignore[reportUnknownVariableType]
        whole = len(several) == len(given) and all(part is not None for part in several)  # pyright: ignore[reportUnknownArgumentType]
        return [part[0] for part in several if part is not None] if whole else None
    if not isinstance(given, (Tensor, np.ndarray)) or given.ndim != 4:
        return None
    values = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    if values.dtype.kind == "f" and values.size and values.min() >= 0 and values.max() <= 1:
        values = np.rint(values * 255).astype(np.uint8)
    if values.dtype != np.uint8:
        return None
    return list(values if values.shape[3] in (1, 3) else np.moveaxis(values, 1, 3))


@contextmanager
def quiet() -> Generator[None]:
    """Keep transformers from printing what it loads, and what it would rather be asked."""
    from transformers.utils import logging as printed

    level, bars = printed.get_verbosity(), printed.is_progress_bar_enabled()
    printed.set_verbosity(logging.CRITICAL)
    printed.disable_progress_bar()
    try:
        yield
    finally:
        printed.set_verbosity(level)
        with contextlib.suppress(AttributeError):
            (printed.enable_progress_bar if bars else printed.disable_progress_bar)()
