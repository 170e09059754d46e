"""Do the sentences of the lens `tracing` hold the numbers of the right rows, in their places?"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from holistic.lenses.tracing import directions_statements, patching_statements
from holistic.lenses.tracing.schemas import DirectionRow, Patched
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from made import a_row

KEPT = SimpleNamespace(kept=np.array([True]))


def an_estimate(value: float, n: int | None = None, q: float = 0.01) -> Estimate:
    """A number whose parts differ from each other in the first two decimals."""
    return Estimate(
        value, value - 0.1, value + 0.2, n=n, control=0.03, control_lo=-0.04, control_hi=0.05,
        p=q, q=q,
    )  # fmt: skip


def a_patch(site: str, unit: int | None, clean: str, way: str, recovery: Estimate) -> Patched:
    between = {"clean": clean, "corrupt": "all", "direction": way}
    return a_row(Patched, site=site, unit=unit, **between, recovery=recovery, n=12, excluded=3)


def a_direction(site: str, name: str, size: float, q: float) -> DirectionRow:
    auroc, slope, drop = (an_estimate(size + more, n=7, q=q) for more in (0.0, 1.0, 0.1))
    return a_row(
        DirectionRow, site=site, class_=name, method="class_mean_difference", auroc=auroc,
        cosine=0.5, spread=2.0, steer_slope=slope, steer_controls=20, erase_drop=drop,
        erase_controls=40,
    )  # fmt: skip


def test_patching_names_the_unit_and_the_site_that_move_most() -> None:
    rows = [
        a_patch("2", None, "all", "denoise", an_estimate(1.0)),
        a_patch("1", None, "all", "denoise", an_estimate(0.3)),
        a_patch("0", None, "all", "denoise", an_estimate(0.6)),
        a_patch("0", None, "all", "noise", an_estimate(0.9)),
        a_patch("0", 4, "a", "denoise", an_estimate(0.5)),
        a_patch("0", 5, "b", "denoise", an_estimate(0.7, q=0.2)),
        a_patch("0", 6, "b", "denoise", an_estimate(-0.8)),
        a_patch("0", 4, "all", "denoise", an_estimate(0.8)),
        a_patch("0", 4, "a", "noise", an_estimate(0.4, q=0.3)),
    ]
    lines = patching_statements.statements(Table.from_rows(Patched, rows), KEPT)
    assert lines[0] == (
        "1 of 3 units move the decision towards some class on their own at q < 0.05 (denoise); "
        "the most that one moves, of 3 tests, is 50.0 % [40.0, 70.0] of the gap (unit 4 of "
        "site '0', class a, n = 12 pairs; the same patch within the class: 3.0 % [-4.0, 5.0])."
    )
    assert lines[1].startswith("No units move the decision away from any class on their own")
    assert "passes through site '2'" in lines[2]
    assert "Of the other 2 whole sites, site '0' alone brings back most" in lines[3]
    assert "60.0 % [50.0, 80.0] (n = 12 runs)" in lines[3]
    assert lines[3].endswith("own class: 3.0 % [-4.0, 5.0].")


def test_directions_name_the_weakest_reading_and_the_strongest_use() -> None:
    rows = [
        a_direction("0", "a", 0.5, 0.01),
        a_direction("4", "a", 0.7, 0.2),
        a_direction("4", "b", 0.6, 0.03),
    ]
    reading, steering, erasing = directions_statements.statements(
        Table.from_rows(DirectionRow, rows), "margin"
    )
    assert "At site '4'" in reading
    assert "AUROC of at least 0.600 [0.500, 0.800] (class b, n = 7)" in reading
    assert "0.030 on average, 97.5 % of them below 0.050" in reading
    assert steering.startswith("Steering site '4' by one SD along the direction of class a raises")
    assert "1.70" in steering
    assert "[1.60, 1.90] (n = 7, the most of 3); 20 random directions" in steering
    assert "0.03 [-0.04, 0.05]. 2 of 3 class mean differences" in steering
    assert "costs it 80.0 points of accuracy [70.0, 100.0] (n = 7, the most of 3)" in erasing
    assert "erasing one of 40 random directions 3.0 [-4.0, 5.0] (q = 0.2)" in erasing
    assert "2 of 3 class mean differences are needed" in erasing
