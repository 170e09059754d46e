"""Which units decided single images: which would have been told otherwise without one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._cases import Cases, cases
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._effects import unit_effects_on
from holistic.lenses.ablation.schemas import ImageUnit
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import bootstrap_interval, wilson
from holistic.stats.order import ordered
from holistic.study.scores import SCORE_UNITS, score
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["deciding_units", "searched"]


def deciding_units(subject: Subject, lens: Ablation, units: Table) -> Finding:
    """Remove every unit, one at a time, on a few single images.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The edit, and how many units are told of.
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
        statements=_statements(subject, chosen, found),
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
    told = chosen.logits.argmax(1).cpu().numpy()
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
                prediction=subject.classes[int(told[i])],
                site=site,
                unit=int(unit),
                rank=rank,
                effect=float(effects[unit, i]),
                control_effect=float(np.median(sizes)),
                turned=int(turned[unit, i]),
                control_turned=float((turned[:, i] != 0).mean()),
                control_searched=np.nan,
                before=float(before[i]),
                **{
                    f"class_{name}": values[unit, label].item() for name, values in of_class.items()
                },
            )


def _statements(subject: Subject, chosen: Cases, found: Sequence[ImageUnit]) -> tuple[str, ...]:
    turned = {row.example: row.turned for row in found if row.turned}
    unit = SCORE_UNITS[subject.score]
    parts = list[str]()
    for kind, words in (
        ("close", "right by the smallest margin of their class, {} are told wrong"),
        ("mistaken", "told wrong by the widest margin of their class, {} are told right"),
    ):
        of_kind = chosen.examples.indices[np.array(chosen.kinds) == kind]
        if len(of_kind):
            some = sum(int(e) in turned for e in of_kind)
            share, (lo, hi) = some / len(of_kind), wilson(some, len(of_kind))
            noun = "image" if len(of_kind) == 1 else "images"
            own = [row for row in found if row.kind == kind and row.rank == 1]
            random, searched = (
                percent(np.nanmean(values) if np.isfinite(values).any() else np.nan)
                for values in (
                    np.array([row.control_turned for row in own]),
                    np.array([row.control_searched for row in own]),
                )
            )
            every = sum(site.units for site in subject.hidden_sites)
            parts.append(
                f"of {len(of_kind)} {noun} {words.format(some)} without one unit, searched for "
                f"among {every} ({percent(share, lo, hi)}; as large a change as the same search "
                f"finds on such images of other classes would turn {searched}, and a random unit "
                f"turns {random})"
            )
    first = [row for row in found if row.kind == "typical" and row.rank == 1]
    if not first:
        return ()
    images = sorted({row.example for row in first})
    largest, usual = (
        _median(np.array([max(abs(getattr(row, name)) for row in first if row.example == image)
                          for image in images]), subject.seed)
        for name in ("effect", "control_effect")
    )  # fmt: skip
    return (
        f"The unit that matters most to a class's typical image changes its {subject.score} by "
        f"{largest} {unit}, the median unit of a site by {usual} at the most (medians over "
        f"n = {len(images)} images){'; ' if parts else ''}{'; '.join(parts)}.",
    )


def _median(values: np.ndarray, seed: int) -> str:
    """Write a median of sizes with the bootstrap's 95 % interval, where there is more than one."""
    if len(values) == 1:
        return f"{values[0]:.3g}"
    lo, hi = bootstrap_interval(values, np.median, seed=seed)
    return f"{np.median(values):.3g} [{lo:.3g}, {hi:.3g}]"
