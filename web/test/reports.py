"""Write the report that `make browser` opens beside a real one: its names could break a page."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import planted_report
from holistic.report import write_report

HOSTILE = "<img src=x onerror=alert(1)>"


def main(folder: Path) -> None:
    """Write the report into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        planted_report.CLASSES = (HOSTILE, "</script><script>alert(2)</script>", "plain")
        planted_report.STRONGEST = (*planted_report.STRONGEST[:2], "plain", -3.25)
        write_report(planted_report.audit(Path(place) / "hostile"), folder / "hostile.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
