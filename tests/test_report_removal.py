"""Do the pictures of removal show what the tables say?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from holistic.lenses.ablation import figures
from holistic.lenses.ablation.schemas import OffTarget, ShapleyValue
from holistic.report.saved import Audit
from holistic.results.findings import Finding
from holistic.results.tables import Table
from made import a_finding

HOSTILE = "$x^{</script>"


def drawn(finding: Finding, draw) -> tuple[Figure, str]:
    (picture,) = draw(finding, Audit(Path()))
    return picture


@pytest.fixture
def matrix() -> Finding:
    """Class c's units cost class c 0.5 and the class after it 0.1."""
    names, drops = ("a", HOSTILE, "c"), 0.5 * np.eye(3) + 0.1 * np.roll(np.eye(3), 1, 1)
    columns = {
        "site": "s", "removed_for": np.repeat(names, 3), "class": np.tile(names, 3), "k": 10,
        "drop": drops.ravel(), "lo": drops.ravel() - 0.1, "hi": drops.ravel() + 0.1,
        "lost": 5, "gained": 0, "n": 10, "p": 0.01, "q": 0.02,
    }  # fmt: skip
    controls = [n for n in table_columns(OffTarget) if n not in columns]
    return a_finding(
        "ablation.off_target",
        Table.build(OffTarget, {**columns, **dict.fromkeys(controls, 0.01)}),
    )


def table_columns(row: type) -> list[str]:
    from holistic.results.columns import columns_of

    return [column.name for column in columns_of(row)]


def test_the_off_target_matrix_is_drawn_as_a_change(matrix: Finding) -> None:
    figure, caption = drawn(matrix, figures.off_target)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(np.diag(shown), -0.5)
    np.testing.assert_allclose([shown[0, 1], shown[1, 2], shown[2, 0]], -0.1)
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high  # zero in the middle of the colours
    assert "without the top 10 units" in caption
    assert "n = 10 examples" in caption
    figure.savefig(Path("/dev/null"), format="png")  # hostile names aren't read as mathematics


def test_the_largest_shares_come_first_with_their_errors() -> None:
    values = np.linspace(0, 1, 40)
    columns = {
        "site": "s", "unit": np.arange(40), "class": "all", "shapley": values, "se": 0.1,
        "lo": values - 0.2, "hi": values + 0.2, "p": 0.5, "q": 0.5, "effect": -values / 2,
        "orders": 100, "truncated": 0.0,
    }  # fmt: skip
    finding = a_finding("ablation.shapley", Table.build(ShapleyValue, _whole(columns)))
    figure, caption = drawn(finding, figures.shapley)
    axis = figure.axes[0]
    widths = [bar.get_width() for bar in axis.patches]
    np.testing.assert_allclose(widths, values[-16:])
    assert [label.get_text() for label in axis.get_yticklabels()][-1] == "39"
    assert "16 largest of 40" in caption


def _whole(columns: dict) -> dict:
    missing = [n for n in table_columns(ShapleyValue) if n not in columns]
    return {**columns, **dict.fromkeys(missing, 0)}
