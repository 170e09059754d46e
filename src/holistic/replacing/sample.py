"""Replaces every unit as far as a budget of operations goes, and estimates the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from holistic.graph.edits import EditKind, edits_at
from holistic.graph.torch_settings import settled
from holistic.progress import Progress, silent
from holistic.replacing.budget import afforded, sweep_operations
from holistic.replacing.effects import effect_table
from holistic.replacing.gradient import first_order
from holistic.replacing.sweep import Pass, sweep, table_of
from holistic.results.tables import Table
from holistic.study.splits import stratified_sample
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["affordable_rows", "affordable_sweep"]

_PER_CLASS = 0.4
"""Examples of a class that are replayed at least, by `fewest`."""
_CHECKED = 20
"""Fewest units that bound how far estimates lie from effects with a confidence of 95 %."""
_LEVEL = 0.95


@settled(gradients=True)
def affordable_sweep(
    subject: Subject,
    edit: EditKind,
    *,
    operations: float,
    split: Literal["evaluation", "selection"] = "evaluation",
    fewest: int = 50,
    progress: Progress = silent,
) -> tuple[Table, tuple[str, ...]]:
    """Sweep the hidden units, exactly if the budget allows it, else on a sample.

    Where it doesn't, examples are sampled, the classes in their proportions. Where not even two
    fifths of `fewest` a class are affordable, only the units with the largest first-order estimates
    and some others, drawn at random, are replayed. The rest keep their estimates; how far these lie
    from the effects of the units drawn at random bounds them (split conformal prediction, Vovk
    et al. 2005, section 4.1).

    Parameters
    ----------
    subject
        The model under study.
    edit
        What replaced units hold.
    operations
        Floating-point operations that replays may take.
    split
        The examples that are replayed.
    fewest
        As many units are replayed at least, 20 or more, and as many others drawn at random.
    progress
        Called with the number of units done and in all.

    Returns
    -------
    table, caveats
        `UnitEffect` rows, whose `kind` says how each was measured, and what was left out.
    """
    sites = subject.hidden_sites
    examples = subject.evaluation if split == "evaluation" else subject.selection
    draws = len(edits_at(edit, sites[0].name, subject.seed, 8))
    price = sweep_operations(subject, sites, draws)
    if price * len(examples) <= operations:
        return sweep(subject, edit=edit, split=split, progress=progress), ()
    count, _ = affordable_rows(subject, len(examples), price, operations, fewest=fewest)
    places = stratified_sample(examples.labels.cpu(), count, seed=subject.seed)
    rows = torch.from_numpy(places)
    run = Pass(sites, edit, split, draws, rows=rows)
    caveat = (
        f"Replacing every unit on all {len(examples):,} examples of the {split} split would take "
        f"{price * len(examples):.1e} operations, more than the {operations:.1e} allowed: effects "
        f"are estimates from {len(rows):,} examples, stratified; --ablation.exact measures all."
    )
    total = sum(site.units for site in sites)
    kept, checked = _replayed(total, operations / (price * len(rows)), fewest)
    if price * len(rows) <= 1.5 * operations or kept + checked == total:
        return table_of(subject, run, progress=progress), (caveat,)
    table, more = _screened(subject, run, (kept, checked), progress)
    return table, (caveat, more)


def affordable_rows(
    subject: Subject, examples: int, price: float, operations: float, *, fewest: int = 50
) -> tuple[int, float]:
    """Say on how many examples `affordable_sweep` replays units, and what share of the units.

    Parameters
    ----------
    subject
        The model under study.
    examples
        How many the split has.
    price
        Operations of replacing every unit on one example.
    operations
        Those that are allowed.
    fewest
        As for `affordable_sweep`.
    """
    if price * examples <= operations:
        return examples, 1.0
    least = min(examples, max(2, round(_PER_CLASS * fewest)) * len(subject.classes))
    count = afforded(operations, price, least=least, most=examples - 1)
    if price * count <= 1.5 * operations:
        return count, 1.0
    total = sum(site.units for site in subject.hidden_sites)
    kept, checked = _replayed(total, operations / (price * count), fewest)
    return count, (kept + checked) / total


def _replayed(units: int, share: float, fewest: int) -> tuple[int, int]:
    """How many units are replayed: those with the largest estimates, and others at random."""
    checked = min(units, max(_CHECKED, fewest))
    return min(units - checked, max(fewest, int(share * units))), checked


def _screened(
    subject: Subject, run: Pass, counts: tuple[int, int], progress: Progress
) -> tuple[Table, str]:
    """Replay the strongest units and others at random; estimate the rest from the gradient."""
    kept, checked = counts
    guess = _class_guesses(subject, run)  # [U, C + 1]
    whole = _class_guesses(subject, replace(run, rows=None))
    total = len(guess)
    order = np.argsort(-np.abs(guess[:, :-1]).max(1), kind="stable")
    drawn = np.random.default_rng(subject.seed).choice(order[kept:], checked, replace=False)
    replayed = np.sort(np.concatenate([order[:kept], drawn]))
    starts = np.cumsum([0, *(s.units for s in run.sites)])
    units = {
        s.name: torch.from_numpy(replayed[(replayed >= lo) & (replayed < hi)] - lo)
        for s, lo, hi in zip(run.sites, starts[:-1], starts[1:], strict=True)
    }
    sites = [site for site in run.sites if len(units[site.name])]
    some = Pass(sites, run.edit, run.split, run.draws, rows=run.rows, units=units)
    measured = table_of(subject, some, progress=progress)
    effect = measured.column("effect").reshape(-1, guess.shape[1])
    errors = np.abs(effect - guess[replayed])[np.isin(replayed, drawn)]  # [drawn, C + 1]
    halves = np.sort(errors, 0)[int(np.ceil((checked + 1) * _LEVEL)) - 1]
    table = _filled(subject, run, measured, (whole, halves), replayed)
    return table, (
        f"Only {len(replayed):,} of {total:,} units were replayed: the {kept:,} with the largest "
        f"first-order estimate and {checked} others at random. For the rest the estimate is "
        f"gradient times change on every example; over all classes it lies within "
        f"±{halves[-1]:.3g} of the effect for {percent(_LEVEL, decimals=0)} of such units."
        + "".join(
            f" At site '{site.name}' the estimate is zero, as {subject.gradients.at(site.name)}."
            for site in run.sites
            if subject.gradients.at(site.name)
        )
    )


def _class_guesses(subject: Subject, run: Pass) -> np.ndarray:
    """Mean first-order estimates of every class's examples and of all, `[U, C + 1]`."""
    classes, every = len(subject.classes), run.examples(subject)[2]
    sums = [np.zeros((site.units, classes)) for site in run.sites]
    count = np.zeros(classes)
    for rows in every.split(subject.engine.batch_rows(run.sites)):
        part = Pass(run.sites, run.edit, run.split, run.draws, rows=rows)
        onehot = np.eye(classes)[part.examples(subject)[1].cpu().numpy()]  # [B, C]
        count += onehot.sum(0)
        for total, found in zip(sums, first_order(subject, part), strict=True):
            total += found.double().cpu().numpy().T @ onehot
    whole = np.concatenate(sums)
    ends = whole.sum(1, keepdims=True) / count.sum()
    return np.concatenate([whole / np.maximum(count, 1), ends], 1)


