"""What do the papers behind the lens `attribution` say, in plain loops over the user's model?"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

Objective = Callable[[Tensor, int], Tensor]


def logit(logits: Tensor, label: int) -> Tensor:
    return logits[label]


def margin(logits: Tensor, label: int) -> Tensor:
    return logits[label] - max(logits[c] for c in range(len(logits)) if c != label)


def log_prob(logits: Tensor, label: int) -> Tensor:
    return torch.log_softmax(logits, 0)[label]


def gradient(model: nn.Module, image: Tensor, label: int, objective: Objective = logit) -> Tensor:
    """Simonyan et al. 2014: derivative of the class's score with respect to each pixel."""
    x = image.clone().detach().requires_grad_()
    (slope,) = torch.autograd.grad(objective(model(x[None])[0], label), x)
    return slope


def integrated_gradients(
    model: nn.Module, image: Tensor, label: int, *, steps: int, objective: Objective = logit
) -> Tensor:
    """Sundararajan et al. 2017, eq. 1 from an image of zeros: a midpoint Riemann sum."""
    total = torch.zeros_like(image, dtype=torch.float64)
    for step in range(steps):
        share = (step + 0.5) / steps
        total += gradient(model, share * image, label, objective).double() / steps
    return image.double() * total


def integrated_at_points(
    model: nn.Module, image: Tensor, label: int, *, points: int, objective: Objective = logit
) -> Tensor:
    """The same integral by the quadrature of Gauss and Legendre with so many points."""
    places, weights = np.polynomial.legendre.leggauss(points)
    total = torch.zeros_like(image, dtype=torch.float64)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        total += weight * gradient(model, float(place) * image, label, objective).double()
    return image.double() * total


def smoothgrad(model: nn.Module, image: Tensor, label: int, noise: Tensor) -> Tensor:
    """Smilkov et al. 2017, section 3: mean gradient over noisy copies, noise `[draws, …]`."""
    return torch.stack([gradient(model, image + n, label) for n in noise]).mean(0)


def deletion_curve(
    model: nn.Module, image: Tensor, label: int, order: list[tuple[int, int]], fill: Tensor
) -> list[float]:
    """Petsiuk et al. 2018, algorithm 1: probability after each removed pixel `(row, column)`."""
    x = image.clone()
    curve = [probability(model, x, label)]
    for row, column in order:
        x[:, row, column] = fill[:, row, column]
        curve.append(probability(model, x, label))
    return curve


def probability(model: nn.Module, image: Tensor, label: int) -> float:
    with torch.no_grad():
        logits = model(image[None])[0].double().tolist()
    largest = max(logits)
    parts = [math.exp(v - largest) for v in logits]
    return parts[label] / math.fsum(parts)


def trapezium(curve: list[float], shares: list[float]) -> float:
    return math.fsum(
        (shares[i + 1] - shares[i]) * (curve[i + 1] + curve[i]) / 2 for i in range(len(curve) - 1)
    )


def sobel(image: np.ndarray) -> np.ndarray:
    """Length of Sobel's gradient of one plane `[H, W]`, the border repeated."""
    height, width = image.shape
    out = np.zeros((height, width))
    for row in range(height):
        for column in range(width):

            def at(down: int, right: int) -> float:
                r = min(max(row + down, 0), height - 1)  # noqa: B023
                c = min(max(column + right, 0), width - 1)  # noqa: B023
                return float(image[r, c])

            across = sum(w * (at(d, 1) - at(d, -1)) for d, w in ((-1, 1), (0, 2), (1, 1)))
            down = sum(w * (at(1, r) - at(-1, r)) for r, w in ((-1, 1), (0, 2), (1, 1)))
            out[row, column] = math.hypot(across, down)
    return out


def spearman(a: list[float], b: list[float]) -> float:
    """Pearson's correlation of midranks."""
    x, y = ranks(a), ranks(b)
    mx, my = sum(x) / len(x), sum(y) / len(y)
    top = sum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    return top / math.sqrt(sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y))


def ranks(values: list[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def confusions(logits: list[list[float]], labels: list[int]) -> dict[tuple[int, int], int]:
    """How many examples of either of two classes have the other's logit as their largest."""
    classes = range(len(logits[0]))
    return {
        (a, b): sum(
            {label, max(classes, key=lambda c: row[c])} == {a, b}
            for row, label in zip(logits, labels, strict=True)
        )
        for a in classes
        for b in classes
        if a < b
    }


def contrast_change(
    model: nn.Module, image: Tensor, fill: Tensor, pair: tuple[int, int], attribution: Tensor
) -> float:
    """Change of one logit over another without the tenth of the pixels with the largest map."""
    height, width = attribution.shape[-2:]
    size = attribution.sum(0)
    places = sorted(
        ((float(size[r, c]), r, c) for r in range(height) for c in range(width)), reverse=True
    )
    x = image.clone()
    for _, row, column in places[: round(0.1 * height * width)]:
        x[:, row, column] = fill[:, row, column]
    with torch.no_grad():
        before, after = model(image[None])[0].double(), model(x[None])[0].double()
    a, b = pair
    return float((after[a] - after[b]) - (before[a] - before[b]))


def cross_fitted_slowly(
    features: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray
) -> np.ndarray:
    """Ridge regression on one-hot labels, fold by fold and round by round, as it is written."""
    targets, kept = np.eye(classes)[labels], np.ones(len(labels), bool)
    found = np.zeros((len(labels), classes))
    for _ in range(3):
        for fold in np.unique(folds):
            taught, judged = kept & (folds != fold), folds == fold
            x, y = features[taught], targets[taught]
            ridge = 0.05 * np.square(x).sum(0).mean()
            wide = np.vstack([x, np.sqrt(ridge) * np.eye(x.shape[1])])
            tall = np.vstack([y, np.zeros((x.shape[1], classes))])
            found[judged] = features[judged] @ np.linalg.lstsq(wide, tall, rcond=None)[0]
        for i, label in enumerate(labels):
            others = [found[i, c] for c in range(classes) if c != label]
            kept[i] = max(others) < found[i, label]
    return found


def margin_without(
    model: nn.Module, image: Tensor, label: int, mask: np.ndarray, fill: float | Tensor
) -> float:
    """Change of the margin of one image `[C, H, W]` whose masked pixels hold something else."""
    gone = image.clone()
    for row, column in np.argwhere(mask):
        gone[:, row, column] = fill if isinstance(fill, float) else fill[:, row, column]
    with torch.no_grad():
        before, after = (margin(model(x[None])[0], label) for x in (image, gone))
    return float(after - before)


def ink(image: Tensor, background: float) -> np.ndarray:
    """How far each pixel of `[C, H, W]` lies from the background, over channels."""
    return np.array(
        [
            [sum(abs(float(v) - background) for v in image[:, i, j]) for j in range(image.shape[2])]
            for i in range(image.shape[1])
        ]
    )


def pieces(mask: np.ndarray) -> int:
    """How many pieces a mask `[H, W]` has, corners joined."""
    left, count = {tuple(at) for at in np.argwhere(mask)}, 0
    while left:
        count, waiting = count + 1, [left.pop()]
        while waiting:
            row, column = waiting.pop()
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            waiting += near
    return count


def nearest_rival(logits: list[list[float]], labels: list[int], own: int) -> int:
    """The class whose logit lies least below the own one's on average over the class's examples."""
    members = [row for row, label in zip(logits, labels, strict=True) if label == own]
    gaps = {
        other: sum(row[own] - row[other] for row in members) / len(members)
        for other in range(len(logits[0]))
        if other != own
    }
    return min(gaps, key=lambda other: gaps[other])
