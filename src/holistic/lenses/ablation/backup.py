"""Does the network make up for a lost unit, and which units step in?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holistic.examples import Examples
from holistic.findings import Finding
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.direct import follow_paths
from holistic.lenses.ablation.extents import affordable, random_range
from holistic.lenses.ablation.pairs import interacting, pair_effects
from holistic.lenses.ablation.rankings import strongest
from holistic.progress import Progress
from holistic.scores import ROUNDING, SCORE_UNITS, resolution
from holistic.sites import Site
from holistic.stats.intervals import mean_interval, wilson
from holistic.stats.tests import benjamini_hochberg, mean_p
from holistic.subject import Subject
from holistic.sweeps import replacement, replacing
from holistic.tables import Table, col
from holistic.words import percent

__all__ = ["Backup", "Direct", "find_backups"]

_NEXT = 5
_NEXT_REMOVED = 3

_BATCH = 1024


@dataclass(frozen=True)
class Direct:
    """Row of `ablation.direct`: a unit's effect with what follows free, and frozen."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    kind: str = col(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    path: str = col(
        "how the direct effect is carried: 'frozen', with every later hidden site held at its "
        "unedited value; 'gates', where no change passes those, along the tangent of the network "
        "at the unedited run (later units keep their slopes)",
        words="direct path held by",
    )
    total: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    total_lo: float = col("lower end of its 95 % interval", unit="score")
    total_hi: float = col("upper end of its 95 % interval", unit="score")
    direct: float = col(
        "the same along the direct path only", unit="score", words="direct effect of removing it"
    )
    direct_lo: float = col("lower end of its 95 % interval", unit="score")
    direct_hi: float = col("upper end of its 95 % interval", unit="score")
    response: float = col(
        "total minus direct: the answer of what follows; against the sign of direct = self-repair",
        unit="score",
        words="answer of what follows (total − direct)",
    )
    lo: float = col("lower end of the 95 % interval of the response", unit="score")
    hi: float = col("upper end of the 95 % interval of the response", unit="score")
    control_response_lo: float = col(
        "2.5 % quantile of the responses to the site's random units",
        unit="score",
        of="response",
        words="control (95 % of the site's random units)",
    )
    control_response_hi: float = col("97.5 % quantile of the same", unit="score", of="response")
    n: int = col("evaluation examples", unit="examples")
    p: float = col(
        "two-sided p of the paired t test of the response",
        of="response",
        words="p (paired t, two-sided)",
    )
    q: float = col("Benjamini-Hochberg q over all rows", of="response", words="q over all rows")


