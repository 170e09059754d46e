"""Declares the findings of the lens `tracing`: their rows, arrays, titles and lead sentences."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["DIRECTIONS", "GEOMETRY", "PATCHING", "ClassPlace", "DirectionRow", "Patched"]


@dataclass(frozen=True)
class Patched:
    """Row of the finding `tracing.patching`: one patch, over the pairs of two classes."""

    site: str = key("site whose value is patched")
    unit: int | None = key("index of the patched unit; null where the whole site is patched")
    position: int | None = key("patched position; null where all are patched", lasting=True)
    clean: str = key(
        "class whose decision is followed; 'all' for every class",
        words="class whose decision is followed",
    )
    corrupt: str = key(
        "the other class of each pair; 'all' for every other class", words="other class"
    )
    direction: str = key(
        "'denoise': clean value into the corrupt run (sufficient); "
        "'noise': corrupt value into the clean run (necessary)",
        words="patched",
    )
    recovery: Estimate = estimate(
        "share of the gap between clean and corrupt run that the patch moves; 1 = all, 0 = none, "
        "negative = away from the source",
        unit="share",
        words="share of the decision that the patch moves",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_recovery"},
        meanings={
            "lo": "lower end of the 95 % interval of the recovery",
            "hi": "upper end of the 95 % interval of the recovery",
            "control": "the same patch taken from another image of the patched run's own class",
            "control_lo": "lower end of its 95 % interval",
            "control_hi": "upper end of its 95 % interval",
            "p": "two-sided p of a recovery of 0",
            "q": "Benjamini-Hochberg q, over all rows of whole sites or all rows of units",
        },
        called={
            "control": "control (another image of the own class)",
            "control_lo": "95 % interval",
            "p": "p (two-sided)",
            "q": "q over all rows",
        },
    )
    n: int = col("pairs of a clean and a corrupt image", unit="pairs", role="n")
    images: int = col(
        "different images on the side of the pairs that has fewer, on which the interval rests",
        unit="images",
        of="recovery",
        words="different images",
    )
    excluded: int = col(
        "pairs left out: an image classified wrongly, or too small a gap",
        unit="pairs",
        of="recovery",
        words="pairs left out",
    )


PATCHING = Schema(
    "tracing.patching",
    "Activation patching",
    Patched,
    lead="Which sites and units carry the decision between two classes from one image to another?",
)


@dataclass(frozen=True)
class ClassPlace:
    """Row of the finding `tracing.geometry`: where one class lies in a site's plane."""

    site: str = key("site whose values are drawn, averaged over positions")
    class_: str = key("class", name="class")
    x: Estimate = estimate(
        "mean of the class's evaluation examples along the first principal axis of the class means "
        "of the selection split",
        unit="activation",
    )
    y: Estimate = estimate("the same along the second axis", unit="activation")
    spread_x: float = col(
        "standard deviation of the class's examples along the first axis", unit="activation"
    )
    spread_y: float = col("the same along the second axis", unit="activation")
    tilt: float = col("correlation of both coordinates inside the class")
    n: int = col("evaluation examples of the class", unit="examples", of="x y", role="n")
    share: Estimate = estimate(
        "share of the variance between the evaluation split's class means that the plane holds, "
        "jackknife-corrected for n: how much the picture shows",
        unit="share",
        words="share of the variance between classes",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_share"},
        meanings={
            "control": "the same for shuffled labels of both splits, mean over shuffles",
            "control_lo": "2.5 % quantile over the shuffles",
            "control_hi": "97.5 % quantile over the shuffles",
            "p": "share of shuffles whose plane holds as much, (1 + b) / (1 + B)",
            "q": "Benjamini-Hochberg q of p over the sites",
        },
        called={
            "control": "control (labels shuffled)",
            "control_lo": "95 % of the shuffles",
            "p": "p (shuffles, one-sided)",
            "q": "q over the sites",
        },
    )


GEOMETRY = Schema(
    "tracing.geometry",
    "How classes lie to each other",
    ClassPlace,
    lead="Where do the classes lie at each site, in the plane that shows most of their "
    "differences?",
)


