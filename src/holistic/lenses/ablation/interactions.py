"""Do two units do more, or less, together than apart?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from holistic.findings import Finding, Table, col
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.extents import sampled
from holistic.lenses.ablation.rankings import unit_effects
from holistic.progress import Progress
from holistic.scores import SCORE_UNITS
from holistic.sites import Site
from holistic.stats.intervals import mean_interval
from holistic.stats.moments import Moments
from holistic.stats.tests import benjamini_hochberg, mean_p
from holistic.subject import Examples, Subject
from holistic.sweeps import replacements

__all__ = ["Interaction", "find_interactions"]

_BATCH = 1024
_EXAMPLES = 2048
_ROUNDING = 32 * float(np.finfo(np.float32).eps)
"""Share of the scores involved below which an example's interaction is rounding, that is none."""


@dataclass(frozen=True)
class Interaction:
    """Row of `ablation.interactions`: two units removed together against one at a time."""

    site: str = col("site of both units")
    unit_a: int = col("index of the first unit")
    unit_b: int = col("index of the second unit")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    kind: str = col(
        "'top' for pairs of the units with the largest effects on the selection "
        "split, 'random' for the control pairs"
    )
    effect_a: float = col("mean score change without the first unit", unit="score")
    effect_b: float = col("mean score change without the second unit", unit="score")
    effect_ab: float = col("mean score change without both", unit="score")
    interaction: float = col(
        "effect_ab - effect_a - effect_b; negative = they stand in for each other (redundancy), "
        "positive = they work only together (synergy)",
        unit="score",
    )
    lo: float = col("lower end of the 95 % interval of the interaction", unit="score")
    hi: float = col("upper end of the 95 % interval of the interaction", unit="score")
    n: int = col("evaluation examples", unit="examples")
    p: float = col("two-sided p of the paired t test of the interaction")
    q: float = col("Benjamini-Hochberg q over all pairs and classes")


