"""Findings of the lens `tracing`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col
from holistic.results.schema import Array, Schema

__all__ = ["DIRECTIONS", "GEOMETRY", "PATCHING", "ClassPlace", "DirectionRow", "Patched"]


@dataclass(frozen=True)
class Patched:
    """Row of the finding `tracing.patching`: one patch, over the pairs of two classes."""

    site: str = col("site whose value is patched")
    unit: int | None = col("index of the patched unit; null where the whole site is patched")
    position: int | None = col("patched position; null where all are patched")
    clean: str = col(
        "class whose decision is followed; 'all' for every class",
        words="class whose decision is followed",
    )
    corrupt: str = col(
        "the other class of each pair; 'all' for every other class", words="other class"
    )
    direction: str = col(
        "'denoise': clean value into the corrupt run (sufficient); "
        "'noise': corrupt value into the clean run (necessary)",
        words="patched",
    )
    recovery: float = col(
        "share of the gap between clean and corrupt run that the patch moves; 1 = all, 0 = none, "
        "negative = away from the source",
        unit="share",
        words="share of the decision that the patch moves",
    )
    lo: float = col("lower end of the 95 % interval of the recovery", unit="share")
    hi: float = col("upper end of the 95 % interval of the recovery", unit="share")
    n: int = col("pairs of a clean and a corrupt image", unit="pairs")
    excluded: int = col(
        "pairs left out: an image classified wrongly, or too small a gap",
        unit="pairs",
        of="recovery",
        words="pairs left out",
    )
    control_recovery: float = col(
        "the same patch taken from another image of the patched run's own class",
        unit="share",
        of="recovery",
        words="control (another image of the own class)",
    )
    control_lo: float = col("lower end of its 95 % interval", unit="share", words="95 % interval")
    control_hi: float = col("upper end of its 95 % interval", unit="share")
    p: float = col("two-sided p of a recovery of 0", of="recovery", words="p (two-sided)")
    q: float = col(
        "Benjamini-Hochberg q, over all rows of whole sites or all rows of units",
        of="recovery",
        words="q over all rows",
    )


PATCHING = Schema(
    "tracing.patching",
    "Activation patching",
    Patched,
)


@dataclass(frozen=True)
class ClassPlace:
    """Row of the finding `tracing.geometry`: where one class lies in a site's plane."""

    site: str = col("site whose values are drawn, averaged over positions")
    class_: str = col("class", name="class")
    x: float = col(
        "mean of the class's evaluation examples along the first principal axis of the class means "
        "of the selection split",
        unit="activation",
    )
    x_lo: float | None = col("lower end of its 95 % interval", unit="activation")
    x_hi: float | None = col("upper end of its 95 % interval", unit="activation")
    y: float = col("the same along the second axis", unit="activation")
    y_lo: float | None = col("lower end of its 95 % interval", unit="activation")
    y_hi: float | None = col("upper end of its 95 % interval", unit="activation")
    spread_x: float = col(
        "standard deviation of the class's examples along the first axis", unit="activation"
    )
    spread_y: float = col("the same along the second axis", unit="activation")
    tilt: float = col("correlation of both coordinates inside the class")
    n: int = col("evaluation examples of the class", unit="examples", of="x y")
    share: float = col(
        "share of the variance between the evaluation split's class means that the plane holds, "
        "jackknife-corrected for n: how much the picture shows",
        unit="share",
        words="share of the variance between classes",
    )
    lo: float = col("lower end of its 95 % interval", unit="share")
    hi: float = col("upper end of its 95 % interval", unit="share")
    control_share: float = col(
        "the same for shuffled labels of both splits, mean over shuffles",
        unit="share",
        of="share",
        words="control (labels shuffled)",
    )
    control_lo: float = col(
        "2.5 % quantile over the shuffles", unit="share", words="95 % of the shuffles"
    )
    control_hi: float = col("97.5 % quantile over the shuffles", unit="share")
    p: float = col(
        "share of shuffles whose plane holds as much, (1 + b) / (1 + B)",
        of="share",
        words="p (shuffles, one-sided)",
    )
    q: float = col("Benjamini-Hochberg q of p over the sites", of="share", words="q over the sites")


