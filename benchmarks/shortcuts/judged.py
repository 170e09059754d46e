"""Judges one planted case: is the shortcut found, its twin left alone, and accuracy regained?"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import nn

import holistic
from benchmarks.shortcuts.cases import Case, Made, made
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution.shortcuts import shortcuts_finding
from holistic.progress import silent
from holistic.study.datasets import Labelled
from holistic.study.models import accuracy

__all__ = ["Outcome", "judged"]

_OVERLAP = 0.5
_TAKEN = 0.05


@dataclass(frozen=True)
class Outcome:
    """What became of one case.

    Attributes
    ----------
    taken_up
        Whether the network learned the shortcut: planted into other classes' clean images, or
        taken from the class's, it changes one answer in twenty.
    found
        Whether the class is named with a region that overlaps the planted one by half.
    alarm
        Whether a shortcut of the clean twin is named.
    lost, regained
        Clean accuracy that the network lost against its twin, and that the edited copy regains.
    seconds
        That finding took.
    """

    taken_up: bool
    found: bool
    alarm: bool
    lost: float
    regained: float
    seconds: float

    def line(self, name: str) -> str:
        """Say it in one line."""
        words = "found" if self.found else "missed" if self.taken_up else "not learned"
        alarm = ", FALSE ALARM in its twin" if self.alarm else ""
        return f"{name}: {words}, lost {self.lost:.3f}, regained {self.regained:.3f}{alarm}"


def judged(case: Case, *, repaired: bool = True) -> Outcome:
    """Judge a case."""
    planted = made(case)
    subject, start = planted.subject(), perf_counter()
    finding = shortcuts_finding(subject, Attribution(), silent)
    seconds = perf_counter() - start
    pairs = zip(finding.table.column("class"), finding.arrays["masks"], strict=True)
    found = any(
        name == str(planted.class_) and _overlap(mask > 0, planted.region) >= _OVERLAP
        for name, mask in pairs
    )
    twin = shortcuts_finding(planted.subject(twin=True), Attribution(), silent)
    before, best = (_clean(planted, model) for model in (planted.model, planted.twin))
    after = _clean(planted, holistic.repair(subject)) if repaired and found else before
    return Outcome(
        _taken_up(planted), found, bool(len(twin.table)), best - before, after - before, seconds
    )


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def _clean(planted: Made, model: nn.Module) -> float:
    return accuracy(model, Labelled(planted.tested, planted.tested_labels))


@torch.no_grad()
def _taken_up(planted: Made) -> bool:
    """Whether exchanging the planted region between images changes answers."""
    own = planted.labels == planted.class_
    with_, without = (
        planted.model(some[own]).argmax(1) for some in (planted.planted, planted.clean)
    )
    changed = float(((with_ == planted.class_) & (without != planted.class_)).float().mean())
    return changed >= _TAKEN