@dataclass(frozen=True)
class _Sums:
    """Examples, mean effect and squared deviations, `[C + 1, G]` each; all classes come last."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray


def find_interactions(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Finding:
    """Measure all pairs among the strongest units of each site, and as many random pairs."""
    sites, parts = subject.hidden_sites, list[dict[str, np.ndarray]]()
    for done, site in enumerate(sites):
        progress("pairs of units", done, len(sites))
        if site.units >= 2:
            parts.append(_site_pairs(subject, site, lens, chosen))
    progress("pairs of units", len(sites), len(sites))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = Table.build(Interaction, {**columns, "q": benjamini_hochberg(columns["p"])})
    unit = SCORE_UNITS[subject.score]
    return Finding(
        "ablation.interactions",
        table,
        tuple(_statement(table, site.name, unit) for site in sites if site.units >= 2),
        caveats=(
            f"Pairs are those among the {lens.partners} units of a site with the largest effects "
            "on the selection split: pairs of units that are harmless alone aren't searched.",
            *_sampling(subject),
        ),
    )


def _sampling(subject: Subject) -> tuple[str, ...]:
    whole, some = len(subject.evaluation), len(_examples(subject))
    if some == whole:
        return ()
    return (f"Pairs are measured on {some} of {whole} evaluation examples, stratified.",)


def _examples(subject: Subject) -> Examples:
    return sampled(subject.evaluation, max(_EXAMPLES, 2 * len(subject.classes)), subject.seed)


def _pairs(subject: Subject, site: Site, lens: Ablation, chosen: Table) -> list[tuple[int, int]]:
    """Pairs of the strongest units, then as many pairs of random units."""
    effects = unit_effects(subject, site, chosen)  # [C, U]
    strongest = np.argsort(-np.nanmax(np.abs(effects), axis=0), kind="stable")[: lens.partners]
    top = list(combinations(sorted(strongest.tolist()), 2))
    every = np.stack(np.triu_indices(site.units, 1), 1)  # [pairs, 2]
    others = every[~np.isin(every @ [site.units, 1], np.array(top) @ [site.units, 1])]
    rng = np.random.default_rng([subject.seed, site.depth, 2])
    picked = np.sort(rng.permutation(len(others))[: len(top)])
    return top + [(a, b) for a, b in others[picked].tolist()]


def _site_pairs(
    subject: Subject, site: Site, lens: Ablation, chosen: Table
) -> dict[str, np.ndarray]:
    pairs = _pairs(subject, site, lens, chosen)
    top = len(list(combinations(range(min(lens.partners, site.units)), 2)))
    units = sorted({u for pair in pairs for u in pair})
    masks = torch.zeros(len(units) + len(pairs), site.units, dtype=torch.bool)
    for g, members in enumerate([*((u,) for u in units), *pairs]):
        masks[g, list(members)] = True
    first, second = (np.array([units.index(p[i]) for p in pairs]) for i in (0, 1))
    sums = _pair_moments(subject, site, lens, masks, first, second)
    together, alone = sums["together"], sums["alone"]
    interaction = sums["interaction"]
    lo, hi = mean_interval(interaction.count, interaction.mean, interaction.m2)
    p = mean_p(interaction.count, interaction.mean, interaction.m2)
    classes = [*subject.classes, "all"]
    rows, width = len(pairs), len(classes)
    return {
        "site": np.repeat(np.array([site.name]), rows * width),
        "unit_a": np.repeat([a for a, _ in pairs], width),
        "unit_b": np.repeat([b for _, b in pairs], width),
        "class": np.tile(np.array(classes), rows),
        "kind": np.repeat(np.array(["top"] * top + ["random"] * (rows - top)), width),
        "effect_a": alone.mean[:, first].T.reshape(-1),
        "effect_b": alone.mean[:, second].T.reshape(-1),
        "effect_ab": together.mean.T.reshape(-1),
        "interaction": interaction.mean.T.reshape(-1),
        "lo": lo.T.reshape(-1),
        "hi": hi.T.reshape(-1),
        "n": interaction.count.T.reshape(-1).astype(np.int64),
        "p": p.T.reshape(-1),
    }


def _pair_moments(
    subject: Subject,
    site: Site,
    lens: Ablation,
    masks: torch.Tensor,
    first: np.ndarray,
    second: np.ndarray,
) -> dict[str, _Sums]:
    """Class and overall moments of the effects of single units, of pairs, and of the difference."""
    singles = len(masks) - len(first)
    classes = len(subject.classes)
    sizes = {"alone": singles, "together": len(first), "interaction": len(first)}
    moments = {name: Moments.empty(size, classes) for name, size in sizes.items()}
    examples = _examples(subject)
    for start in range(0, len(examples), _BATCH):
        rows = slice(start, start + _BATCH)
        labels = examples.labels[rows]
        value = next(replacements(subject, site, lens.edit, start, len(labels), 1))
        stage = subject.stage(site.name, examples.images[rows], value)
        before = subject.score_of(stage.base, labels).double()
        effects = np.empty((len(masks), len(labels)))
        for part, logits in stage.sets(masks):
            after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(logits)))
            effects[part] = (after.double().view(len(logits), -1) - before).numpy()
        alone, together = effects[:singles], effects[singles:]
        moments["alone"].update(alone.T, labels)
        moments["together"].update(together.T, labels)
        interaction = together - alone[first] - alone[second]
        size = stage.base.abs().amax(1).numpy() + np.abs(effects).max(0)  # [B]
        interaction[np.abs(interaction) <= _ROUNDING * size] = 0
        moments["interaction"].update(interaction.T, labels)
    return {name: _with_all(moment) for name, moment in moments.items()}


def _with_all(moments: Moments) -> _Sums:
    """Append the moments over all classes as a last row."""
    total = moments.total()
    return _Sums(
        np.concatenate([moments.count, total.count]),
        np.concatenate([moments.mean, total.mean]),
        np.concatenate([moments.m2, total.m2]),
    )


def _statement(table: Table, site: str, unit: str) -> str:
    """Count significant interactions by sign, beside the random pairs."""
    rows = table.where(site=site, class_="all")
    top, random = rows.where(kind="top"), rows.where(kind="random")
    q, sign = top.column("q") < 0.05, np.sign(top.column("interaction"))
    spread = float(np.nanmedian(np.abs(top.column("interaction"))))
    control = np.abs(random.column("interaction"))
    beside = f"{np.nanmedian(control):.2g} for {len(control)} random pairs" if len(control) else ""
    return (
        f"Of {len(top)} pairs of strong units of site '{site}', {int((q & (sign < 0)).sum())} are "
        f"redundant and {int((q & (sign > 0)).sum())} synergistic (q < 0.05, n = "
        f"{int(top.column('n').max())}); median size of the interaction {spread:.2g} {unit}"
        f"{beside and ', '}{beside}."
    )
