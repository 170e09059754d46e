"""Measures what edits do to every example, beside variants of the same edits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.errors import ModelError
from holistic.graph.editing import Edit, changes_of, checked_at
from holistic.graph.engine import Change
from holistic.graph.loops import batches, run_from
from holistic.graph.sites import Site
from holistic.graph.torch_settings import settled
from holistic.progress import Progress, silent
from holistic.stats.flips import Flips
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.scores import resolution, score
from holistic.study.subject import Subject

__all__ = ["Outcomes", "checked_variants", "edited_logits", "outcomes"]

Variants = Sequence[Sequence[Edit]]
"""Lists of edits, all at the same sites."""


@dataclass(frozen=True)
class Outcomes:
    """What edits do to the examples of each class, and to all: G groups, classes and all.

    Attributes
    ----------
    effects
        Score after minus before under the edits, `[G]`.
    control
        The same mean effects under each variant, `[R, G]`.
    flips
        What turns wrong or right, beside the variants.
    """

    effects: Means
    control: np.ndarray
    flips: Flips


def checked_variants(subject: Subject, edits: Sequence[Edit], examples: int) -> list[Edit]:
    """Return edits in plain form, after checking them at their sites for so many examples."""
    return [checked_at(edit, subject.site(edit.site), examples) for edit in edits]


@settled()
def outcomes(
    subject: Subject, variants: Variants, examples: Examples, *, progress: Progress = silent
) -> Outcomes:
    """Measure the first of the variants on examples, beside the others.

    Parameters
    ----------
    subject
        The model under study.
    variants
        Edits that were checked for as many examples: those in question, then their controls.
    examples
        What is run.
    progress
        Called with the number of examples done and in all.
    """
    labels, classes = examples.labels, len(subject.classes)
    effects, right = list[Tensor](), list[Tensor]()
    after, control = list[np.ndarray](), np.zeros((len(variants) - 1, classes))
    for rows, base, found in edited_logits(subject, variants, examples.images):
        own = labels[rows]
        logits = torch.cat(list(found))  # [1 + R, B, C]
        effect = _effects(subject, base, logits, own)
        onehot = torch.nn.functional.one_hot(own, classes).double()
        control += (effect[1:] @ onehot).cpu().numpy()
        effects.append(effect[0].cpu())
        right.append((base.argmax(1) == own).cpu())
        after.append((logits.argmax(2) == own).cpu().numpy())
        progress("trying edits", rows.stop, len(labels))
    names = labels.cpu().numpy()
    groups = [*(names == c for c in range(classes)), np.full(len(names), True)]
    count = np.bincount(names, minlength=classes).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        control = np.concatenate([control / count, control.sum(1, keepdims=True) / count.sum()], 1)
    return Outcomes(
        Means.by_class(torch.cat(effects).numpy(), names, classes),
        control,
        Flips.of(torch.cat(right).numpy(), np.concatenate(after, 1), groups),
    )


def _effects(subject: Subject, base: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Scores after `[V, B, C]` minus before `[B, C]`, `[V, B]` float64; rounding counts as none."""
    before = score(base, labels, subject.score)
    flat = logits.flatten(0, 1)
    after = score(flat, labels.repeat(len(logits)), subject.score).unflatten(0, logits.shape[:2])
    effect = after.double() - before.double()
    if not bool(effect.isfinite().all()):
        raise ModelError(
            "under these edits, or the same ones elsewhere, scores are NaN or infinite; edit "
            "with smaller values"
        )
    return effect.masked_fill(effect.abs() <= resolution(base).to(effect), 0)


@torch.no_grad()
def edited_logits(
    subject: Subject, variants: Variants, images: Tensor
) -> Iterator[tuple[slice, Tensor, Iterator[Tensor]]]:
    """Run images under each variant, batch by batch, from the first edited site on.

    Yields
    ------
    rows, base, found
        Which images, logits of the intact model `[B, C]`, and those under some of the variants
        `[V', B, C]` after one another, in their order.
    """
    sites = sorted({e.site: subject.site(e.site) for e in variants[0]}.values(),
                   key=lambda site: site.depth)  # fmt: skip
    size, engine = subject.engine.batch_rows(sites), subject.engine
    masks = _masks(subject, variants, sites)
    for rows in batches(len(images), size):
        some = images[rows]
        if masks is not None:
            edit = variants[0][0].sliced(rows)
            new = edit.values(subject.references, torch.arange(len(some)))
            assert new is not None
            stage = subject.stage(sites[0].name, some, new)
            yield rows, stage.base, (logits for _, logits in stage.sets(masks))
            continue
        base, values = engine.run(some, [sites[0].name])
        known = sites[0].name, values[sites[0].name]

        def each(
            some: Tensor = some, rows: slice = rows, known: tuple[str, Tensor] = known
        ) -> Iterator[Tensor]:
            for variant in variants:
                sliced = [edit.sliced(rows) for edit in variant]
                changes: Mapping[str, Change] = changes_of(sliced, subject.site, subject.references)
                yield run_from(engine, some, known, changes)[None]

        yield rows, base, each()


def _masks(subject: Subject, variants: Variants, sites: Sequence[Site]) -> Tensor | None:
    """Units that each variant replaces, `[V, U]`, where all put the same values into one site."""
    first = variants[0][0]
    plain = all(len(v) == 1 and v[0].units is not None and v[0].positions is None for v in variants)
    if not plain or first.values(subject.references, torch.arange(1)) is None:
        return None
    masks = torch.zeros(len(variants), sites[0].units, dtype=torch.bool)
    for mask, variant in zip(masks, variants, strict=True):
        mask[torch.as_tensor(variant[0].units)] = True
    return masks
