"""Removes units and watches the others: which units step in for one that is gone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from holistic.graph.loops import ablation_value, batches, replacing
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import afforded_examples, measured_sites, random_range
from holistic.lenses.ablation._pairs import interacting, pair_effects
from holistic.lenses.ablation._rankings import strongest
from holistic.lenses.ablation.backup_statements import backup_statement
from holistic.lenses.ablation.direct import bounded, direct_columns, direct_finding
from holistic.lenses.ablation.interactions import considerable
from holistic.lenses.ablation.schemas import Backup
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.scores import ROUNDING
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["find_backups"]

_NEXT = 5
_NEXT_REMOVED = 3

_BATCH = 1024


def find_backups(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Iterator[Finding]:
    """Remove strong and random units and watch all others; yield `direct` and `backup`."""
    every = subject.hidden_sites
    sites, dear = measured_sites(subject, lens, "backups")
    direct, backup = list[dict[str, np.ndarray]](), list[dict[str, np.ndarray]]()
    for done, site in enumerate(sites):
        progress("backups", done, len(sites))
        gone, kinds = _gone(subject, site, lens, chosen)
        direct += direct_columns(subject, site, lens, gone, kinds)
        if site.units > 1:
            backup.append(_same_site(subject, site, lens, gone, kinds))
        if site != every[-1]:
            few = [int(np.flatnonzero(kinds == k)[i]) for k in ("top", "random")
                   for i in range(min(_NEXT_REMOVED, int((kinds == k).sum())))]  # fmt: skip
            behind = every[every.index(site) + 1]
            seen = strongest(subject, behind, chosen)[:_NEXT]
            pair = (site, behind)
            backup.append(_next_site(subject, pair, lens, (gone[few], kinds[few]), seen))
    progress("backups", len(sites), len(sites))
    yield direct_finding(subject, direct, sites, dear)
    if backup:
        yield _backup_finding(subject, backup, dear)


def _gone(
    subject: Subject, site: Site, lens: Ablation, chosen: Table
) -> tuple[np.ndarray, np.ndarray]:
    """Units to remove, the strongest and as many others at random, and which is which."""
    order = strongest(subject, site, chosen)
    rng = np.random.default_rng([subject.seed, site.depth, 6])
    top, rest = order[: lens.partners], order[lens.partners :]
    random = np.sort(rng.permutation(rest)[: len(top)])
    kinds = np.repeat(np.array(["top", "random"]), [len(top), len(random)])
    return np.concatenate([top, random]), kinds


def _same_site(
    subject: Subject, site: Site, lens: Ablation, gone: np.ndarray, kinds: np.ndarray
) -> dict[str, np.ndarray]:
    """Every other unit of the site, with each unit gone."""
    others = [np.delete(np.arange(site.units), a) for a in gone]
    pairs = np.stack([np.repeat(gone, site.units - 1), np.concatenate(others)], 1)
    examples = afforded_examples(subject, site, lens, len(pairs))
    found = pair_effects(subject, site, pairs, examples, lens.edit)
    growth = found.interaction[:, -1]
    return {
        "site": np.repeat(np.array([site.name]), len(pairs)),
        "unit": pairs[:, 0],
        "kind": np.repeat(kinds, site.units - 1),
        "backup_site": np.repeat(np.array([site.name]), len(pairs)),
        "backup_unit": pairs[:, 1],
        **bounded(found.second[:, -1], "effect"),
        **bounded(found.second_gone[:, -1], "effect_gone"),
        **bounded(found.first[:, -1], "removed_effect"),
        **bounded(growth, "growth", ""),
        "n": growth.count,
        "p": growth.p(),
    }


def _next_site(
    subject: Subject,
    sites: tuple[Site, Site],
    lens: Ablation,
    removed: tuple[np.ndarray, np.ndarray],
    seen: np.ndarray,
) -> dict[str, np.ndarray]:
    """Strong units of the next site, with each unit gone."""
    (site, behind), (gone, kinds) = sites, removed
    examples = afforded_examples(subject, site, lens, 8 * (len(gone) + 1) * (len(seen) + 1))
    effects, size = _crossed(subject, sites, removed[0], seen, examples=examples, edit=lens.edit)
    both = effects[1:, 1:].reshape(-1, len(examples))
    first = np.repeat(effects[1:, 0], len(seen), 0)
    second = np.tile(effects[0, 1:], (len(gone), 1))
    growth = Means.of(interacting(both, first, second, size))
    return {
        "site": np.repeat(np.array([site.name]), len(both)),
        "unit": np.repeat(gone, len(seen)),
        "kind": np.repeat(kinds, len(seen)),
        "backup_site": np.repeat(np.array([behind.name]), len(both)),
        "backup_unit": np.tile(seen, len(gone)),
        **bounded(Means.of(second), "effect"),
        **bounded(Means.of(both - first), "effect_gone"),
        **bounded(Means.of(first), "removed_effect"),
        **bounded(growth, "growth", ""),
        "n": np.full(len(both), len(examples)),
        "p": growth.p(),
    }


@kept
def _crossed(
    subject: Subject,
    sites: tuple[Site, Site],
    gone: np.ndarray,
    seen: np.ndarray,
    *,
    examples: Examples,
    edit: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Effects `[A + 1, B + 1, N]` of none or one unit of each site, and the scores' size `[N]`."""
    effects = np.zeros((len(gone) + 1, len(seen) + 1, len(examples)))
    size = np.empty(len(examples))
    for part in batches(len(examples), min(_BATCH, subject.engine.batch_rows(sites))):
        images, labels = examples.images[part], examples.labels[part]
        here, there = (ablation_value(subject, s, edit, images, part.start) for s in sites)
        for i, a in enumerate([None, *gone.tolist()]):
            for j, b in enumerate([None, *seen.tolist()]):
                changes = {} if a is None else {sites[0].name: replacing([a], here)}
                changes |= {} if b is None else {sites[1].name: replacing([b], there)}
                with torch.no_grad():
                    logits = subject.engine.run(images, (), changes)[0]
                effects[i, j, part] = subject.score_of(logits, labels).double().cpu().numpy()
                if a is None and b is None:
                    size[part] = logits.abs().amax(1).double().cpu().numpy()
    effects -= effects[0, 0].copy()
    effects[np.abs(effects) <= ROUNDING * size] = 0
    return effects, size + np.abs(effects).max((0, 1))


