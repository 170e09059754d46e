"""Do intervals hold the truth as often as they say, in the short form of `make coverage`?"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from benchmarks.coverage.__main__ import simulations
from benchmarks.coverage.columns import PROMISES, SPOKEN, UNBOUND
from benchmarks.coverage.simulation import Simulation, kept

from holistic.results.schema import Schema
from made import own_schemas


def of_tests() -> dict[str, dict[str, str]]:
    """What the tests of lenses say in a `PROMISES` of their own, as `benchmarks` does."""
    found = dict[str, dict[str, str]]()
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="PROMISES")], value=value):
                    found |= ast.literal_eval(value)
                case _:
                    pass
    return found


PROMISED = {**PROMISES, **of_tests()}


@pytest.mark.parametrize(
    "simulation", list(simulations()), ids=lambda s: f"{s.finding}, {s.promise}, n = {s.n}"
)
def test_a_promise_is_kept(simulation: Simulation) -> None:
    found = kept(simulation, simulation.short)
    assert found.within(simulation.target, errors=3.0), found


def test_draws_end_once_the_rate_is_clear_of_every_end() -> None:
    rates = {0.95: 400, 0.93: 1000, 0.5: 25}
    for rate, most in rates.items():
        hits = np.random.default_rng(0).binomial(20, rate, 1000)
        tried = Simulation("a", "b", "interval", 200, lambda seed, hits=hits: (int(hits[seed]), 20))
        found = kept(tried, 1000, early=True)
        assert found.draws <= most
        assert found.draws % 25 == 0
    silent = Simulation("a", "b", "q", 200, lambda seed: (0, 1))
    assert kept(silent, 160).draws == 160
    assert kept(silent, 1000, early=True).draws == 150  # 0 of 142 is below 6 % at 99.7 %


@pytest.fixture(scope="module")
def tried() -> list[Simulation]:
    return list(simulations())


_KINDS = {"lo": ("interval",), "p": ("p", "q"), "q": ("q",)}
"""Kinds of promises that a column of a role may rest on: where no q is small, no p is far below."""


def rests_on(simulation: Simulation, promise: str) -> bool:
    finding, _, words = promise.partition(": ")
    return simulation.finding == finding and simulation.promise.startswith(words)


SCHEMAS = [s for s in own_schemas() if s.row]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
def test_every_interval_p_and_q_rests_on_a_promise(schema: Schema, tried: list[Simulation]) -> None:
    kinds = {c.name: _KINDS[c.role] for c in schema.columns if c.role in _KINDS}
    ends = [{c.of for c in schema.columns if c.role == role} for role in ("lo", "hi")]
    assert ends[0] == ends[1]
    told = PROMISED.get(schema.name, {})
    named = [column for columns in told.values() for column in columns.split()]
    assert {*named, *UNBOUND.get(schema.name, "").split()} == kinds.keys()
    for promise, columns in told.items():
        found = {s.kind for s in tried if rests_on(s, promise)}
        for column in columns.split():
            assert found & set(kinds[column]), (promise, column)


def test_every_promise_stands_behind_a_column_or_a_sentence(tried: list[Simulation]) -> None:
    promises = {*SPOKEN, *(promise for told in PROMISED.values() for promise in told)}
    for simulation in tried:
        assert any(rests_on(simulation, p) for p in promises), simulation.promise
    assert PROMISED.keys() <= {schema.name for schema in SCHEMAS}
