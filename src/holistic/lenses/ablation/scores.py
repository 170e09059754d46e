"""Removes every unit, one at a time, and measures all scores and what is specific to classes."""

from __future__ import annotations

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import afforded_examples
from holistic.lenses.ablation._effects import SCORES, label_effects
from holistic.lenses.ablation._specific import Null, Shuffled, Specific
from holistic.lenses.ablation.schemas import ScoreEffect
from holistic.lenses.ablation.scores_statements import score_caveats, score_statements
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import middle
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg, mcnemar, p_of_count
from holistic.study.subject import Subject

__all__ = ["SignFlips", "score_units"]


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
        return p_of_count(len(self.largest) - below, len(self.largest))


def score_units(subject: Subject, lens: Ablation, progress: Progress) -> Finding:
    """Replace every hidden unit on some evaluation examples and measure all four scores."""
    sites, parts = subject.hidden_sites, list[dict[str, np.ndarray]]()
    flips = [SignFlips(lens.familywise, subject.seed) for _ in SCORES]
    nulls, found = [Null() for _ in SCORES], list[list[Specific]]()
    for done, site in enumerate(sites):
        progress("units in every score", done, len(sites))
        columns, specific = _site_columns(subject, site, lens, flips, nulls)
        parts.append(columns)
        found.append(specific)
    progress("units in every score", len(sites), len(sites))
    columns = {name: np.concatenate([p[name] for p in parts], -1) for name in parts[0]}
    observed = columns.pop("observed")  # [S, rows]
    columns["familywise"] = np.stack(
        [flip.p(stats) for flip, stats in zip(flips, observed, strict=True)]
    )
    columns["q"] = np.stack([benjamini_hochberg(p) for p in columns["p"]])
    of_score = [Specific.concatenate(one) for one in zip(*found, strict=True)]
    specific = [_specific_columns(*pair) for pair in zip(of_score, nulls, strict=True)]
    columns |= {name: np.stack([one[name] for one in specific]) for name in specific[0]}
    for name in ("specific", "shuffled"):
        columns[f"{name}_q"] = benjamini_hochberg(columns[f"{name}_p"])
    del columns["shuffled_p"]
    table = Table.build(ScoreEffect, {name: v.T.reshape(-1) for name, v in columns.items()})
    return Finding(schemas.SCORES, table, score_statements(table), score_caveats(subject, table))


def _specific_columns(found: Specific, null: Null) -> dict[str, np.ndarray]:
    """Columns `[rows]` of what is specific to classes in one score."""
    p = null.p(found.surprise)
    columns = {
        "specific": found.value,
        "specific_lo": found.lo,
        "specific_hi": found.hi,
        "specific_p": p,
        "shuffled": found.shuffled,
        "shuffled_lo": found.shuffled_lo,
        "shuffled_hi": found.shuffled_hi,
        "shuffled_p": null.p(found.first),
    }
    return {name: values.reshape(-1) for name, values in columns.items()}


def _site_columns(
    subject: Subject,
    site: Site,
    lens: Ablation,
    flips: list[SignFlips],
    nulls: list[Null],
) -> tuple[dict[str, np.ndarray], list[Specific]]:
    """Columns `[S, U·(C + 1)]`, and what is specific to classes in each score."""
    examples = afforded_examples(subject, site, lens, site.units)
    labels, names = examples.labels.cpu().numpy(), np.array([*subject.classes, "all"])
    classes, rows = len(subject.classes), np.arange(len(labels))
    every = sum(one.units for one in subject.hidden_sites)
    shuffled = Shuffled(labels, classes, units=every, seed=subject.seed)
    own, specific = list[np.ndarray](), list[list[Specific]]()
    for _, effects in label_effects(subject, site, examples, lens.edit, SCORES):
        values = effects.numpy()  # [S, U', B, C]
        own.append(values[:, :, rows, labels])
        specific.append(_specific(shuffled, values, nulls))
    whole = np.concatenate(own, 1)  # [S, U, B]
    means = Means.by_class(whole, labels, classes)  # [S, U, C + 1]
    lost, gained = _flips(whole[SCORES.index("accuracy")], labels, classes)
    observed = [
        flip.observe(d, labels, classes) if lens.familywise else np.zeros(lost.shape)
        for flip, d in zip(flips, whole, strict=True)
    ]
    shape = means.mean.shape
    columns = {
        "site": np.full(shape, site.name),
        "unit": np.broadcast_to(np.arange(site.units)[:, None], shape),
        "class": np.broadcast_to(names, shape),
        "score": np.broadcast_to(np.array(SCORES)[:, None, None], shape),
        **_tested(means, lost, gained),
        "n": means.count,
        "lost": np.broadcast_to(lost, shape),
        "gained": np.broadcast_to(gained, shape),
        "observed": np.stack(observed),
    }
    whole_site = {name: values.reshape(len(SCORES), -1) for name, values in columns.items()}
    parts = [Specific.concatenate(one) for one in zip(*specific, strict=True)]
    return whole_site, parts


def _specific(shuffled: Shuffled, effects: np.ndarray, nulls: list[Null]) -> list[Specific]:
    """What is specific in each score `[S, U, B, C]`.

    Log-probabilities differ from logits by what is common to all labels of an example.
    """
    found = dict[str, Specific]()
    for name, values, null in zip(SCORES, effects, nulls, strict=True):
        if name != "log_prob":
            found[name] = shuffled.specific(values, null)
    same = SCORES.index("logit"), SCORES.index("log_prob")
    nulls[same[1]].kept = nulls[same[0]].kept
    found["log_prob"] = found["logit"]
    return [found[name] for name in SCORES]


def _flips(right: np.ndarray, labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """Examples that turned wrong, and right, `[U, C + 1]` each, from changes of being right."""
    member = np.eye(classes)[labels]
    member = np.concatenate([member, np.ones((len(labels), 1))], 1)
    return [np.rint((right == way).astype(float) @ member).astype(int) for way in (-1, 1)]


def _tested(means: Means, lost: np.ndarray, gained: np.ndarray) -> dict[str, np.ndarray]:
    """Interval, control and p of each score's effects `[S, U, C + 1]`."""
    (lo, hi), p = means.interval(), means.p()
    last, n = SCORES.index("accuracy"), means.count[0]
    lo[last], hi[last] = paired_accuracy_interval(lost, gained, n)
    p[last] = np.where(n > 0, mcnemar(lost, gained), np.nan)
    # a class without examples has no effects
    known = np.where(means.count > 0, means.mean, 0.0)
    usual = middle(known, 1)[:, :, None]  # [3, S, 1, C + 1]
    usual = np.where(means.count > 0, usual, np.nan)
    names = ("control_effect", "control_lo", "control_hi")
    control = dict(zip(names, usual, strict=True))
    return {"effect": means.mean, "lo": lo, "hi": hi, **control, "p": p}
