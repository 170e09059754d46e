"""Measures the orientation and frequency that units are tuned to: `activation.tuning`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.activation import schemas
from holistic.lenses.activation._fields import seen_weights
from holistic.lenses.activation._stimuli import Stimuli
from holistic.lenses.activation.schemas import TuningRow
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import middle
from holistic.stats.families import familywise, least_q
from holistic.stats.intervals import bootstrap_interval, wilson
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject
from holistic.words import number, percent

if TYPE_CHECKING:
    from holistic.lenses.activation._untrained import Compared

__all__ = ["Tuning", "tuned", "tuning_finding"]

_TRACE = 0.1
"""Standard deviations on real inputs below which a response doesn't count."""


@dataclass(frozen=True)
class Tuning:
    """How the units of a site are tuned to one kind of stimuli, `[U]` each.

    Attributes
    ----------
    curve
        `[O, U]`, mean response at the preferred frequency.
    orientation, lo, hi
        Degrees; NaN where the unit responds to nothing.
    tuning, tuning_lo, tuning_hi
        1 - circular variance, and its bounds.
    index
        Orientation selectivity index.
    frequency, peak
        Preferred frequency, NaN for bars and edges; response at the preferred orientation.
    """

    curve: np.ndarray
    orientation: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    tuning: np.ndarray
    tuning_lo: np.ndarray
    tuning_hi: np.ndarray
    index: np.ndarray
    frequency: np.ndarray
    peak: np.ndarray