@dataclass(frozen=True)
class DirectionRow:
    """Row of the finding `tracing.directions`: one class's direction at one site."""

    site: str = key("site in whose unit space the direction lies")
    class_: str = key("class that the direction tells from the rest", name="class")
    method: str = key(
        "'class_mean_difference' or 'logistic', fit on the selection split", words="direction"
    )
    auroc: Estimate = estimate(
        "how often an example of the class projects further than another (evaluation split)",
        unit="share",
        words="AUROC of the direction",
        prefix="",
        parts="lo hi n control control_hi",
        names={"control": "control_auroc", "control_hi": "control_auroc_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of the AUROC (DeLong)",
            "hi": "upper end of the 95 % interval of the AUROC (DeLong)",
            "n": "examples behind the AUROC",
            "control": (
                "mean AUROC of random directions, each with the sign that makes the class lie "
                "further along it on the selection split, as the class's own has"
            ),
            "control_hi": "97.5 % quantile of the same",
        },
        called={
            "control": "control (random directions, mean)",
            "control_hi": "97.5 % of them stay below",
        },
        neutral=0.5,
    )
    cosine: float = col(
        "cosine between the class's two directions", words="cosine of both directions"
    )
    spread: float = col(
        "standard deviation of projections onto the direction: one dose",
        unit="activation",
        words="one dose",
    )
    steer_slope: Estimate = estimate(
        "gain in score for the class per dose moved along the direction, over -2 to 2 doses",
        unit="score per SD",
        words="score gained per dose",
        prefix="steer_",
        parts="lo hi n control control_lo control_hi p q",
        names={
            "control": "control_steer_slope",
            "control_lo": "control_steer_lo",
            "control_hi": "control_steer_hi",
        },
        meanings={
            "n": "examples steered",
            "control": (
                "mean slope of random directions moved by the same lengths, each with the sign "
                "that makes the class lie further along it on the selection split"
            ),
            "control_lo": "2.5 % quantile of the same",
            "control_hi": "97.5 % quantile of the same",
            "p": "share of random directions that steer at least as much, (1+b)/(1+B)",
            "q": "Benjamini-Hochberg q of steer_p over all rows",
        },
        called={
            "control": "control (random directions)",
            "control_lo": "95 % of them",
            "p": "p (random directions, one-sided)",
            "q": "q over all rows",
        },
        signed=True,
    )
    steer_controls: int = col(
        "random directions that it is compared with", unit="directions", of="steer_slope"
    )
    erase_drop: Estimate = estimate(
        "accuracy of the class before minus after erasing the direction; positive = it is needed",
        unit="share",
        words="accuracy lost without the direction",
        prefix="erase_",
        parts="lo hi n control control_lo control_hi p q",
        names={
            "control": "control_erase_drop",
            "control_lo": "control_erase_lo",
            "control_hi": "control_erase_hi",
            "p": "p",
            "q": "q",
        },
        meanings={
            "n": "examples of the class",
            "control": "mean drop when a random direction is erased",
            "control_lo": "2.5 % quantile of the same",
            "control_hi": "97.5 % quantile of the same",
            "p": "share of random directions whose erasing costs as much, (1+b)/(1+B)",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control": "control (a random direction erased)",
            "control_lo": "95 % of them",
            "p": "p (random directions, one-sided)",
            "q": "q over all rows",
        },
        worse=1,
        signed=True,
    )
    erase_controls: int = col(
        "random directions that it is compared with", unit="directions", of="erase_drop"
    )


DIRECTIONS = Schema(
    "tracing.directions",
    "Class directions",
    DirectionRow,
    lead="Does a direction in a site's values tell each class apart, and does the model use it?",
    answers=True,
    arrays={
        "directions": Array(
            "float32",
            "classes 2 units",
            "directions of length 1 in the site's units, by class and method",
            sites=True,
        ),
        "doses": Array(
            "float32",
            "classes 2 doses",
            "mean score for the class when its direction is added at each dose",
            sites=True,
        ),
        "dose_bounds": Array(
            "float32",
            "2 classes 2 doses",
            "lower and upper end of the 95 % interval of `doses`",
            sites=True,
        ),
        "strips": Array(
            "int64",
            "classes steps",
            "examples from the least to the most along the class mean difference of the last site, "
            "at equal steps of rank; -1 for classes without",
            pictures="shown",
        ),
        "strip_images": Array(
            "uint8", "strip_images any any rgb", "these examples, each once", pictures="images"
        ),
        "strip_inputs": Array(
            "float32",
            "strip_images any any",
            "these examples where they are no pictures: numbers of tokens or features in one row, "
            "steps of a series in a row for each channel",
            pictures="values",
        ),
        "strip_ids": Array("int64", "strip_images", "their places in the data", pictures="ids"),
        "strip_labels": Array("int64", "strip_images", "their class indices", pictures="labels"),
        "strip_predictions": Array(
            "int64", "strip_images", "class indices that the model says", pictures="predictions"
        ),
    },
)