@dataclass(frozen=True)
class Backup:
    """Row of `ablation.backup`: a unit's effect with another unit in place, and with it gone."""

    site: str = col("site of the unit that is gone")
    unit: int = col("the unit that is gone", words="unit removed")
    kind: str = col(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    backup_site: str = col(
        "site of the unit that may step in", words="site of the unit that may step in"
    )
    backup_unit: int = col("the unit that may step in", words="unit that may step in")
    effect: float = col(
        "its effect with the other in place; negative = it helps",
        unit="score",
        words="its effect with the other in place",
    )
    effect_gone: float = col(
        "its effect with the other gone", unit="score", words="its effect with the other gone"
    )
    growth: float = col(
        "effect_gone - effect; negative = it helps more once the other is gone (backup)",
        unit="score",
        words="change of its effect once the other is gone",
    )
    lo: float = col("lower end of the 95 % interval of the growth", unit="score")
    hi: float = col("upper end of the 95 % interval of the growth", unit="score")
    control_growth_lo: float = col(
        "2.5 % quantile of the growths once one of the site's random units is gone",
        unit="score",
        of="growth",
        words="control (95 % for random units that go)",
    )
    control_growth_hi: float = col("97.5 % quantile of the same", unit="score", of="growth")
    n: int = col("evaluation examples", unit="examples")
    p: float = col(
        "two-sided p of the paired t test of the growth",
        of="growth",
        words="p (paired t, two-sided)",
    )
    q: float = col("Benjamini-Hochberg q over all rows", of="growth", words="q over all rows")
    backup: bool = col("whether q < 0.05 and the growth is negative", words="steps in")


def find_backups(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Iterator[Finding]:
    """Remove strong and random units and watch all others; yield `direct` and `backup`."""
    sites = subject.hidden_sites
    direct, backup = list[dict[str, Any]](), list[dict[str, Any]]()
    for done, site in enumerate(sites):
        progress("backups", done, len(sites))
        gone, kinds = _gone(subject, site, lens, chosen)
        direct += _direct_columns(subject, site, lens, gone, kinds)
        if site.units > 1:
            backup.append(_same_site(subject, site, lens, gone, kinds))
        if done + 1 < len(sites):
            few = [int(np.flatnonzero(kinds == k)[i]) for k in ("top", "random")
                   for i in range(min(_NEXT_REMOVED, int((kinds == k).sum())))]  # fmt: skip
            seen = strongest(subject, sites[done + 1], chosen)[:_NEXT]
            pair = (site, sites[done + 1])
            backup.append(_next_site(subject, pair, lens, (gone[few], kinds[few]), seen))
    progress("backups", len(sites), len(sites))
    yield _direct_finding(subject, direct)
    if backup:
        yield _backup_finding(subject, backup)


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


def _direct_columns(
    subject: Subject, site: Site, lens: Ablation, gone: np.ndarray, kinds: np.ndarray
) -> list[dict[str, Any]]:
    """Columns of one site's units; none where no direct effect can be told."""
    examples = affordable(subject, site, lens, 4 * len(gone))
    paths = follow_paths(subject, site, gone.tolist(), examples, lens.edit)
    if paths is None:
        return []
    logits = subject.predict(examples.images)
    least = resolution(logits).double().cpu().numpy()  # [B]
    total, direct = (np.where(np.abs(v) <= least, 0, v) for v in (paths.total, paths.direct))
    size = logits.abs().amax(1).double().cpu().numpy() + np.abs(total).max(0)
    response = interacting(total, direct, np.zeros_like(direct), size + np.abs(direct).max(0))
    whole, along, answer = (_tested(v) for v in (total, direct, response))
    columns = {
        "site": np.repeat(np.array([site.name]), len(gone)),
        "unit": gone,
        "kind": kinds,
        "path": np.repeat(np.array([paths.path]), len(gone)),
        **{"total" + end: whole["mean" + end] for end in ("", "_lo", "_hi")},
        **{"direct" + end: along["mean" + end] for end in ("", "_lo", "_hi")},
        "response": answer["mean"],
        "lo": answer["mean_lo"],
        "hi": answer["mean_hi"],
        "n": np.full(len(gone), len(examples)),
        "p": answer["p"],
    }
    return [columns]


def _tested(values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean of `[G, B]` over examples with its interval and p."""
    count, mean = values.shape[1], values.mean(1)
    m2 = ((values - mean[:, None]) ** 2).sum(1)
    lo, hi = mean_interval(count, mean, m2)
    return {"mean": mean, "mean_lo": lo, "mean_hi": hi, "p": mean_p(count, mean, m2)}


def _same_site(
    subject: Subject, site: Site, lens: Ablation, gone: np.ndarray, kinds: np.ndarray
) -> dict[str, Any]:
    """Every other unit of the site, with each unit gone."""
    others = [np.delete(np.arange(site.units), a) for a in gone]
    pairs = np.stack([np.repeat(gone, site.units - 1), np.concatenate(others)], 1)
    examples = affordable(subject, site, lens, len(pairs))
    found = pair_effects(subject, site, pairs, examples, lens.edit)
    sums = found.interaction
    lo, hi = mean_interval(sums.count[-1], sums.mean[-1], sums.m2[-1])
    return {
        "site": np.repeat(np.array([site.name]), len(pairs)),
        "unit": pairs[:, 0],
        "kind": np.repeat(kinds, site.units - 1),
        "backup_site": np.repeat(np.array([site.name]), len(pairs)),
        "backup_unit": pairs[:, 1],
        "effect": found.second[-1],
        "effect_gone": found.both[-1] - found.first[-1],
        "growth": sums.mean[-1],
        "lo": lo,
        "hi": hi,
        "n": sums.count[-1].astype(int),
        "p": mean_p(sums.count[-1], sums.mean[-1], sums.m2[-1]),
    }


def _next_site(
    subject: Subject,
    sites: tuple[Site, Site],
    lens: Ablation,
    removed: tuple[np.ndarray, np.ndarray],
    seen: np.ndarray,
) -> dict[str, Any]:
    """Strong units of the next site, with each unit gone."""
    (site, behind), (gone, kinds) = sites, removed
    examples = affordable(subject, site, lens, 8 * (len(gone) + 1) * (len(seen) + 1))
    effects, size = _crossed(subject, sites, removed[0], seen, examples=examples, edit=lens.edit)
    both = effects[1:, 1:].reshape(-1, len(examples))
    first = np.repeat(effects[1:, 0], len(seen), 0)
    second = np.tile(effects[0, 1:], (len(gone), 1))
    found = _tested(interacting(both, first, second, size))
    return {
        "site": np.repeat(np.array([site.name]), len(both)),
        "unit": np.repeat(gone, len(seen)),
        "kind": np.repeat(kinds, len(seen)),
        "backup_site": np.repeat(np.array([behind.name]), len(both)),
        "backup_unit": np.tile(seen, len(gone)),
        "effect": second.mean(1),
        "effect_gone": (both - first).mean(1),
        "growth": found["mean"],
        "lo": found["mean_lo"],
        "hi": found["mean_hi"],
        "n": np.full(len(both), len(examples)),
        "p": found["p"],
    }


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
    batch = min(_BATCH, subject.engine.batch_rows(sites))
    for start in range(0, len(examples), batch):
        part = slice(start, min(start + batch, len(examples)))
        images, labels = examples.images[part], examples.labels[part]
        here, there = (replacement(subject, s, edit, start, len(labels)) for s in sites)
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


def _direct_finding(subject: Subject, parts: list[dict[str, Any]]) -> Finding:
    table, lines = Table.from_rows(Direct, []), list[str]()
    if parts:
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        ends = random_range(columns, "response", ("site",))
        table = Table.build(Direct, {**columns, **ends, "q": benjamini_hochberg(columns["p"])})
        names = dict.fromkeys(columns["site"].tolist())
        lines += [_direct_line(subject, table.where(site=name)) for name in names]
    told = set(table.column("site"))
    lines += [
        f"Site '{site.name}': no direct effect can be told, as {subject.gradients.at(site.name)}."
        for site in subject.hidden_sites
        if site.name not in told
    ]
    return Finding(
        "ablation.direct",
        table,
        tuple(lines),
        (
            "Frozen: every later hidden site is held at the value of the unedited run, so only "
            "what passes them by reaches the logits. Where nothing does, the direct effect follows "
            "the tangent of the network at the unedited run: exact for units that change the slope "
            "of no later unit.",
            "Behind the last hidden site nothing is left to freeze: total and direct are the same.",
        ),
    )


def _direct_line(subject: Subject, rows: Table) -> str:
    """Say how much of the strong units' direct effect the rest takes back."""
    top, random = rows.where(kind="top"), rows.where(kind="random")
    first = next(top.head(1).rows())
    repaired = int(_repaired(top).sum())
    control = f"{int(_repaired(random).sum())} of {len(random)} random ones" if len(random) else ""
    unit = SCORE_UNITS[subject.score]
    return (
        f"Site '{first['site']}': what follows takes back part of the direct effect of {repaired} "
        f"of {len(top)} strong units (q < 0.05){control and ' and of '}{control} (path: "
        f"{first['path']}, n = {first['n']}); unit {first['unit']}: direct {first['direct']:+.3g}, "
        f"total {first['total']:+.3g}, response {first['response']:+.3g} {unit} "
        f"[{first['lo']:+.3g}, {first['hi']:+.3g}]."
    )


def _repaired(rows: Table) -> np.ndarray:
    return (rows.column("q") < 0.05) & (rows.column("response") * rows.column("direct") < 0)


def _backup_finding(subject: Subject, parts: list[dict[str, Any]]) -> Finding:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    q = benjamini_hochberg(columns["p"])
    backup = (q < 0.05) & (columns["growth"] < 0)
    ends = random_range(columns, "growth", ("site", "backup_site"))
    table = Table.build(Backup, {**columns, **ends, "q": q, "backup": backup})
    names = dict.fromkeys(columns["site"].tolist())
    lines = tuple(_backup_line(subject, table.where(site=name)) for name in names)
    return Finding(
        "ablation.backup",
        table,
        lines,
        (
            "Units of the same site don't see each other: there a backup is a unit that what "
            "follows uses more once the other is gone.",
            f"Of the next hidden site only the {_NEXT} strongest units of the selection split are "
            f"watched, for {_NEXT_REMOVED} strong and {_NEXT_REMOVED} random units gone.",
        ),
    )


def _share(found: np.ndarray) -> str:
    lo, hi = wilson(found.sum(), len(found))
    return f"{percent(found.mean(), lo, hi)} (n = {len(found)} pairs)"


def _backup_line(subject: Subject, rows: Table) -> str:
    """Name the strongest backup, beside how often random units have one."""
    shares = [
        f"with a {word} unit gone {_share(part.column('backup'))}"
        for part, word in (
            (rows.where(kind="top"), "strong"),
            (rows.where(kind="random"), "random"),
        )
        if len(part)
    ]
    row = next(rows.sort("growth").head(1).rows())
    unit = SCORE_UNITS[subject.score]
    found = rows.where(kind="top", backup=True).sort("growth")
    tail = "" if len(found) else " None is a backup of a strong unit."
    for row in found.head(1).rows():
        tail = (
            f" Unit {row['backup_unit']} of '{row['backup_site']}' steps in most, of "
            f"{len(found)} that do, for unit {row['unit']}: its effect goes from "
            f"{row['effect']:+.3g} to {row['effect_gone']:+.3g} {unit} (growth "
            f"{row['growth']:+.3g} "
            f"[{row['lo']:+.3g}, {row['hi']:+.3g}], q = {row['q']:.2g}, n = {row['n']})."
        )
    return (
        f"Site '{row['site']}': {', '.join(shares)} of the units that are watched help more than "
        f"before (q < 0.05).{tail}"
    )
