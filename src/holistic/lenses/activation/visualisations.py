"""Makes up inputs that drive a unit most, from several starts: `activation.visualisations`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from holistic.graph.sites import Site
from holistic.lenses._pictures import flat_planes, pictures, planes
from holistic.lenses.activation import Activation, schemas
from holistic.lenses.activation._values import reduced
from holistic.lenses.activation.schemas import Visualisation
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.spool import ends
from holistic.stats.intervals import bootstrap_interval
from holistic.stats.order import ordered
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.activation._profiles import Profile, Survey
    from holistic.lenses.activation.examples import Picks

__all__ = ["Canvas", "alike", "visualise", "visualise_units"]

_NUMBERS = 1 << 23
"""Numbers of inputs that are averaged together."""
_RATE = 0.3
"""Step of Adam on the Fourier coefficients."""
_SMOOTH = 0.5
"""Weight of the total variation, where 1 is one standard deviation of the unit on real inputs."""
_JITTER = 14
"""The side of the picture over this is how far it is shifted at most, each step."""


@dataclass(frozen=True)
class Canvas:
    """Where feature visualisations come from: Fourier coefficients, squeezed into the data's range.

    Coefficients are scaled by the inverse of their frequency, as in natural images, which keeps
    the ascent from filling the input with high frequencies (Olah, Mordvintsev & Schubert 2017).

    Attributes
    ----------
    like
        One of the subject's inputs, `[1, …]`.
    low, high
        Range of the data.
    middle
        Mean of the data.
    """

    like: Tensor
    low: float
    high: float
    middle: float

    @classmethod
    def of(cls, images: Tensor) -> Canvas:
        """Measure the range of the data `[N, …]`."""
        low, high = (float(end) for end in ends(images))
        count = max(1, _NUMBERS // max(1, images[0].numel()))
        means = [(float(part.double().mean()), len(part)) for part in images.split(count)]
        middle = sum(mean * n for mean, n in means) / len(images)
        return cls(images[:1], low, high, means[0][0] if len(means) == 1 else middle)

    def coefficients(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw coefficients of `count` inputs, `[count, channels, H, W // 2 + 1, 2]`."""
        channels, rows, columns = planes(self.like).shape[1:]
        shape = count, channels, rows, columns // 2 + 1, 2
        return 0.5 * torch.randn(shape, generator=generator)

    def draw(self, coefficients: Tensor) -> Tensor:
        """Turn coefficients into planes `[M, channels, H, W]` in the range of the data."""
        rows, columns = planes(self.like).shape[2:]
        vertical = torch.fft.fftfreq(rows)[:, None]
        frequency = torch.hypot(vertical, torch.fft.rfftfreq(columns)[None])
        scale = (rows * columns) ** 0.5 / frequency.clamp(min=1 / max(rows, columns))
        spectrum = torch.view_as_complex(coefficients.contiguous()) * scale / max(rows, columns)
        picture = torch.fft.irfft2(spectrum, s=(rows, columns))
        span = (self.high - self.low) or 1.0
        share = min(max((self.middle - self.low) / span, 0.02), 0.98)
        return self.low + span * torch.sigmoid(picture + float(np.log(share / (1 - share))))

    def inputs(self, drawn: Tensor) -> Tensor:
        """Bring planes into the shape and type of the subject's inputs."""
        return flat_planes(drawn, self.like.shape[1:]).to(self.like)


