"""Workers that are actors of a Ray cluster, whose machines see the same folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import secrets
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holistic.errors import SettingError, notice
from holistic.executors import Ended
from holistic.executors.processes import environment, last_line
from holistic.report.saved import Audit
from holistic.results.files import check_target
from holistic.results.parts import Shard

__all__ = ["OnRay", "on_ray"]

_LOCAL = "local"
_PASSED = ("PYTHONPATH", "HOLISTIC_DATA")
"""Variables of this process's environment that workers on other machines are given."""
_DIED = 137
"""Exit code of a worker that was killed."""
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "error"}
"""Nothing is reported to Ray's makers, and what it has to say stays in its own logs."""


@contextmanager
def on_ray(
    run: Audit, words: Sequence[str], address: str, workers: int
) -> Generator[Callable[[Shard], OnRay]]:
    """Start Ray on this machine, or join a cluster; yield what starts the worker of a shard.

    Whoever asks anything of the cluster must have its token. Of this machine's own Ray it is drawn
    anew; of a cluster it is in the environment, as Ray has it.

    Parameters
    ----------
    run
        The audit that was begun.
    words
        Words of the command line.
    address
        `local`, or HOST:PORT of a cluster.
    workers
        How many there are going to be.

    Raises
    ------
    SettingError
        If Ray isn't installed, there is no token, or the cluster can't be reached.
    """
    ray = _joined(address, workers)
    try:
        for line in _exposed(ray.get_runtime_context().gcs_address):
            notice(line)
        gpus = _gpus(ray, workers) if run.provenance.get("device") == "cuda" else 0.0

        def start(shard: Shard) -> OnRay:
            return OnRay(ray, run, shard, (words, gpus))

        yield start
    finally:
        ray.shutdown()


def _joined(address: str, workers: int) -> Any:
    """Ray, started here or joined."""
    own = {} if address != _LOCAL else {_TOKENS[0]: secrets.token_hex(32)}
    if not own and not any(map(os.environ.get, _TOKENS)) and not _token_file().exists():
        raise SettingError(
            f"Ray at '{address}' asks for its token: put it into RAY_AUTH_TOKEN, or its file's "
            "path into RAY_AUTH_TOKEN_PATH"
        )
    os.environ.update(_QUIET, **own, RAY_AUTH_MODE="token")
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SettingError(
            "--ray needs Ray; install it with pip install 'holistic-interpretability[ray]'"
        ) from None
    here: dict[str, Any] = {
        "include_dashboard": False, "num_cpus": workers, "_node_ip_address": "127.0.0.1",
    }  # fmt: skip
    try:
        ray.init(address, log_to_driver=False, logging_level="error", **(here if own else {}))
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise SettingError(f"Ray at '{address}' can't be reached: {first}") from error
    return ray


def _token_file() -> Path:
    return Path.home() / ".ray" / "auth_token"


def _gpus(ray: Any, workers: int) -> float:
    """How much of a GPU each worker has."""
    return min(1.0, ray.cluster_resources().get("GPU", 0.0) / workers)


def _exposed(address: str) -> list[str]:
    """Say where a cluster that is asked from this machine listens, if not on loopback alone."""
    host, _, port = address.rpartition(":")
    wide = "anybody who has its token can run code there; see docs/cluster.md"
    if host not in ("127.0.0.1", "localhost", "::1"):
        return [f"Ray listens on {host}: {wide}"]
    if any(_listens_wide(Path(f"/proc/net/{kind}"), int(port)) for kind in ("tcp", "tcp6")):
        return [f"Ray listens on all interfaces of this machine: {wide}"]
    return []


def _listens_wide(table: Path, port: int) -> bool:
    """Say whether the kernel's table has a socket that takes whoever comes from outside."""
    try:
        rows = table.read_text().split("\n")[1:]
    except OSError:
        return False
    return any(re.match(rf"\s*\d+: 0+:{port:04X} 0+:0000 0A", row) for row in rows)


class OnRay:
    """A worker in an actor: a process that holds the model, on whichever machine has room.

    Parameters
    ----------
    ray
        The package, joined to a cluster.
    run
        The audit.
    shard
        What it works on.
    given
        Words of the command line, and the part of a GPU that it has.
    """

    def __init__(
        self, ray: Any, run: Audit, shard: Shard, given: tuple[Sequence[str], float]
    ) -> None:
        words, gpus = given
        folder = shard.folder(run.path.absolute())
        self._ray, self._log = ray, folder.with_name(f"{folder.name}.log")
        more = environment(shard, run.provenance["threads"])
        more |= {n: os.environ[n] for n in _PASSED if n in os.environ}
        self._actor = (
            ray.remote(Actor)
            .options(num_cpus=1, num_gpus=gpus, runtime_env={"env_vars": more})
            .remote()
        )
        place = str(Path.cwd()), str(folder), run.provenance["key"]
        self._end = self._actor.work.remote(list(words), place)

    def ended(self) -> Ended | None:
        """Say how it ended; None while it works, or waits for room."""
        if not self._ray.wait([self._end], timeout=0)[0]:
            return None
        try:
            code, line = self._ray.get(self._end)
        except self._ray.exceptions.RayError:
            return Ended(_DIED, "its process or its machine was lost")
        return Ended(code, line or last_line(self._log))

    def stop(self) -> None:
        """End it; nothing where it has ended."""
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor)


class Actor:
    """What runs in an actor's process."""

    def work(self, words: list[str], place: tuple[str, str, str]) -> tuple[int, str]:
        """Do the shard that the environment names; return the exit code and why it is one.

        Parameters
        ----------
        words
            Words of the command line.
        place
            Where the command was given, the shard's folder, and the key of the audit.
        """
        here, folder, key = place
        try:
            os.chdir(here)
            known = json.loads((Path(folder) / "audit.json").read_text())["provenance"]["key"]
        except (OSError, ValueError, KeyError) as error:
            return 2, f"a machine of the cluster doesn't see the audit's folder ({error})"
        if known != key:
            return 2, f"a machine of the cluster sees another audit in '{folder}'"
        log = Path(folder).with_name(f"{Path(folder).name}.log")
        check_target(log)
        with (
            log.open("w") as file,
            contextlib.redirect_stderr(file),
            contextlib.redirect_stdout(file),
        ):
            return _run(words), ""


def _run(words: Sequence[str]) -> int:
    """Do what `python -m holistic` does; return its exit code."""
    sys.argv = ["holistic", *words]
    try:
        runpy.run_module("holistic", run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
