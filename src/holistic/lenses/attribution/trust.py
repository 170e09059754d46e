"""Says with what probability each method's maps point at the truth: `attribution.trust`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._maps import (
    attributions,
    chosen_methods,
    display_name,
    finite_maps,
)
from holistic.lenses.attribution._robustness import maps_again
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._trust_calibration import calibration
from holistic.lenses.attribution._trust_measures import BLIND, GROUPS, Measures, measures
from holistic.lenses.attribution.schemas import TrustRow
from holistic.lenses.attribution.trust_statements import statements
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.subject import Subject

__all__ = ["RUNS", "judged_maps", "trust_finding", "trusted_images"]

RUNS = 500
"""About how often the model runs for each image, beside its maps."""
_DRAWS = 400
_CAVEATS = (
    "The probability is calibrated on small networks whose truth is known: patterns hidden in "
    "noise. On other kinds of data and larger networks it is a guess from those.",
    "A map points at the truth where half or more of the pixels that it names first carry the "
    "class, as many as do.",
)


def trusted_images(subject: Subject, lens: Attribution) -> int:
    """How many images' maps are measured."""
    work = model_work(subject) * RUNS
    return afforded(lens.evidence_work, work, least=8, most=lens.trust_images)


def trust_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Measure maps by every method, and say how likely each is to point at the truth.

    Nothing of the truth is known here: what is measured is whether swapping the named pixels with
    another class's image moves the decision, whether maps by intervention and other methods agree,
    and how steady and how concentrated maps are.
    """
    methods = chosen_methods(subject, lens)
    sample = balanced(subject.evaluation, trusted_images(subject, lens), subject.seed)
    done, total = 0, len(methods) + GROUPS

    def advance(_: int = 1) -> None:
        nonlocal done
        done += 1
        progress("trust in maps", done, total)

    maps = attributions(subject, sample, lens, advance, methods)
    kept = np.ones(len(sample), bool)
    for values in maps.values():
        kept &= finite_maps(values).numpy()
    if not maps or not kept.any():
        none = "There is no map that could be trusted: no method gives finite numbers."
        return Finding(schemas.TRUST, Table.from_rows(TrustRow, []), caveats=(none,))
    again, generator = maps_again(lens, methods), torch.Generator().manual_seed(subject.seed)

    def with_blind(made: Mapping[str, Tensor]) -> dict[str, Tensor]:
        shape = next(iter(made.values())).shape
        return {**made, BLIND: torch.rand(shape, generator=generator)}

    chosen = np.flatnonzero(kept)
    found = measures(
        subject,
        sample.at(chosen),
        with_blind({k: v[chosen] for k, v in maps.items()}),
        lens,
        lambda model, images: with_blind(again(model, images)),
        advance,
    )
    rows = judged_maps(found, subject.seed)
    return Finding(
        schemas.TRUST,
        Table.from_rows(TrustRow, rows),
        statements=statements(rows),
        caveats=_CAVEATS,
    )


def judged_maps(found: Measures, seed: int) -> list[TrustRow]:
    """Turn what was measured into probabilities; their intervals are the bootstrap's.

    Each draw takes the images anew, and the weights of a calibration on as many families drawn
    anew.
    """
    known, n = calibration(), found.values.shape[1]
    first = np.array([0])
    seeing = np.array([name != BLIND for name in found.methods])
    standard = known.standard(found.names, found.values.mean(1), seeing)
    precision = known.precisions(standard[None], first)
    value = known.chances(precision, first)[0]
    rng = np.random.default_rng([seed, 4113])
    sets = rng.integers(1, len(known.weights), _DRAWS)
    taken = rng.multinomial(n, np.full(n, 1 / n), _DRAWS) / n  # [S, n]
    means = known.standard(found.names, np.einsum("sn,mnf->smf", taken, found.values), seeing)
    drawn = known.chances(known.precisions(means, sets), sets)
    lo, hi = np.quantile(drawn, [0.025, 0.975], axis=0)
    names = [name for name in found.methods if name != BLIND]
    at = {name: found.methods.index(name) for name in found.methods}
    best = max(names, key=lambda name: value[at[name]])
    control = float(value[at[BLIND]]) if BLIND in at else None
    return [
        TrustRow(
            method=name,
            probability=Estimate(
                float(value[at[name]]),
                float(min(lo[at[name]], value[at[name]])),
                float(max(hi[at[name]], value[at[name]])),
                control=control,
            ),
            n=n,
            recommended=name == best,
            method_name=display_name(name),
        )
        for name in names
    ]
