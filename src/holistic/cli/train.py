"""The command `train`: trains a reference model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.cli.options import AsJson, Source, file_name
from holistic.cli.streams import kept_apart, print_json
from holistic.cli.subjects import check_saved, is_reference, load_source, obtain_model
from holistic.errors import SettingError
from holistic.showing import progress_shown
from holistic.words import percent

if TYPE_CHECKING:
    from torch import nn

    from holistic.study.datasets import Data

__all__ = ["train"]


def train(
    source: Source = Source(),
    *,
    out: Path | None = None,
    json_: AsJson = False,
) -> None:
    """Train a reference model and save its weights.

    Parameters
    ----------
    source
        Which data and which model.
    out
        File to write; `DATA-MODEL-seedSEED.safetensors` by default.
    json_
        Print one JSON document instead of text.
    """
    from holistic.audits import check_writable
    from holistic.results.files import check_target
    from holistic.study.weights import save_weights

    out = out or Path(f"{file_name(source)}.safetensors")
    if not is_reference(source):
        raise SettingError(
            f"'{source.model}' can't be trained here: only reference models are; "
            "train your own in your code and pass its weights to 'holistic run'"
        )
    if out.is_dir():
        raise SettingError(f"'{out}' is a folder; name a file to save the weights to with --out")
    check_saved(str(out))
    check_target(out)
    check_writable(out.absolute().parent)
    with kept_apart(), progress_shown() as progress:
        data = load_source(source)
        model = obtain_model(source, data, weights=None, progress=progress)
    save_weights(model, out, source.origin)
    result: dict[str, Any] = {
        **source.origin,
        "accuracy": _accuracy(model, data),
        "weights": str(out),
    }
    if json_:
        print_json(result)
    else:
        print(_sentence(result))


def _accuracy(model: nn.Module, data: Data) -> dict[str, float]:
    from holistic.stats.intervals import wilson
    from holistic.study.models import accuracy

    n = len(data.test)
    value = accuracy(model, data.test)
    lo, hi = wilson(round(value * n), n)
    return {"value": value, "lo": float(lo), "hi": float(hi), "n": n}


def _sentence(result: dict[str, Any]) -> str:
    accuracy = result["accuracy"]
    right = percent(*(accuracy[key] for key in ("value", "lo", "hi")), decimals=2)
    return (
        f"{result['model']} on {result['data']}: {right} of {accuracy['n']} test images are right, "
        f"weights in '{result['weights']}'"
    )
