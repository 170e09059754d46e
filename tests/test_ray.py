"""Workers on Ray end with the same bytes, whatever dies; each test has a network of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from holistic.errors import SettingError
from holistic.executors.on_ray import _listens_wide, on_ray

ALONE = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""Ray listens on all interfaces unless there is only loopback."""


def _no_network() -> str:
    """Why there can be no network of a process's own; nothing where there can."""
    try:
        subprocess.run([*ALONE, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network of its own: {error}"
    return ""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray isn't installed")
@pytest.mark.skipif(bool(_no_network()), reason="unshare makes no network here")
def test_actors_and_machines_may_die_and_strangers_stay_out(tmp_path: Path) -> None:
    script = Path(__file__).with_name("ray_cluster.py")
    log = tmp_path / "log"
    with log.open("w") as file:  # a pipe would be held open by whatever Ray leaves
        done = subprocess.run(
            [*ALONE, sys.executable, "-u", str(script), str(tmp_path)],
            stdout=file, stderr=file, timeout=580,
        )  # fmt: skip
    assert done.returncode == 0, log.read_text()
    assert log.read_text().count("the same bytes") == 2


def test_a_cluster_without_a_token_gets_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("holistic.executors.on_ray._token_file", lambda: Path("/nowhere"))
    with (
        pytest.raises(SettingError, match="put it into RAY_AUTH_TOKEN"),
        on_ray(None, (), "10.0.0.1:6379", 2),  # pyright: ignore[reportArgumentType]
    ):
        pass


@pytest.mark.parametrize(
    ("row", "wide"),
    [
        ("   1: 00000000:18EB 00000000:0000 0A 00000000:00000000", True),
        (f"  12: {'0' * 32}:18EB {'0' * 32}:0000 0A", True),
        ("   1: 0100007F:18EB 00000000:0000 0A 00000000:00000000", False),
        ("   1: 00000000:18EC 00000000:0000 0A 00000000:00000000", False),
        ("   1: 00000000:18EB 00000000:0000 01 00000000:00000000", False),
    ],
)  # fmt: skip
def test_what_listens_wider_than_loopback_is_seen(tmp_path: Path, row: str, wide: bool) -> None:
    table = tmp_path / "tcp"
    table.write_text(f"  sl  local_address rem_address   st\n{row}\n")
    assert _listens_wide(table, 6379) is wide
    assert not _listens_wide(tmp_path / "none", 6379)
