"""What does the model lose when each unit, one at a time, is replaced?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holistic.edits import Replacement, checked_replacement
from holistic.errors import SettingError
from holistic.findings import Table, col
from holistic.graph.engine import Stage
from holistic.progress import Progress, silent
from holistic.scores import score
from holistic.sites import Site
from holistic.stats.intervals import mean_interval
from holistic.stats.tests import benjamini_hochberg, mcnemar
from holistic.subject import Subject

__all__ = ["Tally", "UnitEffect", "replacements", "sweep", "tally"]

_BATCH = 1024


@dataclass(frozen=True)
class UnitEffect:
    """Row of the finding `ablation.units`: what replacing one unit does to one class."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    effect: float = col("mean score after minus before; negative = the unit helps", unit="score")
    lo: float = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float = col("upper end of the 95 % interval of the effect", unit="score")
    n: int = col("examples, each scored before and after", unit="examples")
    accuracy_drop: float = col(
        "accuracy before minus after; positive = the unit helps", unit="share"
    )
    lost: int = col("examples that were right before and wrong after", unit="examples")
    gained: int = col("examples that were wrong before and right after", unit="examples")
    p: float = col("exact two-sided McNemar p of lost against gained")
    q: float = col("Benjamini-Hochberg q over all sites, units and classes")


@dataclass(frozen=True)
class Tally:
    """What replacing single units of one site did to the examples of each class.

    All arrays are `[U, C]`; they merge by example, so batches can be taken in turn.

    Attributes
    ----------
    count, mean, m2
        Examples, mean of their effects, sum of squared deviations from it (float64).
    lost, gained
        Examples that turned wrong, and right.
    """

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray
    lost: np.ndarray
    gained: np.ndarray

    def merge(self, other: Tally) -> Tally:
        """Combine with the tally of other examples (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        delta = other.mean - self.mean
        return Tally(
            count,
            self.mean + delta * share,
            self.m2 + other.m2 + delta**2 * self.count * share,
            self.lost + other.lost,
            self.gained + other.gained,
        )

    def with_all(self) -> Tally:
        """Append the column of all classes together: `[U, C + 1]`."""
        total = self.count.sum(1, keepdims=True)
        mean = (self.count * self.mean).sum(1, keepdims=True) / np.maximum(total, 1)
        m2 = (self.m2 + self.count * (self.mean - mean) ** 2).sum(1, keepdims=True)
        lost, gained = (a.sum(1, keepdims=True) for a in (self.lost, self.gained))
        ends = (total, mean, m2, lost, gained)
        own = (self.count, self.mean, self.m2, self.lost, self.gained)
        return Tally(*(np.concatenate(pair, 1) for pair in zip(own, ends, strict=True)))


def sweep(
    subject: Subject,
    sites: Sequence[str] | None = None,
    edit: Replacement = "mean",
    *,
    split: Literal["evaluation", "selection"] = "evaluation",
    draws: int = 8,
    progress: Progress = silent,
) -> Table:
    """Replace every unit, one at a time, and measure what each class loses, exactly.

    Parameters
    ----------
    subject
        The model under study.
    sites
        Names of the sites; the hidden sites by default.
    edit
        `mean` (class-balanced mean over the selection split), `zero`, or `resample` (values of
        random examples of the selection split, the effect averaged over draws).
    split
        The examples that are replayed: `selection` for choosing units, `evaluation` for reporting.
    draws
        How often `resample` draws for each example.
    progress
        Told how many units are done.

    Returns
    -------
    Table
        One row per site, unit and class (and class `all`): `UnitEffect`.

    Raises
    ------
    SiteError
        If the model has no such site.
    SettingError
        If there is no such edit or split.
    """
    checked_replacement(edit)
    if split not in ("evaluation", "selection"):
        raise SettingError(f"no split '{split}'; there are 'selection', 'evaluation'")
    chosen = [subject.site(n) for n in sites] if sites is not None else subject.hidden_sites
    total = sum(site.units for site in chosen)
    done, tallies = 0, list[Tally]()
    for site in chosen:
        tallies.append(tally(subject, site, edit, split=split, draws=draws).with_all())
        done += site.units
        progress("every unit × every class", done, total)
    return _table(subject, chosen, tallies)


def tally(
    subject: Subject,
    site: Site,
    edit: Replacement,
    *,
    split: Literal["evaluation", "selection"] = "evaluation",
    draws: int = 8,
) -> Tally:
    """Replace every unit of one site on every example of a split."""
    examples = subject.evaluation if split == "evaluation" else subject.selection
    result: Tally | None = None
    for start in range(0, len(examples), _BATCH):
        images = examples.images[start : start + _BATCH]
        labels = examples.labels[start : start + _BATCH]
        batch = _batch_tally(
            subject,
            site,
            images,
            labels,
            replacements(subject, site, edit, start, len(labels), draws),
        )
        result = batch if result is None else result.merge(batch)
    assert result is not None
    return result


def replacements(
    subject: Subject, site: Site, edit: str, start: int, count: int, draws: int
) -> Iterator[Tensor]:
    """Make what removed units hold on one batch, once per draw.

    Parameters
    ----------
    subject, site
        Whose selection split the values come from.
    edit
        `mean` and `zero` have one draw, `resample` has `draws`.
    start, count
        The batch's first example, which decides its draws, and its size B.
    draws
        How often `resample` draws.

    Yields
    ------
    Tensor
        `[P…, U]` or `[B, P…, U]`.
    """
    if edit == "mean":
        yield subject.mean(site.name)
    elif edit == "zero":
        yield torch.zeros(())
    else:
        for draw in range(draws):
            seed = subject.seed + 1_000_003 * (start * draws + draw + 1)
            yield subject.draw(site.name, count, seed)


def _batch_tally(
    subject: Subject, site: Site, images: Tensor, labels: Tensor, values: Iterator[Tensor]
) -> Tally:
    effects, lost, gained, draws = 0.0, 0.0, 0.0, 0
    for value in values:
        stage = subject.stage(site.name, images, value)
        effect, worse, better = _replayed(subject, stage, labels)
        effects, lost, gained = effects + effect, lost + worse, gained + better
        draws += 1
    onehot = torch.nn.functional.one_hot(labels, len(subject.classes)).double()  # [B, C]
    effects = torch.as_tensor(effects, dtype=torch.float64) / draws  # [U, B]
    count = onehot.sum(0).expand(len(effects), -1)  # [U, C]
    mean = effects @ onehot / count.clamp_min(1)
    m2 = (effects - mean @ onehot.T).square() @ onehot
    # a flip counts where it happens in most draws, so that lost and gained stay whole numbers
    flips = [(torch.as_tensor(f) * 2 > draws).double() @ onehot for f in (lost, gained)]
    return Tally(count.long().numpy(), mean.numpy(), m2.numpy(), *(f.long().numpy() for f in flips))


def _replayed(subject: Subject, stage: Stage, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Effects `[U, B]` of each unit on each example, and where it turned wrong or right."""
    before, right = _scored(subject, stage.base, labels)
    changed = stage.changed.T.contiguous()  # [U, B]
    pairs = changed.flatten().nonzero()[:, 0]
    units, rows = pairs // len(labels), pairs % len(labels)
    scores: list[Tensor] = [before.new_empty(0)]
    rights: list[Tensor] = [right.new_empty(0)]
    for start in range(0, len(pairs), stage.chunk):
        r = rows[start : start + stage.chunk]
        logits = stage.units(units[start : start + stage.chunk], r)  # [R, C]
        after = _scored(subject, logits, labels.index_select(0, r))
        scores.append(after[0])
        rights.append(after[1])
    now = torch.cat(rights)
    was = right.index_select(0, rows)
    effects = torch.zeros(changed.shape, dtype=torch.float64)
    effects.view(-1)[pairs] = (torch.cat(scores) - before.index_select(0, rows)).double()
    lost, gained = (torch.zeros(changed.shape, dtype=torch.int32) for _ in range(2))
    lost.view(-1)[pairs] = (was & ~now).int()
    gained.view(-1)[pairs] = (~was & now).int()
    return effects, lost, gained


