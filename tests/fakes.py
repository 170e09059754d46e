"""Lenses that take no time, for tests of what runs lenses."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from holistic import starting
from holistic.lenses import Context, Lens
from holistic.lenses._places import Place
from holistic.report.saved import Audit
from holistic.results.columns import col
from holistic.results.findings import Finding
from holistic.results.shared import EXAMPLES, SharedExample
from holistic.results.tables import Table
from holistic.study.subject import Subject
from made import a_finding

BREAKS = {
    "stop": KeyboardInterrupt(),
    "bug": ZeroDivisionError(),
    "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
}
"""What `$BREAKS` makes the second lens raise; `kill` ends the process."""
CALLS: list[str] = []
"""Names of the lenses that were run, in order."""


@dataclass(frozen=True)
class Row:
    """Row of every fake finding."""

    unit: int = col("index of the unit")
    effect: float = col("score after minus before", unit="logits")


def finding(name: str, values: np.ndarray) -> Finding:
    table = Table.build(Row, {"unit": np.arange(len(values)), "effect": values})
    return a_finding(name, table, ("it says so",), ("careful",), {name: values.astype(np.float32)})


@dataclass(frozen=True)
class Early(Lens):
    """A lens that draws from the subject's seed."""

    name: ClassVar[str] = "early"
    question: ClassVar[str] = "what comes first?"
    draws: int = 5
    quantiles: tuple[float, ...] = (0.1, 0.9)

    def run(self, subject, context: Context) -> Iterator[Finding]:
        CALLS.append(self.name)
        rng = np.random.default_rng(subject.seed)
        for step in range(self.draws):
            context.progress("draws", step + 1, self.draws)
        yield finding("early.units", rng.normal(size=self.draws))


@dataclass(frozen=True)
class Middle(Lens):
    """A lens that can be made to break off between two findings."""

    name: ClassVar[str] = "middle"
    question: ClassVar[str] = "what breaks?"

    def run(self, subject, context: Context) -> Iterator[Finding]:
        CALLS.append(self.name)
        yield finding("middle.one", np.ones(3))
        breaks = os.environ.get("BREAKS")
        if breaks == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if breaks:
            raise BREAKS[breaks]
        yield finding("middle.two", np.array([np.nan, 2.0]))


@dataclass(frozen=True)
class Late(Lens):
    """A lens that reads the others."""

    name: ClassVar[str] = "late"
    question: ClassVar[str] = "do they agree?"
    needs: ClassVar[tuple[str, ...]] = ("early", "middle")

    def run(self, subject, context: Context) -> Iterator[Finding]:
        CALLS.append(self.name)
        early = context.findings["early.units"]
        assert context.findings.get("nothing.here") is None
        assert "middle.two" in context.findings
        assert len(context.findings) == len(list(context.findings)) >= 4
        assert early.arrays["early.units"].dtype == np.float32
        yield finding("late.units", early.table.column("effect") * 2)


def patterns() -> tuple[np.ndarray, np.ndarray]:
    """Data set of three classes: which third of a small image is bright."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    images = rng.random((120, 1, 3, 4)) * 0.5
    images[np.arange(120), 0, labels] += 0.5
    return images, labels


def network() -> nn.Module:
    """Model for `patterns` with weights that are the same every time."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))
    return model


def linear() -> nn.Module:
    """Model for `patterns` that has nothing hidden."""
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3))


LENSES = {"early": Early, "middle": Middle, "late": Late}


class Unlooked:
    """The first look that wasn't taken."""

    def record(self) -> dict[str, object]:
        """Nothing was seen."""
        return {}


def unlooked(patch: pytest.MonkeyPatch) -> None:
    """Let audits begin without a look at model and examples, so of any subject."""
    patch.setattr(starting, "first_look", lambda *_, **__: Unlooked())
    none, real = Finding(EXAMPLES, Table.from_rows(SharedExample, [])), starting.shared_examples
    patch.setattr(
        starting, "shared_examples", lambda one: real(one) if isinstance(one, Subject) else none
    )


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: Place("fakes", kind.__name__) for name, kind in LENSES.items()}
    monkeypatch.setattr("holistic.lenses._contract.lens_places", lambda: places)
    monkeypatch.setattr(Audit, "report", lambda self, path=None: reported(self))
    unlooked(monkeypatch)


def reported(run: Audit) -> Path:
    (run.path / "report.html").write_text(" ".join(run.names), encoding="utf-8")
    return run.path / "report.html"


def digests(folder: Path) -> dict[str, str]:
    """Hash every table and array of an audit."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for room in ("tables", "arrays")
        for path in sorted((folder / room).glob("*"))
    }
