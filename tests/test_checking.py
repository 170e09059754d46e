"""Does a first look say what is wrong with a model, its labels or its inputs, and nothing else?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
import holistic.cli
from holistic.checking import Check
from holistic.checking.labels import reordered
from holistic.checking.weights import look_drawn
from holistic.cli.options import Plan, Source
from holistic.cli.subjects import chosen_rows, weights_of_audit
from holistic.errors import ModelError
from holistic.results.folder import Folder
from holistic.study.computation import digest
from holistic.study.models import build
from holistic.study.standing import Accuracy, Standing
from holistic.study.weights import save_weights

CLASSES = ("circle", "cross", "square", "star")


class Halves(nn.Module):
    """Tells four classes of 3 × 6 × 6 pictures: which half is bright, in red or in blue.

    A unit is off below 0.4 and saturated above 0.6, so inputs of another scale tell it nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Hardtanh(0.0, 1.0)
        self.head = nn.Linear(4, 4)
        with torch.no_grad():
            self.head.weight.copy_(4 * torch.eye(4))
            self.head.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        halves = torch.stack([x[:, c, rows].mean((1, 2)) for c in (0, 2) for rows in
                              (slice(0, 3), slice(3, 6))], 1)  # fmt: skip
        return self.head(self.act(5 * (halves - 0.4)))


def pictures(count: int = 400) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, 6, 6, generator=generator) * 0.3
    labels = torch.arange(count) % 4
    for row, label in enumerate(labels.tolist()):
        half = slice(0, 3) if label % 2 == 0 else slice(3, 6)
        images[row, 0 if label < 2 else 2, half] += 0.6
    return images.clamp(0, 1), labels


def look_at(images: Tensor, labels: Tensor, model: nn.Module | None = None) -> Check:
    subject = holistic.Subject(model or Halves(), (images, labels), classes=list(CLASSES))
    return subject.check()


def test_a_sound_model_needs_nothing() -> None:
    look = look_at(*pictures())
    assert look.accuracy == Accuracy.of(200, 200)
    assert [one.accuracy.n for one in look.recalls] == [50] * 4
    assert (look.never, look.labels, look.inputs.better, look.by_chance) == ((), None, "", False)
    assert look.examples == {"selection": 200, "evaluation": 200, "unused": 0}
    assert look.sites == {"act": 4}
    assert not any(line.warns for line in look.lines())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda x: x * 255, "divided by 255"),
        (lambda x: x / 255, "multiplied by 255"),
        (lambda x: 1 - x, "inverted"),
        (lambda x: x.transpose(2, 3), "with rows and columns swapped"),
        (lambda x: 255 * x.flip(1), "with red and blue swapped and divided by 255"),
    ],
)
def test_the_conversion_that_fits_is_told(spoil: Callable[[Tensor], Tensor], words: str) -> None:
    images, labels = pictures()
    look = look_at(spoil(images).contiguous(), labels)
    assert look.inputs.better == words
    assert look.inputs.accuracy
    assert look.inputs.accuracy.value > 0.97
    assert look.inputs.tried >= 8
    line = next(line for line in look.lines() if line.name == "inputs")
    assert line.warns


@pytest.mark.parametrize(
    ("marked", "words"),
    [(3, "divided by 255"), (40, "with red and blue swapped and divided by 255")],
)
def test_of_conversions_that_differ_by_chance_the_simplest_is_told(marked: int, words: str) -> None:
    """The model reads grey, and is wrong where a corner is red: few such examples are luck."""

    class Grey(Halves):
        def forward(self, x: Tensor) -> Tensor:
            grey = x.mean(1, keepdim=True) * 2
            out = super().forward(torch.cat([grey, grey, grey * 0], 1))
            return torch.where(x[:, :1, 0, 0] > 0.9, -out, out)

    images, labels = pictures()
    images[:, 0, 0, 0] = 0.0
    subject = holistic.Subject(Grey(), (255 * images, labels % 2), classes=list(CLASSES))
    for split in ("selection", "evaluation"):
        places = getattr(subject, split).indices[:marked]
        images[places, 0, 0, 0] = 1.0
    look = look_at(255 * images, labels % 2, Grey())
    assert look.inputs.better == words


def test_standard_normalisation_is_found() -> None:
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    mean, spread = mean.reshape(3, 1, 1), spread.reshape(3, 1, 1)

    class Normalised(Halves):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x * spread + mean)

    images, labels = pictures()
    assert look_at(images * 255, labels, Normalised()).inputs.better == (
        "normalised as ImageNet is"
    )


def test_permuted_labels_are_named_with_their_accuracy() -> None:
    images, labels = pictures()
    look = look_at(images, torch.tensor([1, 2, 0, 3])[labels])
    assert look.accuracy.value == 0.25
    assert look.labels
    assert look.labels.moved == (("circle", "square"), ("cross", "circle"), ("square", "cross"))
    assert look.labels.order == (2, 0, 1, 3)
    assert look.labels.accuracy == Accuracy.of(200, 200)
    assert "your classes look permuted: circle→square" in str(look)


