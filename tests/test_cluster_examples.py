"""What examples/cluster shows works: the local one is run, the others name real flags and jobs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import holistic
from test_shards import tables
from test_workers import LENSES, RUN, TINY

FOLDER = Path(__file__).parents[1] / "examples" / "cluster"


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_local_processes_end_with_the_bytes_of_one_run(tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text(TINY)
    program = tmp_path / "bin" / "holistic"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m holistic "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}

    def run(*words: str) -> None:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, done.stderr

    run("sh", str(FOLDER / "local.sh"), "2", "shared", *RUN[1:], *LENSES)
    run("holistic", *RUN, *LENSES, "--out", "alone")
    assert tables(tmp_path / "shared") == tables(tmp_path / "alone")
    assert holistic.load(tmp_path / "shared").finished == ("mechanism", "tracing")
    assert not (tmp_path / "shared" / ".shards").exists()


def test_the_job_of_kubernetes_has_an_index_for_every_shard() -> None:
    job = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text())
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["completionMode"] == "Indexed"
    assert f'JOB_COMPLETION_INDEX + 1))/{spec["completions"]}"' in container["command"][-1]
    assert "OMP_NUM_THREADS" in {variable["name"] for variable in container["env"]}


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize("task", [1, 3])
def test_the_array_of_slurm_does_its_shard_and_asks_for_the_merge_once(
    tmp_path: Path, task: int
) -> None:
    for name in ("holistic", "sbatch"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/said\n')
        program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "8", "SLURM_ARRAY_JOB_ID": "77",
        "SLURM_CPUS_PER_TASK": "1",
    }  # fmt: skip
    script = str(FOLDER / "slurm.sh")
    subprocess.run(["bash", script], env=environment, check=True)
    subprocess.run(["bash", script, "merge"], env=environment, check=True)
    said = (tmp_path / "said").read_text().splitlines()
    assert f"--shard {task}/8" in said[-2]
    assert said[-1] == "holistic merge runs/mnist-cnn"
    assert len(said) == (3 if task == 1 else 2)
    if task == 1:
        assert re.search(r"--dependency=afterany:77 \S+slurm.sh merge", said[0])