def _filled(
    subject: Subject,
    run: Pass,
    measured: Table,
    guessed: tuple[np.ndarray, np.ndarray],
    replayed: np.ndarray,
) -> Table:
    """Put measured rows of the units `[K]` among first-order ones, `[U, C + 1]` ± `[C + 1]`."""
    guess, halves = guessed
    columns = {c.name: measured.column(c.name) for c in measured.columns}
    width = guess.shape[1]
    names = np.concatenate([np.repeat(s.name, s.units) for s in run.sites])
    numbers = np.concatenate([np.arange(s.units) for s in run.sites])
    table: dict[str, np.ndarray] = {
        "site": np.repeat(names, width),
        "unit": np.repeat(numbers, width),
        "class": np.tile([*subject.classes, "all"], len(guess)),
        "effect": guess.ravel(),
        "lo": (guess - halves).ravel(),
        "hi": (guess + halves).ravel(),
        "n": np.zeros(guess.size, dtype=int),
        "kind": np.repeat("first order", guess.size).astype(object),
        "accuracy_drop": np.full(guess.size, np.nan),
        "lost": np.zeros(guess.size, dtype=int),
        "gained": np.zeros(guess.size, dtype=int),
        "p": np.full(guess.size, np.nan),
    }
    places = (replayed[:, None] * width + np.arange(width)).ravel()
    for name, values in table.items():
        values[places] = columns[name]
    return effect_table(table, classes=width)