def test_no_order_of_labels_is_told_by_chance() -> None:
    rng = np.random.default_rng(0)
    told = 0
    for classes in (3, 10, 40):
        for _ in range(100):
            draws = rng.integers(classes, size=(4, 300))
            found = reordered(Standing(*draws[:2], classes), Standing(*draws[2:], classes))
            told += found is not None
    assert told == 0


def test_labels_without_examples_stay_where_they_are() -> None:
    labels = np.array([0, 1] * 100)
    swapped = Standing(labels, 1 - labels, 5)
    found = reordered(swapped, swapped)
    assert found
    assert found.order == (1, 0, 2, 3, 4)


def test_chance_takes_both_accuracy_and_recall_into_account() -> None:
    rng = np.random.default_rng(0)
    rare = (rng.random(1000) < 0.1).astype(int)
    usual, blind = Standing(rare, np.zeros(1000, int), 2), rng.integers(2, size=1000)
    assert usual.by_chance
    assert usual.usual == usual.accuracy.value
    assert Standing(rare, blind, 2).by_chance
    # right on both classes, yet no more often than always telling the frequent one
    told = np.where(rng.random(1000) < 0.15, 1 - rare, rare)
    assert Standing(rare, told, 2).accuracy.lo < usual.usual
    assert not Standing(rare, told, 2).by_chance


def test_newly_drawn_weights_are_told_from_trained_ones() -> None:
    def net() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    trained = net()
    x, y = torch.randn(512, 64), torch.randint(10, (512,))
    optimiser = torch.optim.Adam(trained.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(trained(x), y).backward()
        optimiser.step()
    assert [look_drawn(net(), seed) for seed in range(3)] == [True] * 3
    assert not look_drawn(trained)


@pytest.mark.usefixtures("looking")
def test_an_audit_of_chance_is_refused_with_what_would_mend_it(tmp_path: Path) -> None:
    images, labels = pictures()
    subject = holistic.Subject(Halves(), (images * 255, labels))
    with pytest.raises(ModelError, match=r"no better than chance.*inputs divided by 255 give 100"):
        holistic.audit(subject, out=tmp_path / "a", lenses=[])
    assert not (tmp_path / "a").exists()
    audit = holistic.audit(subject, out=tmp_path / "a", lenses=[], anyway=True)
    kept = audit.provenance["check"]
    assert kept["by_chance"]
    assert kept["inputs"]["better"] == "divided by 255"
    page = (tmp_path / "a" / "report.html").read_text()
    assert "<b>inputs:</b>" in page
    assert "first look" in page


def test_a_subject_prints_and_shows_its_check() -> None:
    images, labels = pictures()
    look = look_at(images, torch.tensor([1, 0, 2, 3])[labels])
    assert str(look).splitlines()[0].startswith("  accuracy")
    assert max(map(len, str(look).splitlines())) <= 88
    assert "circle→cross" in look._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert json.loads(json.dumps(look.record()))["labels"]["order"] == [1, 0, 2, 3]


def test_the_command_line_looks_and_stops_at_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def data():\n    torch.manual_seed(0)\n"
        "    return torch.rand(200, 1, 4, 4), torch.arange(200) % 2\n"
        "def model():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))\n"
    )
    words = ["mine:data", "--model", "mine:model"]
    assert holistic.cli.main(["check", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["by_chance"], record["drawn"]) == (True, True)
    assert record["weights"] == "as 'mine:model' returns them"
    monkeypatch.setattr("holistic.starting.first_look", holistic.checking.first_look)
    assert holistic.cli.main(["run", *words, "--out", "a"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("error: 'mine:model' is right on")
    assert "weights look newly drawn" in told[-1]
    assert any(line.startswith("! accuracy") for line in told)
    assert not (tmp_path / "a").exists()


def test_a_check_takes_the_weights_that_an_audit_of_the_same_source_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("nothing is trained anew")

    monkeypatch.setattr("holistic.study.models.train", train)
    source, own = Source(), tmp_path / "model.safetensors"
    model = build("mlp", input_shape=(1, 8, 8), classes=10, seed=0)
    save_weights(model, own, source.made)
    provenance = {"key": "k", "weights": digest(sorted(model.state_dict().items()))}
    Folder(tmp_path, {**provenance, "source": source.made}).publish()
    assert weights_of_audit(source, tmp_path) == own
    assert weights_of_audit(Source(seed=1), tmp_path) is None
    assert weights_of_audit(source, tmp_path / "nothing") is None
    assert holistic.cli.main(["check", "--limit", "60", "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drawn"]
    save_weights(build("mlp", input_shape=(1, 8, 8), classes=10, seed=2), own, source.made)
    assert weights_of_audit(source, tmp_path) is None


def test_a_quick_run_has_images_enough_for_any_number_of_classes() -> None:
    labels = torch.arange(1800) % 600
    assert len(chosen_rows(labels, Plan(quick=True), seed=0)) == 1200
    assert len(chosen_rows(labels % 10, Plan(quick=True), seed=0)) == pytest.approx(1000, abs=10)
    with pytest.raises(holistic.errors.DataError, match="a limit of 700 is too small for 600"):
        chosen_rows(labels, Plan(limit=700), seed=0)
