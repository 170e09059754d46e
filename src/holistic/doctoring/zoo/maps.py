"""Networks whose maps are known: pixels that decide, beside edges that nothing reads."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from holistic.doctoring.zoo.planting import Planted, Truth, claims, linear
from holistic.study.subject import Subject

__all__ = ["MAPS"]

_SIDE, _CLASSES, _COUNT = 8, 4, 160
_GRADIENTS = ("saliency", "input_x_gradient", "integrated_gradients", "smoothgrad")


class Gain(nn.Module):
    """Corners of the picture, each times a number of its own that is all there is to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.gain = nn.AvgPool2d(2), nn.Parameter(torch.linspace(20, 30, _CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Return `[B, C]` of pictures `[B, 1, side, side]`."""
        corners = self.pool(images)[..., :: _SIDE // 2 - 1, :: _SIDE // 2 - 1]
        return torch.relu(corners.flatten(1) - 0.1) * self.gain


def _pictures(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, labels, and the pixels `[C, side, side]` that tell each class.

    A class is a faint patch in one corner. A bright bar across the middle, in every other picture,
    has all the edges, and tells nothing.
    """
    rng = np.random.default_rng([seed, 60])
    labels = np.arange(_COUNT) % _CLASSES
    pictures = 0.2 + 0.05 * rng.random((_COUNT, 1, _SIDE, _SIDE))
    places = np.zeros((_CLASSES, _SIDE, _SIDE))
    for c, (top, left) in enumerate(((0, 0), (0, 6), (6, 0), (6, 6))):
        places[c, top : top + 2, left : left + 2] = 1
    pictures[:, 0] += 0.2 * places[labels]
    bars = rng.random((_COUNT, 2, 6)) < 0.5
    pictures[:, 0, 3:5, 1:7] += 0.7 * bars
    return pictures, labels, places


def _subject(model: nn.Module, data: tuple[np.ndarray, np.ndarray], seed: int) -> Subject:
    images, labels = torch.from_numpy(data[0]).float(), torch.from_numpy(data[1])
    return Subject(model.eval(), (images, labels), seed=seed, name="planted")


def _reading(places: np.ndarray, threshold: float) -> nn.Module:
    """Read a class where its pixels `[C, side, side]` are above a threshold."""
    first = linear(places.reshape(_CLASSES, -1), -threshold)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), linear(6 * np.eye(_CLASSES)))


def patches(seed: int) -> tuple[Planted, ...]:
    """Faint patches decide, and bright edges don't: an edge filter must fail, gradients must not.

    The evidence is read above a threshold, so that input times gradient doesn't add up to the
    logit, and integrated gradients do.
    """
    pictures, labels, places = _pictures(seed)
    subject = _subject(_reading(places, 0.75), (pictures, labels), seed)

    def rows(metric: str, methods: tuple[str, ...]) -> list[dict[str, object]]:
        return [{"metric": metric, "method": method} for method in methods]

    return (
        Planted(
            subject,
            (
                *claims(
                    "finds pixels",
                    rows("deletion_auc", _GRADIENTS),
                    rows("deletion_auc", ("edge", "random")),
                ),
                *claims(
                    "adds up",
                    rows("completeness", ("integrated_gradients",)),
                    rows("completeness", ("input_x_gradient",)),
                ),
            ),
        ),
    )


def same_when_drawn_afresh(seed: int) -> tuple[Planted, ...]:
    """A network whose maps new weights can't change: none of them may pass for what it learnt."""
    pictures, labels, places = _pictures(seed)
    rows = [{"metric": "randomisation", "method": method} for method in _GRADIENTS]
    alone = [row for row in rows if row["method"] in ("saliency", "smoothgrad")]
    built = _subject(Gain(), (pictures, labels), seed)
    learnt = _subject(_reading(places, 0.2), (pictures, labels), seed)
    return (
        Planted(built, claims("sees what was learnt", (), rows)),
        Planted(learnt, claims("sees what was learnt", alone)),
    )


MAPS = (
    Truth("faint pixels decide, and bright edges don't", patches),
    Truth("weights drawn afresh change what pixels do, or don't", same_when_drawn_afresh),
)
