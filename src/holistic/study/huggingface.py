"""Opens a folder of Hugging Face: its classifier, its processor and the names of its classes."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from holistic.errors import DataError, ModelError, SettingError, listed, notice
from holistic.graph.accompanied import accompanied
from holistic.study.scores import Score
from holistic.usercode import running

__all__ = ["Pretrained", "from_huggingface", "is_pretrained", "opened", "pretrained"]

_Subject = TypeVar("_Subject")

_MOST = 256
"""Pictures that are prepared at a time."""


@dataclass(frozen=True)
class Pretrained:
    """A classifier of a folder, with what turns pictures or texts into its inputs.

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

    def labelled(self, labels: Tensor, classes: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
        """Bring labels `[N]` into the order of the model's classes, by their names.

        Parameters
        ----------
        labels, classes
            Of the data.

        Returns
        -------
        labels, classes
            As the model counts them; the data's own where the model has no names.
        """
        if not self.classes or not set(classes) <= set(self.classes):
            return labels, self.classes or tuple(classes)
        places = torch.tensor([self.classes.index(name) for name in classes])
        if places.tolist() != list(range(len(places))):
            notice("labels were brought into the order of the model's classes, by their names")
        return places[labels], self.classes

    def prepared(self, data: Any) -> Any:
        """Return pictures or texts with labels, prepared; other data as it is."""
        if not isinstance(data, (tuple, list)) or len(data) != 2:  # pyright: ignore[reportUnknownArgumentType]
            return data
        return self.inputs(data[0]), data[1]

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
        if _are_texts(given):
            return self._tokens([str(text) for text in given])
        pictures = _pictures(given)
        if pictures is None or not (self.folder / "preprocessor_config.json").exists():
            return given
        return self._pixels(pictures)

    def _tokens(self, texts: list[str]) -> Tensor:
        from transformers import AutoTokenizer

        if not any((self.folder / f"tokenizer{end}.json").exists() for end in ("", "_config")):
            raise DataError(
                f"the inputs are texts, and '{self.folder}' has no tokenizer; save it there with "
                "tokenizer.save_pretrained, or pass the numbers of the tokens"
            )
        with _quiet(), running(f"the tokenizer of '{self.folder}' failed", DataError):
            tokenizer: Any = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
            made = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        taken = inspect.signature(self.model.forward).parameters
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
        with _quiet(), running(f"the image processor of '{self.folder}' failed", DataError):
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
        one = getattr(self.model.config, "num_channels", 3) == 1
        return np.repeat(picture, 3, 2) if picture.shape[2] == 1 and not one else picture


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
    kind = _classifier(folder)
    with _quiet(), running(f"'{folder}' can't be opened", ModelError):
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
    return pretrained(folder, model.eval())


def pretrained(folder: Path | str, model: nn.Module) -> Pretrained:
    """Return what a folder holds beside the model that was made of it."""
    return Pretrained(Path(folder), model, _named(model.config))


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
        Pictures, texts or what the model is given, and labels `[N]`.
    classes, score, seed, device
        As of a subject.

    Raises
    ------
    ModelError
        If the folder holds no classifier, or lacks a part of its weights.
    """
    found = opened(folder)
    return cls(
        found.model,
        found.prepared(data),
        classes=classes or found.classes,
        score=score,
        seed=seed,
        name=found.name,
        device=device,
    )


def _classifier(folder: Path) -> Any:
    """Return the class of the model, after checking that it gives one answer an example."""
    import transformers

    try:
        config = json.loads((folder / "config.json").read_bytes())
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


def _named(config: Any) -> tuple[str, ...]:
    """Names of the classes; none where they are those that a configuration has by default."""
    names = [str(config.id2label[place]) for place in sorted(config.id2label)]
    usual = [f"LABEL_{place}" for place in range(len(names))]
    return () if names == usual else tuple(names)


def _are_texts(given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return given.dtype.kind in "UTO" and given.size > 0 and isinstance(given.flat[0], str)
    return isinstance(given, (list, tuple)) and len(given) > 0 and isinstance(given[0], str)  # pyright: ignore[reportUnknownArgumentType]


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
def _quiet() -> Generator[None]:
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
