"""Runs on Ray, in a network of its own: an actor is killed, a machine is lost, a token is wrong.

`python ray_cluster.py FOLDER` prints what it tries; it ends with an error where anything else
happens than should.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from test_shards import tables
from test_workers import LENSES, RUN, TINY


def begin(folder: Path, out: str, *words: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "holistic", *RUN, *LENSES, "--out", out, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


def actors() -> Iterator[int]:
    """Processes of actors that work."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::Actor.work"):
                yield int(path.parent.name)
        except OSError:
            continue


def working(process: subprocess.Popen[str], home: Path) -> None:
    """Wait until both workers have begun a lens."""
    deadline = time.monotonic() + 300
    while len(list(home.glob(".shards/*/progress.json"))) < 2:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def local(folder: Path, wanted: dict[str, bytes]) -> None:
    process = begin(folder, "local", "--workers", "2", "--ray", "local")
    working(process, folder / "local")
    os.kill(next(actors()), signal.SIGKILL)
    said = ended(process)
    assert tables(folder / "local") == wanted
    assert "Ray listens" not in said
    print("an actor was killed: the same bytes")


def lost(folder: Path, wanted: dict[str, bytes]) -> None:
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ray = "--workers", "2", "--ray", cluster.address
        process = begin(folder, "wrong", *ray, RAY_AUTH_TOKEN=secrets.token_hex(32))
        _, said = process.communicate(timeout=300)
        assert process.returncode == 2
        assert "can't be reached" in said.strip().split("\n")[-1], said
        print("a wrong token: a line")
        process = begin(folder, "cluster", *ray)
        working(process, folder / "cluster")
        cluster.remove_node(nodes[1], allow_graceful=False)
        ended(process)
        assert tables(folder / "cluster") == wanted
        print("a machine was lost: the same bytes")
    finally:
        cluster.shutdown()


def main(folder: Path) -> None:
    (folder / "tiny.py").write_text(TINY)
    ended(begin(folder, "alone"))
    wanted = tables(folder / "alone")
    local(folder, wanted)
    lost(folder, wanted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
