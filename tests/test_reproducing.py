"""The origin's results are measured in every training, saved, gone on with, and shown."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import holistic
from holistic import shards
from holistic.cli import main
from holistic.errors import AuditError, DataError, SettingError
from holistic.lenses.activation import Activation
from holistic.lenses.mechanism._correlations import few_correlations
from holistic.lenses.tracing import Tracing
from holistic.reproducing import depth, groups, networks, regions, removals, reproduce, units
from holistic.reproducing.origin import LINES
from holistic.reproducing.printed import printed
from holistic.reproducing.schemas import LineRow, PartRow, PictureRow, TrainingRow
from holistic.reproducing.verdicts import VERDICTS
from holistic.study.datasets import load_data
from holistic.study.models import build
from holistic.study.weights import load_weights


def letters() -> tuple[np.ndarray, np.ndarray]:
    """Two classes, which aren't the ten digits."""
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    return images, np.arange(40) % 2


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Short trainings and few controls: seconds, not minutes."""
    with pytest.MonkeyPatch.context() as patched:
        short = {n: replace(r, epochs=1, steps=60) for n, r in networks.RECIPES.items()}
        patched.setattr(networks, "RECIPES", short)
        patched.setattr(units, "_SETTINGS", Activation(controls=19, probes=60, phases=4))
        patched.setattr(depth, "_SETTINGS", Tracing(controls=20, examples=20))
        for module in (removals, groups, depth):
            patched.setattr(module, "_FRESH", 3)
        for module in (removals, groups):
            patched.setattr(module, "_SETS", 20)
        patched.setattr(groups, "_DRAWS", 20)
        # weights that are learnt in an instant are kept here, too, however fast the machine
        patched.setattr(shards, "_RATE", 1e12)
        yield


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[holistic.Audit, list[str]]:
    """A run that was cut off in its second training and went on, and the tasks it had left."""
    out, tasks = tmp_path_factory.mktemp("made") / "digits", list[str]()

    def until(task: str, done: int, total: int) -> None:
        tasks.append(task)
        if task == "seed 1: measuring" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce("digits", seeds=2, out=out, progress=until)
    assert {"seed 0: learning", "seed 1: learning"} <= set(tasks)
    tasks.clear()
    audit = reproduce("digits", seeds=2, out=out, progress=lambda task, *_: tasks.append(task))
    return audit, tasks


@pytest.fixture(scope="module")
def made(twice: tuple[holistic.Audit, list[str]]) -> holistic.Audit:
    return twice[0]


def subject_of(made: holistic.Audit, seed: int) -> holistic.Subject:
    """The network of a training, from the weights that were saved."""
    data = load_data("digits", seed=0).as_floats()
    model = build("mlp", input_shape=(1, 8, 8), classes=10)
    load_weights(model, made.path / "models" / f"mlp-seed{seed}.safetensors")
    pair = data.test.images, data.test.labels
    return holistic.Subject(model, pair, classes=data.classes, seed=0, name="mlp")


def test_every_line_has_ours_its_control_a_verdict_and_a_command(made: holistic.Audit) -> None:
    rows = list(made["reproduce.lines"].rows(LineRow))
    assert [row.line for row in rows] == [line.key for line in LINES]
    for row in rows:
        assert row.verdict in VERDICTS
        assert row.why
        assert row.trainings == 2
        assert row.command.startswith("holistic run digits --weights ")
        assert row.command.endswith(f"--lens {row.lens}")
    (pairs,) = (row for row in rows if row.line == "pairs")
    assert pairs.ours.lo < pairs.ours.value < pairs.ours.hi
    assert pairs.ours.control is not None


def test_every_line_is_the_mean_of_its_trainings(made: holistic.Audit) -> None:
    trainings = list(made["reproduce.trainings"].rows(TrainingRow))
    for part in made["reproduce.parts"].rows(PartRow):
        own = [
            t for t in trainings if (t.line, t.way, t.aspect) == (part.line, part.way, part.aspect)
        ]
        assert [t.seed for t in own] == [0, 1]
        assert part.beaten == sum(t.beats for t in own)
        values = [t.value.value for t in own if t.value.value is not None]
        if len(values) == 2:
            np.testing.assert_allclose(part.value.value, np.mean(values))


def test_all_ways_of_removing_ten_neurons_are_tried(made: holistic.Audit) -> None:
    ways = {row.way for row in made["reproduce.parts"].where(line="top_ten").rows(PartRow)}
    wanted = {
        f"{edit}, by {ranking}, {layer}"
        for edit in ("zero", "mean")
        for ranking in ("activation", "effect")
        for layer in ("L1", "L2")
    }
    assert ways == wanted


def test_a_run_that_was_cut_off_goes_on_with_what_was_finished(
    twice: tuple[holistic.Audit, list[str]],
) -> None:
    made, tasks = twice
    assert not [task for task in tasks if "learning" in task]
    assert not (made.path / ".unfinished" / "reproduce").exists()
    rows = list(made["reproduce.trainings"].rows(TrainingRow))
    for seed in (0, 1):
        subject = subject_of(made, seed)
        whole = [*removals.top_ten(subject, 7), *regions.regions(subject, "bar")]
        kept = [r for r in rows if r.seed == seed and r.line in ("top_ten", "bar")]
        assert [one.value for one in whole] == [row.value.value for row in kept]
        assert [one.control for one in whole] == [row.value.control for row in kept]
        assert [one.beats for one in whole] == [row.beats for row in kept]


def test_pairs_are_those_that_the_lens_counts(made: holistic.Audit) -> None:
    subject = subject_of(made, 0)
    sites = [site.name for site in subject.hidden_sites]
    values = subject.capture(sites)
    both = np.concatenate([values[name].double().numpy() for name in sites], 1)
    high = few_correlations(both, subject.evaluation.labels.numpy(), 10)[0] > 0.5
    wanted = [np.triu(part, 1).sum() for part in (high[:256, :256], high[256:, 256:], high)]
    rows = made["reproduce.trainings"].where(line="pairs", seed=0).rows(TrainingRow)
    assert [row.value.value for row in rows] == wanted


def test_it_is_printed_in_forty_lines_of_eighty_columns(made: holistic.Audit) -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(printed(made))
    lines = console.export_text().splitlines()
    assert len(lines) <= 38  # two more name the report and what shows more
    assert all(len(line) <= 80 for line in lines)
    assert all(any(line.title in one for one in lines) for line in LINES)


def test_the_page_has_a_picture_on_top_and_the_erased_parts(made: holistic.Audit) -> None:
    page = (made.path / "report.html").read_text()
    assert 'class="whole"' in page
    assert "lines reproduced" in page
    assert "without the bar" in page
    rows = list(made["reproduce.pictures"].rows(PictureRow))
    images = made.finding("reproduce.pictures").arrays["reproduce.erased"]
    assert images.shape == (len(rows), 3, 8, 8)
    data = load_data("digits", seed=0).test
    shown = np.rint(255 * data.images[rows[0].example, 0].numpy())
    np.testing.assert_array_equal(images[0, 0], shown)
    assert (images[0, 1] <= images[0, 0]).all()


def test_it_opens_without_torch(made: holistic.Audit) -> None:
    code = (
        f"import sys, holistic; a = holistic.load({str(made.path)!r}); a.summary();"
        "[a.finding(n).brief for n in a]; a.figure('reproduce.lines');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_finished_one_is_only_read_and_another_is_refused(made: holistic.Audit) -> None:
    def never(task: str, done: int, total: int) -> None:
        raise AssertionError(task)

    same = reproduce("digits", seeds=2, out=made.path, progress=never)
    assert same.names == made.names
    with pytest.raises(AuditError, match="holds another audit"):
        reproduce("digits", seeds=3, out=made.path, progress=never)


def test_what_cannot_be_reproduced_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="seeds"):
        reproduce("digits", seeds=1, out=tmp_path / "a")
    with pytest.raises(DataError, match="ten digits"):
        reproduce("tests.test_reproducing:letters", out=tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_interrupted_command_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("holistic.reproducing.reproduce", stopped)
    assert main(["reproduce", "--data", "digits", "--out", str(tmp_path)]) == 130
    assert f"kept in '{tmp_path}', and the same command goes on" in capsys.readouterr().err


def test_the_command_prints_lines_or_json(
    made: holistic.Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", "--data", "digits", "--seeds", "2", "--out", str(made.path)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "7s lost without ten neurons" in out
    assert "holistic run digits --weights" in out
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [line["line"] for line in document["lines"]] == [line.key for line in LINES]