def _scored(subject: Subject, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Score of each row `[R]`, and whether its prediction (the first largest logit) is right."""
    margins = score(logits, labels, "margin")
    right = margins > 0
    tied = (margins == 0).nonzero()[:, 0]
    if len(tied):
        right[tied] = logits[tied].argmax(1) == labels[tied]
    own = subject.score == "margin"
    return (margins if own else subject.score_of(logits, labels)), right


def _table(subject: Subject, sites: Sequence[Site], tallies: Sequence[Tally]) -> Table:
    classes = [*subject.classes, "all"]
    flat = {
        name: np.concatenate([getattr(t, name).reshape(-1) for t in tallies])
        for name in ("count", "mean", "m2", "lost", "gained")
    }
    n = flat["count"]
    lo, hi = mean_interval(n, flat["mean"], flat["m2"])
    p = np.where(n > 0, mcnemar(flat["lost"], flat["gained"]), np.nan)
    units = np.concatenate([np.repeat(np.arange(s.units), len(classes)) for s in sites])
    names = np.concatenate([np.repeat(s.name, s.units * len(classes)) for s in sites])
    drop = (flat["lost"] - flat["gained"]) / np.maximum(n, 1)
    return Table.build(
        UnitEffect,
        {
            "site": names,
            "unit": units,
            "class": np.tile(classes, len(units) // len(classes)),
            "effect": np.where(n > 0, flat["mean"], np.nan),
            "lo": lo,
            "hi": hi,
            "n": n,
            "accuracy_drop": np.where(n > 0, drop, np.nan),
            "lost": flat["lost"],
            "gained": flat["gained"],
            "p": p,
            "q": benjamini_hochberg(p),
        },
    )
