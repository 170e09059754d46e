"""Compares the fast engine with hooks, unit by unit."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from holistic.doctoring.schemas import ENGINE, EngineRow
from holistic.graph.hooked import HookedEngine
from holistic.graph.torch_settings import settled
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.models import MODELS, build
from holistic.study.subject import Subject

__all__ = ["engine", "reference_networks", "slow_twin"]

_EXAMPLES, _UNITS = 24, 16
_BOUND = 1e-4


def reference_networks(seed: int) -> dict[str, Subject]:
    """Untrained reference networks on random pictures, by their names."""
    pictures = torch.rand(80, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(80) % 10
    return {
        name: Subject(
            build(name, input_shape=(1, 8, 8), classes=10, seed=seed).eval(),
            (pictures, labels),
            seed=seed,
            name=name,
        )
        for name in MODELS
    }


def slow_twin(subject: Subject) -> Subject:
    """Return the same subject, run as its own module under hooks."""
    twin, runner = copy.copy(subject), copy.copy(subject.runner)
    hooked = HookedEngine.probe(
        subject.wrapped, subject.probes, "it is the slow twin", subject.unit_axes
    )
    vars(runner).update(engine=hooked)
    twin.runner = runner
    return twin


@settled()
def engine(subjects: Mapping[str, Subject], progress: Progress = silent) -> Finding:
    """Remove units in both engines and compare every logit: `doctor.engine`.

    Parameters
    ----------
    subjects
        By what readers call the networks.
    progress
        Called with the networks that are done.
    """
    rows, untraced = list[EngineRow](), list[str]()
    for place, (name, subject) in enumerate(subjects.items()):
        if subject.traced:
            rows += _compared(name, subject)
        else:
            untraced.append(f"'{name}' runs under hooks alone: {subject.backend_note}.")
        progress("fast engine against slow twin", place + 1, len(subjects))
    wrong = [row for row in rows if not row.sound]
    lines = tuple(
        f"At '{row.site}' of {row.network} the fast engine differs by {row.difference:.0e} and in "
        f"{row.predictions} predictions."
        for row in wrong
    )
    lines = lines or ("The fast engine computes what the model computes under hooks.",)
    return Finding(ENGINE, Table.from_rows(EngineRow, rows), lines, tuple(untraced))


def _compared(name: str, subject: Subject) -> Iterator[EngineRow]:
    twin, images = slow_twin(subject), subject.evaluation.images[:_EXAMPLES]
    there = {site.name: site for site in twin.all_sites}
    for site in subject.hidden_sites:
        if site.name not in there or there[site.name].units != site.units:
            continue  # an operation that no module owns
        units = np.unique(np.linspace(0, site.units - 1, _UNITS).round().astype(int))
        fast, slow = (_removed(one, site.name, images, units) for one in (subject, twin))
        size = float(slow.abs().max())
        difference = float((fast - slow).abs().max()) / max(size, 1e-30)
        other = int((fast.argmax(-1) != slow.argmax(-1)).sum())
        sound = difference <= _BOUND and other == 0
        yield EngineRow(name, site.name, len(units), len(images), difference, _BOUND, other, sound)


def _removed(subject: Subject, site: str, images: Tensor, units: np.ndarray) -> Tensor:
    """Logits `[K, B, C]` with each of the units at zero."""
    stage = subject.stage(site, images, torch.zeros((), dtype=images.dtype, device=images.device))
    chosen = torch.from_numpy(units).repeat_interleave(len(images))
    logits = stage.units(chosen, torch.arange(len(images)).repeat(len(units)))
    return logits.double().reshape(len(units), len(images), -1)
