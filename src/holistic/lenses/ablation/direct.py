"""Replaces units with what follows free and frozen: direct effects, and the network's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Change, Given
from holistic.graph.loops import replacing, replays
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import afforded_examples, random_range
from holistic.lenses.ablation._pairs import interacting
from holistic.lenses.ablation.direct_statements import direct_statement
from holistic.lenses.ablation.schemas import Direct
from holistic.pieces import kept
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.scores import resolution
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["Paths", "bounded", "direct_columns", "direct_finding", "follow_paths"]

_SAME = 1e-6


@dataclass(frozen=True)
class Paths:
    """Effects of T units on each example, in the subject's score.

    Attributes
    ----------
    path
        `frozen`: every later hidden site is held at its unedited value, so that only what passes
        them by (a residual stream, or nothing in between) reaches the logits. `gates`: no change
        gets past them, and the network behind the site is replaced by its tangent at the unedited
        run, so that every later unit answers by the slope that it has there and none opens,
        closes or saturates.
    total, direct
        `[T, B]`.
    """

    path: str
    total: np.ndarray
    direct: np.ndarray


@kept
def follow_paths(
    subject: Subject, site: Site, units: Sequence[int], examples: Examples, edit: str
) -> Paths | None:
    """Replace units one at a time with everything behind free, and with it frozen.

    None where nothing passes what is frozen by, and there are no gradients for the tangent.
    """
    later = [other.name for other in subject.hidden_sites if other.depth > site.depth]
    total, direct, frozen = list[np.ndarray](), list[np.ndarray](), None
    masks = torch.zeros(len(units), site.units, dtype=torch.bool)
    masks[torch.arange(len(units)), torch.tensor(units)] = True
    for batch in replays(subject, site, examples.images, edit):
        stage, images, new = batch.stage, batch.images, batch.new
        labels = examples.labels[batch.rows]
        before = subject.score_of(stage.base, labels).double()
        free = torch.cat([logits for _, logits in stage.sets(masks)])  # [T, B, C]
        kept = {name: Given(value) for name, value in subject.capture(later, images).items()}
        if frozen is None:
            frozen = _passes(subject, site, images, new, kept)
            if not frozen and subject.gradients.at(site.name):
                return None
        carried = (
            _kept_logits(subject, site, units, images, (new, kept))
            if frozen
            else _tangent_logits(subject, site, units, images, new)
        )
        for logits, into in ((free, total), (carried, direct)):
            after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(units))).double()
            into.append((after.view(len(units), -1) - before).cpu().numpy())
    path = "frozen" if frozen else "gates"
    return Paths(path, np.concatenate(total, 1), np.concatenate(direct, 1))


def _run(
    subject: Subject, site: Site, images: Tensor, change: Change, kept: Mapping[str, Change]
) -> Tensor:
    with torch.no_grad():
        return subject.engine.run(images, (), {**kept, site.name: change})[0]


def _passes(
    subject: Subject, site: Site, images: Tensor, new: Tensor, kept: Mapping[str, Change]
) -> bool:
    """Whether replacing the whole site reaches the logits with all later sites held."""
    moved = _run(subject, site, images, replacing(None, new), kept)
    still = _run(subject, site, images, lambda value: value, kept)
    return float((moved - still).abs().max()) > _SAME * max(1.0, float(still.abs().max()))


def _kept_logits(
    subject: Subject,
    site: Site,
    units: Sequence[int],
    images: Tensor,
    replaced: tuple[Tensor, Mapping[str, Change]],
) -> Tensor:
    new, kept = replaced
    return torch.stack([_run(subject, site, images, replacing([u], new), kept) for u in units])


def _tangent_logits(
    subject: Subject, site: Site, units: Sequence[int], images: Tensor, new: Tensor
) -> Tensor:
    """Logits `[T, B, C]` of the tangent: a product with the Jacobian for each unit.

    The pull-back of w is linear in w, and its derivative by w is the push-forward.
    """
    value = subject.capture([site.name], images)[site.name]
    with torch.enable_grad():
        point = value.clone().requires_grad_()
        logits = subject.logits_from(images, {site.name: point})
        weight = torch.zeros_like(logits, requires_grad=True)
        (pulled,) = torch.autograd.grad(logits, point, weight, create_graph=True)
        moved = list[Tensor]()
        for unit in units:
            difference = replacing([unit], new)(value) - value
            (pushed,) = torch.autograd.grad((pulled * difference).sum(), weight, retain_graph=True)
            moved.append((logits + pushed).detach())
    return torch.stack(moved)


def direct_columns(
    subject: Subject, site: Site, lens: Ablation, gone: np.ndarray, kinds: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """Columns of a site's removed units; none where no direct effect can be measured."""
    examples = afforded_examples(subject, site, lens, 4 * len(gone))
    paths = follow_paths(subject, site, gone.tolist(), examples, lens.edit)
    if paths is None:
        return []
    logits = subject.predict(examples.images)
    least = resolution(logits).double().cpu().numpy()  # [B]
    total, direct = (np.where(np.abs(v) <= least, 0, v) for v in (paths.total, paths.direct))
    size = logits.abs().amax(1).double().cpu().numpy() + np.abs(total).max(0)
    response = interacting(total, direct, np.zeros_like(direct), size + np.abs(direct).max(0))
    whole, along, answer = (Means.of(v) for v in (total, direct, response))
    columns = {
        "site": np.repeat(np.array([site.name]), len(gone)),
        "unit": gone,
        "kind": kinds,
        "path": np.repeat(np.array([paths.path]), len(gone)),
        **bounded(whole, "total"),
        **bounded(along, "direct"),
        **bounded(answer, "response", ""),
        "n": np.full(len(gone), len(examples)),
        "p": answer.p(),
    }
    return [columns]


def bounded(means: Means, name: str, ends: str | None = None) -> dict[str, np.ndarray]:
    """Columns of means and of their intervals."""
    before = f"{name}_" if ends is None else ends
    lo, hi = means.interval()
    return {name: means.mean, f"{before}lo": lo, f"{before}hi": hi}


def direct_finding(
    subject: Subject,
    parts: Sequence[Mapping[str, np.ndarray]],
    sites: Sequence[Site],
    dear: tuple[str, ...],
) -> Finding:
    """Put the rows of the sites that were tried into one finding; `dear` names the others."""
    table, lines = Table.from_rows(Direct, []), list[str]()
    if parts:
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        ends = random_range(columns, "response", ("site",))
        table = Table.build(Direct, {**columns, **ends, "q": benjamini_hochberg(columns["p"])})
        names = dict.fromkeys(columns["site"].tolist())
        lines += [direct_statement(subject, table.where(site=name)) for name in names]
    measured = set(table.column("site"))
    lines += [
        f"Site '{site.name}': no direct effect can be told, as {subject.gradients.at(site.name)}."
        for site in sites
        if site.name not in measured
    ]
    return Finding(
        schemas.DIRECT,
        table,
        tuple(lines),
        (
            *dear,
            *unbounded(table.data["lo"].null_count, len(table), "responses"),
            "Frozen: every later hidden site is held at the value of the unedited run, so only "
            "what passes them by reaches the logits. Where nothing does, the direct effect follows "
            "the tangent of the network at the unedited run: exact for units that change the slope "
            "of no later unit.",
            "Behind the last hidden site nothing is left to freeze: total and direct are the same.",
        ),
    )
