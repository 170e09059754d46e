"""Looks at what numbers rest on: versions, threads, devices, and whether they come again."""

from __future__ import annotations

import platform

import torch

import holistic
from holistic.doctoring.schemas import ENVIRONMENT, EnvironmentRow
from holistic.doctoring.zoo.carriers import sole_carriers
from holistic.graph.torch_settings import settled
from holistic.results.findings import Finding
from holistic.results.tables import Table

__all__ = ["environment"]


def environment(seed: int = 0) -> Finding:
    """Return versions, threads and devices, and whether a sweep comes again: `doctor.environment`.

    What numbers depend on and what an audit records is listed; only what makes them wrong fails.
    """
    rows = [
        EnvironmentRow("holistic", holistic.__version__, sound=True),
        EnvironmentRow("Python", platform.python_version(), sound=True),
        EnvironmentRow("torch", torch.__version__, sound=True),
        EnvironmentRow("machine", f"{platform.machine()}, {platform.system()}", sound=True),
        EnvironmentRow("threads", str(torch.get_num_threads()), sound=True),
        EnvironmentRow("device", _device(), sound=True),
        _again(seed),
        _precise(),
    ]
    wrong = [row for row in rows if not row.sound]
    lines = tuple(f"{row.what[0].upper()}{row.what[1:]}: {row.found}." for row in wrong)
    lines = lines or ("Numbers come again to the last bit, and matrix products are precise.",)
    return Finding(ENVIRONMENT, Table.from_rows(EnvironmentRow, rows), lines)


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"


def _again(seed: int) -> EnvironmentRow:
    """Run the same sweep twice, of the same network planted twice."""
    tables = [holistic.sweep(sole_carriers(seed)[0].subject, edit="mean") for _ in range(2)]
    effects = [table.column("effect").tobytes() for table in tables]
    same = effects[0] == effects[1]
    found = "the same to the last bit" if same else "different from run to run"
    return EnvironmentRow("numbers of the same seed", found, same)


@settled()
def _precise() -> EnvironmentRow:
    """Compare a product of matrices on the device that is used with one in float64."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    left, right = torch.randn(2, 256, 256, generator=torch.Generator().manual_seed(0))
    exact = left.double() @ right.double()
    product = (left.to(device) @ right.to(device)).cpu().double()
    error = float((product - exact).abs().max() / exact.abs().max())
    return EnvironmentRow("rounding of matrix products", f"{error:.0e}", error < 1e-5)