@kept
def visualise(
    subject: Subject, site: Site, units: np.ndarray, scales: np.ndarray, lens: Activation
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Climb from random starts to inputs that drive units of one site.

    Parameters
    ----------
    subject, site
        Whose units.
    units
        `[K]`.
    scales
        `[K]`, standard deviation of each unit on real inputs, in which the smoothness is weighed.
    lens
        Steps, starts and reduction.

    Returns
    -------
    images, before, after
        Inputs `[K * starts, …]`, and the values of their unit `[K * starts]` before and after.
    """
    canvas = Canvas.of(subject.studied)
    generator = torch.Generator().manual_seed(subject.seed * 1000 + site.depth)
    own = torch.from_numpy(np.repeat(units, lens.starts))
    scale = torch.from_numpy(np.repeat(np.where(scales > 0, scales, 1.0), lens.starts))

    climbed = _before_relu(subject, site, lens.reduction)

    def driven(drawn: Tensor, name: str) -> Tensor:
        value = subject.gradients.engine.run(canvas.inputs(drawn), [name])[1][name]
        return reduced(value, lens.reduction).gather(1, own.to(value.device)[:, None])[:, 0].cpu()

    point = canvas.coefficients(len(own), generator).requires_grad_()
    with torch.no_grad():
        before = driven(canvas.draw(point), site.name)
    climber = torch.optim.Adam([point], lr=_RATE)
    shift = max(1, min(planes(canvas.like).shape[2:]) // _JITTER)
    for _ in range(lens.steps):
        down, right = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
        with torch.enable_grad():
            drawn = canvas.draw(point)
            value = driven(torch.roll(drawn, (down, right), (2, 3)), climbed)
            loss = (-(value / scale) + _SMOOTH * _variation(drawn, canvas)).sum()
            (point.grad,) = torch.autograd.grad(loss, point)
        climber.step()
    with torch.no_grad():
        drawn = canvas.draw(point)
        after = driven(drawn, site.name)
    return canvas.inputs(drawn), before.cpu().numpy(), after.cpu().numpy()


def _before_relu(subject: Subject, site: Site, reduction: str) -> str:
    """Return the site whose value a ReLU turns into this one's, or the site itself.

    A silent ReLU has no gradient to climb; what goes into it grows with it and always has one.
    That isn't so of a mean over positions, where positive and negative values would cancel out.
    """
    if site.positions and reduction == "mean":
        return site.name
    earlier = [s for s in subject.all_sites if s.depth < site.depth and s.shape == site.shape]
    if site.op != "relu" or not earlier:
        return site.name
    name = earlier[-1].name
    if subject.gradients.at(name):
        return site.name
    captured = subject.capture([name, site.name], subject.studied[:4])
    return name if torch.equal(captured[name].clamp(min=0), captured[site.name]) else site.name


def _variation(drawn: Tensor, canvas: Canvas) -> Tensor:
    """Mean difference of neighbouring pixels of each picture, in spans of the data: `[M]`."""
    span = (canvas.high - canvas.low) or 1.0
    down = (drawn[:, :, 1:] - drawn[:, :, :-1]).abs().mean((1, 2, 3))
    right = (drawn[..., 1:] - drawn[..., :-1]).abs().mean((1, 2, 3))
    return ((down + right) / span).double()


def alike(pixels: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate pictures `[M, F]` with those of the same unit and of other units `[M]`.

    Returns
    -------
    own, others
        `[M]`, mean correlation with the unit's other pictures, and with all of other units; NaN
        where there are none.
    """
    centred = pixels - pixels.mean(1, keepdims=True)
    length = np.sqrt((centred**2).sum(1, keepdims=True))
    unit_length = centred / np.where(length > 0, length, 1.0)
    r = unit_length @ unit_length.T
    same = units[:, None] == units
    means = list[np.ndarray]()
    for mask in (same & ~np.eye(len(units), dtype=bool), ~same):
        count = mask.sum(1)
        means.append(np.where(count > 0, (r * mask).sum(1) / np.maximum(count, 1), np.nan))
    return means[0], means[1]


def visualise_units(
    subject: Subject, lens: Activation, found: Survey, progress: Progress
) -> Finding:
    """Build `activation.visualisations` for the most class-specific units of every site."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in _NAMES}
    images = list[Tensor]()
    for done, (profile, picks) in enumerate(zip(found.profiles, found.picks, strict=True)):
        progress("visualising features", done, len(found.profiles))
        drawn, part = _site_part(subject, lens, profile, picks)
        for name, values in part.items():
            columns[name].append(values)
        images += drawn
    progress("visualising features", len(found.profiles), len(found.profiles))
    joined = {n: np.concatenate(p) if p else np.zeros(0) for n, p in columns.items()}
    table = Table.build(Visualisation, {**joined, "picture": np.arange(len(joined["unit"]))})
    arrays = (
        {"activation.visualisations": pictures(torch.cat(images), subject.studied)}
        if images
        else {}
    )
    sites = [profile.site.name for profile in found.profiles]
    missing = _missing(subject, sites)
    return Finding(
        schemas.VISUALISATIONS,
        table,
        statements=tuple(
            s for s in (_statement(joined, site, subject.seed) for site in sites) if s
        ),
        caveats=(
            "Feature visualisations are made by optimisation: nobody has to be shown anything "
            "like them for the unit to work as it does, and real examples explain units better to "
            "people (Borowski et al. 2021). They are made for units chosen for their d' on the "
            "selection split.",
            "Pictures that differ from start to start say that the unit has several maxima.",
            *missing,
        ),
        arrays=arrays,
    )


def _missing(subject: Subject, sites: Sequence[str]) -> tuple[str, ...]:
    """Say for which sites nothing is climbed, as there are no gradients."""
    if note := subject.gradients.note:
        return (f"No inputs are made up, as {note}.",)
    reasons = {site: subject.gradients.at(site) for site in sites}
    return tuple(f"None are made up for site '{s}', as {why}." for s, why in reasons.items() if why)


_NAMES = (
    "site", "unit", "start", "value", "start_value", "natural_top", "alike", "control_alike",
)  # fmt: skip


def _site_part(
    subject: Subject, lens: Activation, profile: Profile, picks: Picks
) -> tuple[list[Tensor], dict[str, np.ndarray]]:
    """Visualise the units of one site with the largest d' on the selection split."""
    rated = np.where(profile.dead, -np.inf, np.nan_to_num(profile.chosen_d, nan=-np.inf))
    units = ordered(-rated)[: lens.visualised]
    units = units[np.isfinite(rated[units])]
    if not len(units) or subject.gradients.note or subject.gradients.at(profile.site.name):
        return [], {}
    drawn, before, after = visualise(subject, profile.site, units, profile.std[-1][units], lens)
    own = np.repeat(units, lens.starts)
    alikeness = alike(drawn.flatten(1).double().cpu().numpy(), own)
    first = (picks.kind == 0) & (picks.rank == 1)  # each unit's largest value
    top = dict(zip(picks.unit[first].tolist(), picks.value[first].tolist(), strict=True))
    return [drawn], {
        "site": np.full(len(own), profile.site.name, dtype=object),
        "unit": own,
        "start": np.tile(np.arange(1, lens.starts + 1), len(units)),
        "value": after,
        "start_value": before,
        "natural_top": np.array([top[u] for u in own.tolist()]),
        "alike": alikeness[0],
        "control_alike": alikeness[1],
    }


def _statement(columns: dict[str, np.ndarray], site: str, seed: int) -> str:
    rows = columns["site"] == site
    if not rows.any():
        return ""
    units = np.unique(columns["unit"][rows]).tolist()
    means = _by_unit(columns, rows, units, ("value", "natural_top", "alike", "control_alike"))
    beyond = int((means[:, 0] > means[:, 1]).sum())
    text = (
        f"Site '{site}': feature visualisations drive {beyond} of {len(units)} units further than "
        "any evaluation example does"
    )
    if np.isnan(means[:, 2:]).any():
        return text + "."
    (own, others), (lo, hi) = means[:, 2:].mean(0), bootstrap_interval(
        means[:, 2], np.mean, seed=seed
    )  # fmt: skip
    return (
        f"{text}; pictures of one unit from different starts correlate by {own:.2f} "
        f"[{lo:.2f}, {hi:.2f}], those of different units by {others:.2f}."
    )


def _by_unit(
    columns: dict[str, np.ndarray], rows: np.ndarray, units: Sequence[int], names: Sequence[str]
) -> np.ndarray:
    """Average columns over the starts of each unit, `[K, columns]`."""
    return np.array(
        [[columns[n][rows & (columns["unit"] == unit)].mean() for n in names] for unit in units]
    )