def _backup_finding(
    subject: Subject, parts: list[dict[str, np.ndarray]], dear: tuple[str, ...]
) -> Finding:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    q = benjamini_hochberg(columns["p"])
    backup = (q < 0.05) & (columns["growth"] < 0) & (columns["effect_gone_hi"] < 0)
    effects = {**columns, "both": columns["removed_effect"] + columns["effect_gone"]}
    backup &= considerable(columns["growth"], effects, ("removed_effect", "effect", "both"))
    # once a unit that harms is gone another may do more good, but it makes up for no loss
    backup &= ~(columns["removed_effect_lo"] > 0)
    ends = random_range(columns, "growth", ("site", "backup_site"))
    table = Table.build(Backup, {**columns, **ends, "q": q, "backup": backup})
    names = dict.fromkeys(columns["site"].tolist())
    lines = tuple(backup_statement(subject, table.where(site=name)) for name in names)
    return Finding(
        schemas.BACKUP,
        table,
        lines,
        (
            *dear,
            *unbounded(int(np.isnan(columns["lo"]).sum()), len(table), "growths"),
            "A unit steps in for one that isn't found to harm: it helps more once the other is "
            "gone, by a fifth or more of what both do. What does more good once a harming unit is "
            "gone makes up for no loss.",
            "Units of the same site don't see each other: there a backup is a unit that what "
            "follows uses more once the other is gone.",
            f"Of the next hidden site only the {_NEXT} strongest units of the selection split are "
            f"watched, for {_NEXT_REMOVED} strong and {_NEXT_REMOVED} random units gone.",
        ),
    )
