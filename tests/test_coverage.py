"""Do intervals hold the truth as often as they say, in the short form of `make coverage`?"""

from __future__ import annotations

import pytest
from benchmarks.coverage.__main__ import simulations
from benchmarks.coverage.simulation import Simulation, kept


@pytest.mark.parametrize(
    "simulation", list(simulations()), ids=lambda s: f"{s.finding}, {s.promise}, n = {s.n}"
)
def test_a_promise_is_kept(simulation: Simulation) -> None:
    found = kept(simulation, simulation.short)
    assert found.within(simulation.target, errors=3.0), found
