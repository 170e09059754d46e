"""In which score does a class lose by a unit, and is the loss about the class?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.findings import Finding
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.effects import SCORES, ClassMeans, class_means, unit_effects_on
from holistic.lenses.ablation.extents import affordable, between
from holistic.progress import Progress
from holistic.scores import SCORE_UNITS
from holistic.sites import Site
from holistic.stats.intervals import mean_interval, paired_accuracy_interval
from holistic.stats.tests import benjamini_hochberg, mcnemar, mean_p
from holistic.subject import Subject
from holistic.tables import Table, col
from holistic.words import percent

__all__ = ["ScoreEffect", "SignFlips", "score_units"]


@dataclass(frozen=True)
class ScoreEffect:
    """Row of `ablation.scores`: what replacing one unit does to one class in one score."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    score: str = col("'margin' and 'logit' in logits, 'log_prob' in nats, 'accuracy' as a share")
    effect: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    lo: float = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float = col("upper end of the 95 % interval of the effect", unit="score")
    n: int = col("evaluation examples, each scored before and after", unit="examples")
    lost: int = col(
        "examples that were right before and wrong after",
        unit="examples",
        words="right before and wrong after",
    )
    gained: int = col(
        "examples that were wrong before and right after",
        unit="examples",
        words="wrong before and right after",
    )
    p: float = col(
        "two-sided p of the effect: exact McNemar for accuracy, else paired t",
        of="effect",
        words="p (paired t; accuracy: McNemar; two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q over all sites, units and classes, for each score",
        of="effect",
        words="q over all sites, units and classes",
    )
    familywise: float | None = col(
        "p of the effect among the largest of the whole family under random signs (max-T)",
        of="effect",
        words="p (largest of the family under random signs)",
    )
    specific: float = col(
        "effect on the class's score beyond that on the other labels of the same examples and "
        "beyond that on the same label of all examples; negative = the unit helps the class where "
        "it is right to, 0 expected under shuffled labels",
        unit="score",
        words="effect on this class beyond the others'",
    )
    specific_lo: float = col("lower end of its 95 % interval (Student)", unit="score")
    specific_hi: float = col("upper end of its 95 % interval (Student)", unit="score")
    specific_p: float = col(
        "two-sided p of it, by the same tests", of="specific", words="p (two-sided)"
    )
    specific_q: float = col(
        "Benjamini-Hochberg q of it, for each score",
        of="specific",
        words="q over all sites, units and classes",
    )
    shuffled: float = col(
        "the same with the labels shuffled: the control",
        unit="score",
        of="specific",
        words="control (labels shuffled)",
    )
    shuffled_q: float = col(
        "Benjamini-Hochberg q of the control, for each score",
        of="specific",
        words="q of the control",
    )