def tuned(
    responses: np.ndarray,
    shown: Stimuli,
    spread: np.ndarray,
    *,
    bounded: bool = True,
) -> Tuning:
    """Fit the tuning of units: choose on the first half of the repeats, measure on the second.

    The preferred orientation is that of the first harmonic of the curve, the least-squares fit of
    a cosine with a period of 180 degrees. Responses below zero have no circular variance: for
    units that have some, the smallest value of the curve counts as zero.

    Parameters
    ----------
    responses
        `[O * F * T, U]`, in the order of the stimuli.
    shown
        The stimuli.
    spread
        `[U]`, standard deviation of the units on real inputs. A unit whose largest mean response
        is below a tenth of it doesn't respond: a trace of a response is always sharp.
    bounded
        Whether bounds are wanted.

    References
    ----------
    Ringach, Shapley & Hawken 2002 (circular variance); Batschelet 1981 (the first harmonic).
    """
    arranged = shown.arranged(responses)  # [O, F, T, U]
    half = shown.repeats // 2
    units = np.arange(responses.shape[1])
    chosen = arranged[:, :, :half].mean(2)  # [O, F, U]
    frequency = chosen.max(0).argmax(0)  # [U]
    best = chosen[:, frequency, units].argmax(0)  # [U]
    measured = arranged[:, :, half:].transpose(0, 2, 1, 3)[:, :, frequency, units]  # [O, T', U]
    curve = measured.mean(1)
    negative = (curve < 0).any(0)
    raised = curve - np.where(negative, curve.min(0), 0)
    total = raised.sum(0)
    wave = np.exp(2j * np.deg2rad(shown.orientations))
    vector = np.tensordot(wave, measured, (0, 0))  # [T', U]; a constant has no first harmonic
    mean = vector.mean(0)
    silent = (total <= 0) | (np.abs(curve).max(0) <= _TRACE * spread)
    safe = np.where(silent, 1.0, total)
    sharpness = np.where(silent, np.nan, np.abs(mean) / safe)
    opposite = (best + len(wave) // 2) % len(wave)
    ends = raised[best, units], raised[opposite, units]
    both = ends[0] + ends[1]
    defined = ~silent & (both > 0)
    index = np.where(defined, (ends[0] - ends[1]) / np.where(defined, both, 1), np.nan)
    angle = np.where(silent, np.nan, np.rad2deg(np.angle(mean)) / 2)
    sums = (measured - np.where(negative, curve.min(0), 0)).sum(0)  # [T', U]
    ends = _bounds(vector if bounded else vector[:1], sums, mean, sharpness)
    lo, hi, least, most = (np.where(silent, np.nan, end) for end in ends)
    return Tuning(
        curve, angle % 180, angle % 180 + lo, angle % 180 + hi, sharpness, least, most, index,
        shown.frequencies[frequency], curve[best, units],
    )  # fmt: skip


def _bounds(
    vector: np.ndarray, sums: np.ndarray, mean: np.ndarray, sharpness: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Bound angle and sharpness by leaving out one repeat at a time.

    The repeats are few, so the bounds are Student's t of the pseudo-values, which also take off
    that the length of a mean of vectors is too large by its noise. Where all repeats say the same
    nothing is known of how much others would differ, and there are no bounds.

    Parameters
    ----------
    vector, sums
        `[T, U]`, first harmonic and sum over the orientations of each repeat.
    mean, sharpness
        `[U]`, mean of the vectors, and its length as a share of the mean sum.

    Returns
    -------
    lo, hi, least, most
        `[U]` each: degrees of orientation relative to that of the mean, and bounds in [0, 1].

    References
    ----------
    Tukey 1958 (pseudo-values); Fisher 1993, sect. 4.4 (angles).
    """
    from scipy.special import stdtrit

    count = len(vector)
    if count < 2:
        return (np.full(len(mean), np.nan),) * 4
    left = (vector.sum(0) - vector) / (count - 1)  # [T, U]
    total = (sums.sum(0) - sums) / (count - 1)
    turned = np.rad2deg(np.angle(left * np.conj(mean)) / 2)
    sharp = np.abs(left) / np.where(total > 0, total, np.inf)
    reach = float(stdtrit(count - 1, 0.975)) / np.sqrt(count)
    angle = reach * (-(count - 1) * turned).std(0, ddof=1)
    pseudo = count * sharpness - (count - 1) * sharp
    half, middle = reach * pseudo.std(0, ddof=1), pseudo.mean(0)
    angle, half = (np.where(wide > 1e-9, wide, np.nan) for wide in (angle, half))
    # a circle of orientations has 180 degrees
    angle = np.minimum(angle, 90.0)
    least = np.minimum(middle - half, sharpness)
    most = np.maximum(middle + half, sharpness)
    return -angle, angle, np.clip(least, 0, 1), np.clip(most, 0, 1)


def tuning_finding(subject: Subject, compared: Compared) -> Finding:
    """Build `activation.tuning`, the curves, and the weights of the first layer as pictures."""
    columns: dict[str, list[np.ndarray]] = {}
    arrays = dict[str, np.ndarray]()
    for place, site in enumerate(compared.sites):
        for kind, found in compared.tunings[site.name].items():
            part = _columns(site, kind, found, compared)
            for name, values in part.items():
                columns.setdefault(name, []).append(values)
            arrays[f"activation.tuning.{place}.{kind}"] = found.curve.T.astype(np.float32)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    joined["q"] = benjamini_hochberg(joined["p"])
    weights = seen_weights(subject)
    if weights is not None:
        arrays["activation.weights"] = weights.cpu().numpy()
    return Finding(
        schemas.TUNING,
        Table.build(TuningRow, joined),
        statements=tuple(_statement(joined, site, compared) for site in compared.sites),
        caveats=(
            "Stimuli lie outside the data: tuning says what a unit's weights pick out, not that it "
            "meets such edges in the images.",
            "Random filters are tuned too, so the control are the units of the same site in "
            f"{compared.copies} randomly initialised controls; the share of them that is as sharp "
            "is p.",
            "For units that go below zero the smallest value of the curve counts as zero.",
        ),
        arrays=arrays,
    )


def _columns(site: Site, kind: str, found: Tuning, compared: Compared) -> dict[str, np.ndarray]:
    control = compared.control(site.name, f"tuning {kind}")  # [copies, U]
    shown = compared.stimuli[kind]
    return {
        "site": np.full(site.units, site.name, dtype=object),
        "unit": np.arange(site.units),
        "stimulus": np.full(site.units, kind, dtype=object),
        "orientation": found.orientation,
        "lo": found.lo,
        "hi": found.hi,
        "tuning": found.tuning,
        "tuning_lo": found.tuning_lo,
        "tuning_hi": found.tuning_hi,
        "orientation_index": found.index,
        "frequency": found.frequency,
        "peak": found.peak,
        "n": np.full(site.units, len(shown.orientations) * (shown.repeats - shown.repeats // 2)),
        "control_tuning": np.full(site.units, _median(control)),
        "p": compared.p_of(site.name, f"tuning {kind}", found.tuning),
    }


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _statement(columns: dict[str, np.ndarray], site: Site, compared: Compared) -> str:
    rows = (columns["site"] == site.name) & (columns["stimulus"] == "grating")
    sharp = columns["tuning"][rows]
    responding = int(np.isfinite(sharp).sum())
    if not responding:
        return f"Site '{site.name}': no unit responds to gratings."
    low, high = bootstrap_interval(sharp[np.isfinite(sharp)], np.median, seed=0)
    middles = np.array([_median(copy) for copy in compared.control(site.name, "tuning grating")])
    ends = middle(middles[np.isfinite(middles)])
    p = familywise(np.array([_median(sharp)]), middles[:, None])[0][0]
    return (
        f"Site '{site.name}': the median unit's tuning to the orientation of gratings is "
        f"{_median(sharp):.2f} [{number(low)}, {number(high)}] (over {responding} responding "
        f"units; 1 = one orientation only), that of {compared.copies} randomly initialised "
        f"controls {number(ends[0])}, 95 % of them in [{number(ends[1])}, {number(ends[2])}] "
        f"(p = {number(p, '.2g')}). " + _of_single_units(columns, site, compared)
    )


def _of_single_units(columns: dict[str, np.ndarray], site: Site, compared: Compared) -> str:
    """Say how many units stand out, or why the test can't tell."""
    rows = (columns["site"] == site.name) & (columns["stimulus"] == "grating")
    tests = int(np.isfinite(columns["p"]).sum())
    beyond = int((columns["q"][rows] < 0.05).sum())
    responding = int(np.isfinite(columns["tuning"][rows]).sum())
    few, least = (
        least_q(compared.floor_of(site.name, "tuning grating", largest), tests)
        for largest in (np.inf, 1.0)
    )
    if not beyond and least >= 0.05:
        why = (
            f"with {compared.copies} controls no unit by itself can have a q below {few:.2g}; more "
            "`controls` would tell"
            if few >= 0.05
            else "so many randomly initialised units are as sharp as can be that no unit by itself "
            f"can have a q below {least:.2g}"
        )
        return f"Whether single units are tuned more sharply can't be told: {why}."
    lo, hi = wilson(beyond, responding)
    return (
        f"{beyond} of {responding} ({percent(beyond / responding, lo, hi, decimals=0)}) are tuned "
        "more sharply than randomly initialised units at q < 0.05."
    )