GEOMETRY = Schema(
    "tracing.geometry",
    "How classes lie to each other",
    ClassPlace,
)


@dataclass(frozen=True)
class DirectionRow:
    """Row of the finding `tracing.directions`: one class's direction at one site."""

    site: str = col("site in whose unit space the direction lies")
    class_: str = col("class that the direction tells from the rest", name="class")
    method: str = col(
        "'class_mean_difference' or 'logistic', fit on the selection split", words="direction"
    )
    auroc: float = col(
        "how often an example of the class projects further than another (evaluation split)",
        unit="share",
        words="AUROC of the direction",
    )
    lo: float = col("lower end of the 95 % interval of the AUROC (DeLong)", unit="share")
    hi: float = col("upper end of the 95 % interval of the AUROC (DeLong)", unit="share")
    n: int = col("examples behind the AUROC", unit="examples", of="auroc")
    control_auroc: float = col(
        "mean AUROC of random directions, each with the sign that makes the class lie further "
        "along it on the selection split, as the class's own has",
        unit="share",
        of="auroc",
        words="control (random directions, mean)",
    )
    control_auroc_hi: float = col(
        "97.5 % quantile of the same", unit="share", words="97.5 % of them stay below"
    )
    cosine: float = col(
        "cosine between the class's two directions", words="cosine of both directions"
    )
    spread: float = col(
        "standard deviation of projections onto the direction: one dose",
        unit="activation",
        words="one dose",
    )
    steer_slope: float = col(
        "gain in score for the class per dose moved along the direction, over -2 to 2 doses",
        unit="score per SD",
        words="score gained per dose",
    )
    steer_lo: float = col("lower end of its 95 % interval", unit="score per SD")
    steer_hi: float = col("upper end of its 95 % interval", unit="score per SD")
    steer_n: int = col("examples steered", unit="examples", of="steer_slope")
    control_steer_slope: float = col(
        "mean slope of random directions moved by the same lengths, each with the sign that makes "
        "the class lie further along it on the selection split",
        unit="score per SD",
        of="steer_slope",
        words="control (random directions)",
    )
    control_steer_lo: float = col(
        "2.5 % quantile of the same", unit="score per SD", words="95 % of them"
    )
    control_steer_hi: float = col("97.5 % quantile of the same", unit="score per SD")
    steer_controls: int = col(
        "random directions that it is compared with", unit="directions", of="steer_slope"
    )
    steer_p: float = col(
        "share of random directions that steer at least as much, (1+b)/(1+B)",
        of="steer_slope",
        words="p (random directions, one-sided)",
    )
    steer_q: float = col(
        "Benjamini-Hochberg q of steer_p over all rows", of="steer_slope", words="q over all rows"
    )
    erase_drop: float = col(
        "accuracy of the class before minus after erasing the direction; positive = it is needed",
        unit="share",
        words="accuracy lost without the direction",
    )
    erase_lo: float = col("lower end of its 95 % interval", unit="share")
    erase_hi: float = col("upper end of its 95 % interval", unit="share")
    erase_n: int = col("examples of the class", unit="examples", of="erase_drop")
    control_erase_drop: float = col(
        "mean drop when a random direction is erased",
        unit="share",
        of="erase_drop",
        words="control (a random direction erased)",
    )
    control_erase_lo: float = col("2.5 % quantile of the same", unit="share", words="95 % of them")
    control_erase_hi: float = col("97.5 % quantile of the same", unit="share")
    erase_controls: int = col(
        "random directions that it is compared with", unit="directions", of="erase_drop"
    )
    p: float = col(
        "share of random directions whose erasing costs as much, (1+b)/(1+B)",
        of="erase_drop",
        words="p (random directions, one-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over all rows", of="erase_drop", words="q over all rows"
    )


DIRECTIONS = Schema(
    "tracing.directions",
    "Class directions",
    DirectionRow,
    answers=True,
    arrays={
        "directions": Array("float32", "classes 2 units", sites=True),
        "doses": Array("float32", "classes 2 doses", sites=True),
        "dose_bounds": Array("float32", "2 classes 2 doses", sites=True),
    },
)
