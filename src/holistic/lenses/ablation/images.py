"""Removes every unit, one at a time, on single images: which units decide their predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._cases import Cases, cases
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._effects import unit_effects_on
from holistic.lenses.ablation.images_statements import image_statements
from holistic.lenses.ablation.schemas import ImageUnit
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.order import ordered
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = ["deciding_units", "searched"]


def deciding_units(subject: Subject, lens: Ablation, units: Table) -> Finding:
    """Remove every unit, one at a time, on a few single images.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The edit, and how many units are listed.
    units
        The table `ablation.units`, for what each unit does to the whole class.
    """
    chosen = cases(subject)
    found, reach = list[ImageUnit](), list[np.ndarray]()
    for site in subject.hidden_sites:
        rows, ends = _site_rows(subject, lens, chosen, site, units)
        found += rows
        reach.append(ends)
    ends = np.stack(reach)  # [sites, 2, M]
    control = searched(chosen, np.stack([ends[:, 0].min(0), ends[:, 1].max(0)]))
    place = {int(e): share for e, share in zip(chosen.examples.indices, control, strict=True)}
    found = [replace(row, control_searched=float(place[row.example])) for row in found]
    order = {int(e): i for i, e in enumerate(chosen.examples.indices)}
    found.sort(key=lambda row: order[row.example])
    return Finding(
        schemas.IMAGES,
        Table.from_rows(ImageUnit, found),
        statements=image_statements(subject, chosen, found),
        caveats=(
            "Images were chosen by their margins on the evaluation split; an effect on one image "
            "is exact and has no interval.",
            "Close images have small margins, and a search over many units finds a large effect on "
            "any image: the control says how often it turns a prediction by that alone.",
        ),
    )


def searched(chosen: Cases, reach: np.ndarray) -> np.ndarray:
    """For how many other images of its kind the largest change of margin would turn an image.

    `reach` `[2, M]` has the lowest and the highest change that one unit makes to each image's
    margin. A search over many units finds something on any image: what it finds on images of other
    classes says how much of a turned prediction is the search, and the small margin.
    """
    labels, kinds = chosen.examples.labels.cpu().numpy(), np.array(chosen.kinds)
    margins = score(chosen.logits, chosen.examples.labels, "margin").double().cpu().numpy()
    other = (labels[:, None] != labels) & (kinds[:, None] == kinds)  # [M, M]
    turns = np.where(
        margins[:, None] > 0, margins[:, None] + reach[0] < 0, margins[:, None] + reach[1] > 0
    )
    count = other.sum(1)
    return np.where(count > 0, (turns & other).sum(1) / np.maximum(count, 1), np.nan)


def _site_rows(
    subject: Subject, lens: Ablation, chosen: Cases, site: Site, units: Table
) -> tuple[list[ImageUnit], np.ndarray]:
    """Rows of a site, and the lowest and highest change of margin `[2, M]` of any unit."""
    scores = (subject.score, "accuracy", "margin")
    effects, turned, margins = unit_effects_on(subject, site, chosen.examples, lens.edit, scores)
    rows = list(_unit_rows(subject, lens, chosen, (effects, turned), units.where(site=site.name)))
    return rows, np.stack([margins.min(0), margins.max(0)])


def _unit_rows(
    subject: Subject,
    lens: Ablation,
    chosen: Cases,
    found: tuple[np.ndarray, np.ndarray],
    own: Table,
) -> Iterator[ImageUnit]:
    effects, turned = found
    site = str(own.column("site")[0])
    labels = chosen.examples.labels.cpu().numpy()
    predicted = chosen.logits.argmax(1).cpu().numpy()
    before = subject.score_of(chosen.logits, chosen.examples.labels).double().cpu().numpy()
    width = len(subject.classes) + 1
    of_class = {
        name: own.column(name).reshape(-1, width)[:, :-1] for name in ("effect", "lo", "hi", "n")
    }  # [U, C]
    for i, label in enumerate(labels):
        sizes = np.abs(effects[:, i])
        for rank, unit in enumerate(ordered(-sizes)[: lens.deciding], 1):
            yield ImageUnit(
                example=int(chosen.examples.indices[i]),
                kind=chosen.kinds[i],
                label=subject.classes[int(label)],
                prediction=subject.classes[int(predicted[i])],
                site=site,
                unit=int(unit),
                rank=rank,
                effect=Estimate(float(effects[unit, i]), control=float(np.median(sizes))),
                turned=int(turned[unit, i]),
                control_turned=float((turned[:, i] != 0).mean()),
                control_searched=np.nan,
                before=float(before[i]),
                class_effect=Estimate(
                    *(of_class[name][unit, label].item() for name in ("effect", "lo", "hi", "n"))
                ),
            )
