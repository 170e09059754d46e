"""Is the script that the package ships what its sources build to?"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src/holistic/report/_web"
VITE = ROOT / "web/node_modules/.bin/vite"


@pytest.mark.skipif(
    shutil.which("node") is None or not VITE.exists(), reason="needs node and `make web` once"
)
def test_shipped_build_is_a_fresh_build_of_the_sources(tmp_path: Path) -> None:
    command = [str(VITE), "build", "--outDir", str(tmp_path), "--logLevel", "error"]
    for page in ("report", "live"):
        subprocess.run(command, cwd=ROOT / "web", check=True, capture_output=True, timeout=120,
                       env=os.environ | {"PAGE": page})  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in SHIPPED.iterdir())
    for built in tmp_path.iterdir():
        assert built.read_bytes() == (SHIPPED / built.name).read_bytes(), built.name


def test_lock_names_no_registry() -> None:
    lock = (ROOT / "web/package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
