"""Is whatever a user types answered in one line, in time, and without harm?"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.cli.streams import as_line, kept_apart, ready
from holistic.errors import ModelError, ShortOfMemory, explain_memory_errors, notice
from holistic.usercode import called, imported
from odd_inputs import cases
from test_subject import plain
from zoo import ZOO, make


def test_a_sample_of_odd_command_lines() -> None:
    """The script itself runs all of them."""
    assert len(cases()) >= 300
    script = Path(__file__).with_name("odd_inputs.py")
    done = subprocess.run(
        [sys.executable, script, "23"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("command lines, 0 not as they must be\n")


def test_what_users_print_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with ready():
        print("before")
        with kept_apart():
            print("meanwhile")
            os.system("echo below")
        print("after")
    assert capfd.readouterr().out.split() == ["before", "after"]


def test_notices_are_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with ready():
        notice("two\nlines\x1b[2J")
        notice("two\nlines\x1b[2J")
    assert capsys.readouterr().err == "note: two lines\\x1b[2J\n" * 2


def test_very_long_lines_keep_both_ends() -> None:
    line = as_line("start " + "é" * 5000 + " end")
    assert (line[:6], line[-4:], len(line) < 1100) == ("start ", " end", True)


def ends(x: object = None) -> None:
    sys.exit(3)


def test_code_that_ends_the_program_is_told_and_ctrl_c_is_not() -> None:
    with pytest.raises(ModelError, match=r"'a:b' failed: it ended the program by sys.exit\(3\)"):
        called("a:b", ends, ModelError)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        called("a:b", stop, ModelError)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(:", "SyntaxError in line 1 of 'odd_module_"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(0)", r"it ended the program by sys.exit\(0\)"),
    ],
)
def test_modules_that_cannot_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    name = f"odd_module_{len(text)}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=rf"'{name}:f' can't be imported: {told}"):
        imported(f"{name}:f", ModelError)


class Turning(nn.Module):
    """Does something odd where a pixel is beyond a bound, or in batches of more than so many."""

    def __init__(self, act: object, *, bound: float = math.inf, most: int = 2**30) -> None:
        super().__init__()
        self.body, self.act, self.bound, self.most = make(ZOO["mlp"]), act, bound, most

    def forward(self, x: Tensor) -> Tensor:
        if float(x.max()) > self.bound or len(x) > self.most:
            self.act()
        return self.body(x)


def divides() -> None:
    raise ZeroDivisionError("mine")


FAILS = pytest.mark.parametrize(
    ("act", "told"), [(divides, "ZeroDivisionError: mine"), (ends, "sys.exit")]
)


@FAILS
def test_a_model_that_fails_on_larger_batches_is_told(act: object, told: str) -> None:
    with pytest.raises(ModelError, match=f"(runs on 5 images, but not|can't be run).*{told}"):
        holistic.Subject(Turning(act, most=10), plain())


@FAILS
def test_a_model_that_fails_later_is_told(act: object, told: str) -> None:
    images = torch.zeros(300, *plain()[0].shape[1:])
    images[7] = 9.0  # none of the images that a subject is tried on
    subject = holistic.Subject(Turning(act, bound=5.0), (images, torch.arange(300) % 4))
    assert not subject.traced
    with pytest.raises(ModelError, match=f"can't be run( on the images from 0 on)?: .*{told}"):
        subject.predict(images)


def test_memory_that_runs_out_is_told_whoever_noticed() -> None:
    for ask in (lambda: torch.empty(2**45), lambda: bytearray(2**60)):
        told = r"not enough memory: .*; study fewer"
        with pytest.raises(ShortOfMemory, match=told) as error, explain_memory_errors():
            ask()
        assert isinstance(error.value, MemoryError)
    with pytest.raises(RuntimeError, match="something else"), explain_memory_errors():
        raise RuntimeError("something else")


@pytest.mark.parametrize("classes", [300, 600])
def test_as_many_classes_as_there_are(classes: int) -> None:
    """Samples that a lens draws hold two of every class, also where that is more than it asked."""
    torch.manual_seed(0)
    labels = torch.arange(4 * classes) % classes
    images = torch.randn(classes, 6)[labels] + 0.1 * torch.randn(4 * classes, 6)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, classes)).eval()
    subject = holistic.Subject(model, (images, labels))
    for count in (1, 500, 1000):
        some = subject.evaluation.sample(count, seed=0)
        assert torch.bincount(some.labels, minlength=classes).min() == min(2, count * classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bool(subject.optimal("1").isfinite().all())
