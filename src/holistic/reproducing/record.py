"""Records how a reproduction was made, and which choices are ours."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

import holistic
from holistic.reproducing.networks import CHOICES, recipes
from holistic.reproducing.origin import LINES, WIDTHS
from holistic.study.computation import digest
from holistic.study.datasets import Data
from holistic.study.provenance import key
from holistic.words import counted

__all__ = ["recorded"]


def recorded(data: Data, seeds: int, epochs: int | None) -> dict[str, Any]:
    """Return the record of where the numbers of a reproduction come from.

    Parameters
    ----------
    data
        What is trained on and studied.
    seeds
        How many trainings there are.
    epochs
        Passes of the origin's network over the training images; None for the usual ones.
    """
    made = recipes(epochs)
    sides = {"train": data.train, "test": data.test}
    tensors = [(n, t) for n, s in sides.items() if s for t in (s.images, s.labels)]
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}
    inputs = data.test.images[0].numel()
    passes = counted(made["mlp"].epochs, "epoch")
    record = {
        "model": WIDTHS.replace("784", str(inputs)),
        "data": data.name,
        "data_sha256": digest(tensors),
        "classes": list(data.classes),
        "seed": 0,
        "seeds": seeds,
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "settings": {
            "reproduce": {"seeds": seeds, "recipes": {n: asdict(r) for n, r in made.items()}}
        },
        "versions": {
            "holistic": holistic.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
            **versions,
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "facts": [
            {"words": f"{len(LINES)} lines of the origin", "why": "its network has " + WIDTHS},
            {"words": f"{seeds} trainings", "why": f"seeds 0 to {seeds - 1}, {passes}"},
        ],
        "caveats": [line.format(epochs=passes) for line in CHOICES],
    }
    return {"key": key(record), **record}
