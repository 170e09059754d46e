"""Write the report that `make browser` opens beside a real one: its names could break a page."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import planted_report
from holistic.report import write_report

HOSTILE = (
    "<img src=x onerror=alert(@)>",
    "</script><script>alert(@)</script>",
    '"><svg onload=alert(@)>',
    "javascript:alert(@)",
    "'};alert(@);//",
    "${alert(@)}",
    "</style><script>alert(@)</script>",
    "<iframe srcdoc='<script>alert(@)</script>'>",
    "<a href=javascript:alert(@)>x</a>",
    "-->\u2028alert(@)",
)


def main(folder: Path) -> None:
    """Write a report with five hundred hostile class names into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = (HOSTILE[i % len(HOSTILE)].replace("@", str(i)) for i in range(500))
    planted_report.CLASSES = (*names, "plain")
    planted_report.STRONGEST = (*planted_report.STRONGEST[:2], "plain", -3.25)
    with tempfile.TemporaryDirectory() as place:
        write_report(planted_report.audit(Path(place) / "hostile"), folder / "hostile.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