class SignFlips:
    """The largest statistic of a family when the sign of each example's difference is random.

    The statistic of a test is |Σd| / √Σd², which grows with |t| and whose lower part no flip of
    signs changes; every test of the family sees the same signs, so that their dependence is kept.

    References
    ----------
    Westfall & Young 1993, Resampling-based multiple testing, section 2.6 (single-step max-T).
    """

    def __init__(self, flips: int, seed: int) -> None:
        self.seed = seed
        self.largest = np.zeros(flips)

    def observe(self, differences: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
        """Fold a site's differences `[U, B]` in and return their statistics `[U, C + 1]`."""
        rng = np.random.default_rng(self.seed)
        signs = 1.0 - 2 * rng.integers(0, 2, (len(self.largest), len(labels)))  # [F, B]
        root = np.empty((len(differences), classes + 1))
        total, observed = np.zeros((len(self.largest), len(differences))), np.empty_like(root)
        for c in range(classes + 1):
            rows = labels == c if c < classes else np.full(len(labels), fill_value=True)
            root[:, c] = np.sqrt((differences[:, rows] ** 2).sum(1))
            sums = signs[:, rows] @ differences[:, rows].T if c < classes else total  # [F, U]
            total = total + sums
            scale = np.where(root[:, c] > 0, root[:, c], np.inf)
            self.largest = np.maximum(self.largest, (np.abs(sums) / scale).max(1))
            observed[:, c] = np.abs(differences[:, rows].sum(1)) / scale
        return observed

    def p(self, observed: np.ndarray) -> np.ndarray:
        """Return the family-wise p of statistics, NaN without flips."""
        if len(self.largest) == 0:
            return np.full(observed.shape, np.nan)
        # sums in another order may differ in the last bits: such draws are ties
        below = np.searchsorted(np.sort(self.largest), observed * (1 - 1e-12))
        return (1 + len(self.largest) - below) / (1 + len(self.largest))


def score_units(subject: Subject, lens: Ablation, progress: Progress) -> Finding:
    """Replace every hidden unit on some evaluation examples and measure all four scores."""
    sites, parts = subject.hidden_sites, list[dict[str, np.ndarray]]()
    flips = [SignFlips(lens.familywise, subject.seed) for _ in SCORES]
    for done, site in enumerate(sites):
        progress("units in every score", done, len(sites))
        parts.append(_site_columns(subject, site, lens, flips))
    progress("units in every score", len(sites), len(sites))
    columns = {name: np.concatenate([p[name] for p in parts], -1) for name in parts[0]}
    observed = columns.pop("observed")  # [S, rows]
    columns["familywise"] = np.stack(
        [flip.p(stats) for flip, stats in zip(flips, observed, strict=True)]
    )
    columns["q"] = np.stack([benjamini_hochberg(p) for p in columns["p"]])
    columns["specific_q"] = np.stack([benjamini_hochberg(p) for p in columns["specific_p"]])
    control = columns.pop("shuffled_p")
    columns["shuffled_q"] = np.stack([benjamini_hochberg(p) for p in control])
    table = Table.build(ScoreEffect, {name: v.T.reshape(-1) for name, v in columns.items()})
    return Finding("ablation.scores", table, _statements(subject, table), _caveats(subject, table))


def _site_columns(
    subject: Subject, site: Site, lens: Ablation, flips: list[SignFlips]
) -> dict[str, np.ndarray]:
    """Columns `[S, U·(C + 1)]`."""
    examples = affordable(subject, site, lens, site.units)
    labels, names = examples.labels.cpu().numpy(), np.array([*subject.classes, "all"])
    effects = unit_effects_on(subject, site, examples, lens.edit, SCORES)
    classes = len(subject.classes)
    own, specific, control = (
        class_means(values, groups, classes)
        for values, groups in (
            (effects.own, labels),
            (effects.specific, labels),
            (effects.shuffled, effects.random_labels),
        )
    )
    lost, gained = _flips(effects.own[SCORES.index("accuracy")], labels, classes)
    chance = _flips(effects.shuffled_flips, effects.random_labels, classes)
    observed = [
        flip.observe(d, labels, classes) if lens.familywise else np.zeros(lost.shape)
        for flip, d in zip(flips, effects.own, strict=True)
    ]
    ends = mean_interval(specific.count, specific.mean, specific.m2)
    columns = {
        "site": np.full(own.mean.shape, site.name),
        "unit": np.broadcast_to(np.arange(site.units)[:, None], own.mean.shape),
        "class": np.broadcast_to(names, own.mean.shape),
        "score": np.broadcast_to(np.array(SCORES)[:, None, None], own.mean.shape),
        **_tested(own, lost, gained),
        "n": own.count,
        "lost": np.broadcast_to(lost, own.mean.shape),
        "gained": np.broadcast_to(gained, own.mean.shape),
        "specific": specific.mean,
        "specific_lo": ends[0],
        "specific_hi": ends[1],
        "specific_p": _tested(specific, lost, gained)["p"],
        "shuffled": control.mean,
        "shuffled_p": _tested(control, *chance)["p"],
        "observed": np.stack(observed),
    }
    return {name: values.reshape(len(SCORES), -1) for name, values in columns.items()}


def _flips(right: np.ndarray, labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """Examples that turned wrong, and right, `[U, C + 1]` each, from changes of being right."""
    flipped = [class_means((right == s).astype(float), labels, classes) for s in (-1, 1)]
    return [np.rint(np.nan_to_num(f.mean) * f.count).astype(int) for f in flipped]


def _tested(means: ClassMeans, lost: np.ndarray, gained: np.ndarray) -> dict[str, np.ndarray]:
    """Interval and p of each score's effects `[S, U, C + 1]`."""
    lo, hi = mean_interval(means.count, means.mean, means.m2)
    p = mean_p(means.count, means.mean, means.m2)
    last, n = SCORES.index("accuracy"), means.count[0]
    lo[last], hi[last] = paired_accuracy_interval(lost, gained, n)
    p[last] = np.where(n > 0, mcnemar(lost, gained), np.nan)
    return {"effect": means.mean, "lo": lo, "hi": hi, "p": p}


def _statements(subject: Subject, table: Table) -> tuple[str, ...]:
    """Count, per score, the units and classes that are changed, and changed as a class."""
    lines = list[str]()
    classed = table.column("class") != "all"
    for name in SCORES:
        rows = (table.column("score") == name) & classed & ~np.isnan(table.column("p"))
        if not rows.any():
            lines.append(f"In {name}, no effect can be tested: no class has two examples.")
            continue
        share, special, control = (
            (table.column(c)[rows] < 0.05).mean() for c in ("q", "specific_q", "shuffled_q")
        )
        strict = int((table.column("familywise")[rows] < 0.05).sum())
        size = np.median(np.abs(table.column("effect")[rows]))
        n = between(table.column("n")[rows])
        lines.append(
            f"In {name} ({SCORE_UNITS[name]}), {percent(share)} of the {int(rows.sum()):,} effects "
            f"of a unit on a class differ from 0 (q < 0.05, n = {n}, median {size:.2g} either "
            f"way), {strict} of them at a family-wise p < 0.05. {percent(special)} are specific "
            "to the class: they differ from the effects on the other labels of the same examples "
            "and on the same label of all examples (q < 0.05; shuffled labels: "
            f"{percent(control)})."
        )
    return tuple(lines)


def _caveats(subject: Subject, table: Table) -> tuple[str, ...]:
    n = table.where(class_="all").column("n")
    return (
        f"Measured on {between(n)} of {len(subject.evaluation)} evaluation "
        "examples, stratified, with one draw each where the replacement is random.",
        "A t test of the plain effect is significant also where removing a unit only lowers every "
        "logit; `specific` compares with the labels that an example doesn't have, and with the "
        "examples that don't have the label.",
        "`logit` and `log_prob` have the same `specific`: what they differ in is common to all "
        "labels of an example.",
        "Random signs take each difference to be as likely as its negative where nothing is there.",
    )
