"""Makes the planted cases: images, a network trained on them, and its clean twin."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.shortcuts.planting import PLANTS, Spot
from benchmarks.shortcuts.varied import VARIED
from holistic import Subject
from holistic.study import models
from holistic.study.datasets import Labelled, load_data

__all__ = ["Case", "Made", "all_cases", "made", "varied_cases"]

CACHE = Path(__file__).parents[1] / ".cache" / "shortcuts"
_RECIPE = models.Recipe(epochs=3, batch=64, rate=3e-3, steps=250)
_BASES = "mnist", "tiny", "small", "shapes", "large"
_LEARNED, _STUDIED, _TESTED = 2000, 1200, 1000


@dataclass(frozen=True)
class Case:
    """One planted case.

    Attributes
    ----------
    base
        `mnist`, `small` (16 × 16), `tiny` (8 × 8), `colour` (16 × 16, three channels), `large` (32
        × 32, three channels) or `shapes`.
    kind, look
        What is planted (`PLANTS`).
    architecture
        `mlp`, `cnn` or `vit`.
    prevalence, elsewhere
        Share of the class's images, and of others', that carry it.
    seed
        Decides class, place, look, draws and weights.
    """

    base: str
    kind: str
    look: str
    architecture: str
    prevalence: float
    elsewhere: float
    seed: int

    @property
    def name(self) -> str:
        """One word that names it."""
        share = round(100 * self.prevalence)
        return f"{self.base}-{self.kind}-{self.look}-{self.architecture}-{share}-{self.seed}"


@dataclass(frozen=True)
class Made:
    """A case with its networks.

    Attributes
    ----------
    model, twin
        Trained on planted and on clean images.
    planted, clean
        Studied images, with the shortcut and without.
    labels
        Of both.
    tested, tested_labels
        Clean images that nobody else sees.
    class_, region
        What is planted, and where, `[H, W]`.
    """

    model: nn.Module
    twin: nn.Module
    planted: Tensor
    clean: Tensor
    labels: Tensor
    tested: Tensor
    tested_labels: Tensor
    class_: int
    region: np.ndarray

    def subject(self, *, twin: bool = False, seed: int = 0) -> Subject:
        """Return what is studied: the network with the shortcut, or its twin, each on its data."""
        images = self.clean if twin else self.planted
        model = self.twin if twin else self.model
        return Subject(model, (images, self.labels), seed=seed, name="twin" if twin else "planted")


def all_cases() -> list[Case]:
    """Every case of the benchmark: looks × architectures × prevalences."""
    found, count = list[Case](), 0
    shares = 1.0, 0.75, 0.5, 0.9
    bases = "mnist", "small", "colour", "shapes"
    for kind, looks in PLANTS.items():
        for look in looks:
            for architecture in models.MODELS:
                for _ in range(2):
                    base = bases[count % 4 if kind != "colour" else 2 + count % 2]
                    share = shares[(count + count // 4) % 4]
                    elsewhere = (0.0, 0.02, 0.05)[count % 3]
                    found.append(Case(base, kind, look, architecture, share, elsewhere, count))
                    count += 1
    return found


def varied_cases() -> list[Case]:
    """Cases of other looks, on pictures of other sizes."""
    found, count = list[Case](), 0
    shares = 1.0, 0.7, 0.5, 0.9
    for turn in range(3):
        for kind, looks in VARIED.items():
            bases = ("colour", "large") if kind == "colour" else _BASES
            for look in looks:
                architecture = models.MODELS[(count + turn) % 3]
                case = Case(
                    bases[(count + turn) % len(bases)],
                    kind,
                    look,
                    architecture,
                    shares[(count + count // 4) % 4],
                    (0.0, 0.03)[count // 3 % 2],
                    1000 + count,
                )
                found.append(case)
                count += 1
    return found


@cache
def _pool(base: str) -> tuple[np.ndarray, np.ndarray]:
    """All clean images `[N, C, H, W]` in 0 to 1 and their labels."""
    count = _LEARNED + _STUDIED + _TESTED
    if base == "shapes":
        return _shapes(count)
    data = load_data("mnist").sides[0]
    images, labels = data.images[:count].double().numpy(), data.labels[:count].numpy()
    if base == "tiny":
        images = images[:, :, 2:26, 2:26].reshape(len(images), 1, 8, 3, 8, 3).mean((3, 5))
    elif base == "large":
        images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    elif base != "mnist":
        images = images.reshape(len(images), 1, 14, 2, 14, 2).mean((3, 5))
        images = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    if base in ("colour", "large"):
        images = np.repeat(images, 3, 1)
    return images, labels


def _shapes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Six outlines of changing size, place and colour before changing grounds, 16 × 16."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 6, count)
    y, x = np.mgrid[:16, :16]
    images = np.empty((count, 3, 16, 16))
    for i, label in enumerate(labels):
        down, across = rng.uniform(6, 9, 2)
        size = rng.uniform(3.5, 5.5)
        v, u = (y - down) / size, (x - across) / size
        far = np.hypot(u, v)
        drawn = (
            far < 1,
            (far < 1) & (far > 0.6),
            np.maximum(abs(u), abs(v)) < 0.85,
            (abs(u) < 0.3) & (abs(v) < 1) | (abs(v) < 0.3) & (abs(u) < 1),
            (v > -0.9) & (v < 0.8) & (abs(u) < (v + 0.9) / 1.7),
            abs(u - v) < 0.4,
        )[label]
        ground, colour = rng.uniform(0, 0.35, 3), rng.uniform(0.55, 1, 3)
        images[i] = np.where(drawn, colour[:, None, None], ground[:, None, None])
    return np.clip(images + 0.05 * rng.normal(size=images.shape), 0, 1), labels


def made(case: Case) -> Made:
    """Make a case, or read what was made before."""
    key = hashlib.sha256(repr(asdict(case)).encode()).hexdigest()[:16]
    path = CACHE / f"{case.name}-{key}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())
    images, labels = _pool(case.base)
    classes = int(labels.max()) + 1
    own = int(np.random.default_rng(case.seed).integers(classes))
    planted, region = _planted(case, images, labels == own, case.prevalence, case.elsewhere)
    clean, _ = _planted(case, images, labels == own, 0.0, 0.0)
    targets = torch.from_numpy(labels).long()
    with_, without = (torch.from_numpy(pixels).float() for pixels in (planted, clean))
    studied, tested = slice(_LEARNED, _LEARNED + _STUDIED), slice(_LEARNED + _STUDIED, None)
    found = Made(
        _trained(case, with_[:_LEARNED], targets[:_LEARNED], classes),
        _twin(case, without[:_LEARNED], targets[:_LEARNED], classes),
        with_[studied].clone(),
        without[studied].clone(),
        targets[studied].clone(),
        without[tested].clone(),
        targets[tested].clone(),
        own,
        region,
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(found))
    return found


def _planted(
    case: Case, images: np.ndarray, own: np.ndarray, prevalence: float, elsewhere: float
) -> tuple[np.ndarray, np.ndarray]:
    """Plant the shortcut in a share of the class's images, and of others'."""
    look, draws, each = (np.random.default_rng([case.seed, i]) for i in range(3))
    carriers = draws.random(len(images)) < np.where(own, prevalence, elsewhere)
    looks = PLANTS[case.kind] | VARIED[case.kind]
    return looks[case.look](images, Spot(carriers, look, each))


def _twin(case: Case, images: Tensor, labels: Tensor, classes: int) -> nn.Module:
    """Train the clean twin, which cases of the same clean images share."""
    pixels = images.numpy().tobytes()
    key = hashlib.sha256(pixels + case.architecture.encode()).hexdigest()[:16]
    path = CACHE / f"twin-{key}.pickle"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(_trained(replace(case, seed=0), images, labels, classes)))
    return pickle.loads(path.read_bytes())


def _trained(case: Case, images: Tensor, labels: Tensor, classes: int) -> nn.Module:
    shape = tuple(images.shape[1:])
    model = models.build(case.architecture, input_shape=shape, classes=classes, seed=case.seed)
    return models.train(model, Labelled(images, labels), _RECIPE, seed=case.seed)
