"""Which examples does a unit respond to, and are their pictures theirs?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import holistic
import slow_activation as slow
from holistic.lenses.activation import Activation
from holistic.lenses.activation._fields import seen_weights
from holistic.lenses.activation.examples import pick
from holistic.results.findings import Finding
from test_activation import found, held, subject_of


@pytest.fixture(scope="module")
def cnn() -> tuple[holistic.Subject, dict[str, Finding]]:
    subject = subject_of("cnn", 120)
    return subject, found(subject)


def test_examples_are_the_top_the_quantiles_and_random_ones(
    cnn: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = cnn
    table = findings["activation.examples"].table
    values = slow.unit_values(subject.model, subject.evaluation.images, "1")
    where = {int(i): n for n, i in enumerate(subject.evaluation.indices)}
    for unit in range(5):
        held = np.array([slow.mean(example[unit]) for example in values])
        rows = table.where(site="1", unit=unit)
        for row in rows.rows():
            np.testing.assert_allclose(row["value"], held[where[row["example"]]], rtol=1e-5)
            assert row["label"] == str(int(subject.labels[row["example"]]))
        top = rows.where(kind="top")
        np.testing.assert_allclose(top.column("value"), np.sort(held)[::-1][:9], rtol=1e-5)
        assert list(top.column("rank")) == list(range(1, 10))
        quantiles = rows.where(kind="quantile").column("value")
        ends = [np.quantile(held, [q - 0.02, q + 0.02]) for q in (0.9, 0.7, 0.5, 0.3, 0.1)]
        assert all(lo <= v <= hi for v, (lo, hi) in zip(quantiles, ends, strict=True))
        drawn = rows.where(kind="random").column("example")
        assert len(set(drawn)) == 9
    rows = table.where(site="1", kind="random")
    drawn = {unit: tuple(rows.where(unit=unit).column("example")) for unit in range(5)}
    assert len(set(drawn.values())) == 5


def test_pictures_are_those_of_the_examples(
    cnn: tuple[holistic.Subject, dict[str, Finding]],
) -> None:
    subject, findings = cnn
    finding = findings["activation.examples"]
    ids = finding.arrays["activation.image_ids"]
    assert np.array_equal(ids, np.unique(finding.table.column("example")))
    assert set(ids) <= set(subject.evaluation_indices)
    images = finding.arrays["activation.images"]
    assert (images.dtype, images.shape) == (np.uint8, (len(ids), 8, 8))
    low, high = float(subject.images.min()), float(subject.images.max())
    expected = (subject.images[ids[0], 0].numpy() - low) / (high - low) * 255
    assert np.abs(images[0] - expected).max() <= 0.5 + 1e-4
    labels = finding.arrays["activation.image_labels"]
    assert np.array_equal(labels, subject.labels.numpy()[ids])
    said = subject.predict(subject.images).argmax(1).numpy()
    assert np.array_equal(finding.arrays["activation.image_predictions"], said[ids])


def test_equal_values_are_shown_in_a_random_order() -> None:
    values = np.zeros((50, 40))
    picks = pick(held(values), Activation(), seed=(0, 1))
    first = picks.example[(picks.kind == 0) & (picks.rank == 1)]
    assert len(set(first)) > 10


def test_few_examples_are_all_shown() -> None:
    picks = pick(held(np.arange(4.0)[:, None]), Activation(), seed=(0, 1))
    counts = np.bincount(picks.kind)
    assert list(counts) == [4, 5, 4]
    assert list(picks.example[picks.kind == 0]) == [3, 2, 1, 0]


def test_colour_pictures_and_channels_last() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((3, 5, 6), (5, 6, 3)):
        images = torch.rand(24, *shape, generator=generator)
        model = nn.Sequential(nn.Flatten(), nn.Linear(90, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
        subject = holistic.Subject(model, (images, torch.arange(24) % 2))
        arrays = found(subject)["activation.examples"].arrays
        drawn = arrays["activation.images"]
        assert drawn.shape[1:] == (5, 6, 3)
        first = images[arrays["activation.image_ids"][0]]
        expected = first.permute(1, 2, 0) if shape[0] == 3 else first
        assert np.abs(drawn[0] / 255 - expected.numpy()).max() < 0.01


def test_large_pictures_are_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    from holistic.lenses import _pictures

    images = torch.arange(64.0).reshape(1, 1, 8, 8)
    monkeypatch.setattr(_pictures, "_MOST_BYTES", 16)
    drawn = _pictures.pictures(images, images)
    expected = images[0, 0].reshape(4, 2, 4, 2).mean((1, 3)) / 63 * 255
    assert np.array_equal(drawn[0], expected.round().numpy())


@pytest.mark.parametrize("linear", [False, True])
def test_a_filter_for_colours_is_seen_channel_by_channel(linear: bool) -> None:
    """Red minus blue, of which an average over the channels would leave nothing."""
    first = nn.Linear(3 * 6 * 4, 2) if linear else nn.Conv2d(3, 2, (6, 4))
    model = nn.Sequential(
        nn.Flatten() if linear else nn.Identity(), first, nn.ReLU(), nn.Flatten(), nn.Linear(2, 2)
    ).eval()
    with torch.no_grad():
        kernel = first.weight.view(2, 3, 6, 4)
        kernel[0, 0], kernel[0, 1], kernel[0, 2] = 1.0, 0.0, -1.0
    images = torch.rand(20, 3, 6, 4, generator=torch.Generator().manual_seed(0))
    weights = seen_weights(holistic.Subject(model, (images, torch.arange(20) % 2)))
    assert weights is not None
    assert weights.shape == (2, 6, 3 * 4)
    for channel, expected in enumerate([1.0, 0.0, -1.0]):
        assert (weights[0, :, 4 * channel : 4 * channel + 4] == expected).all()


def test_the_first_layer_is_the_one_that_runs_first() -> None:
    class Reversed(nn.Module):
        """A layer over as many channels as the images have is kept in front, and runs last."""

        def __init__(self) -> None:
            super().__init__()
            self.late, self.first = nn.Conv2d(1, 5, 2), nn.Conv2d(1, 3, 3)
            self.head = nn.Linear(5 * 3 * 3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.first(x).relu().mean(1, keepdim=True)
            return self.head(self.late(hidden).relu().flatten(1))

    model = Reversed().eval()
    images = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    weights = seen_weights(holistic.Subject(model, (images, torch.arange(20) % 2)))
    assert weights is not None
    assert torch.equal(weights, model.first.weight[:, 0])


@pytest.mark.parametrize("channels", [2, 4])
def test_pictures_of_other_channels_show_what_differs(channels: int) -> None:
    """The first channel less the second, of which an average would leave nothing."""
    from holistic.lenses._pictures import pictures

    shape = torch.zeros(6, 1, 8, 8)
    shape[:, :, 2:6, 3:5] = 1
    rest = torch.full((6, channels - 2, 8, 8), 0.5)
    drawn = pictures(torch.cat([shape, 1 - shape, rest], 1), torch.cat([shape, 1 - shape, rest], 1))
    assert drawn.shape == (6, 8, 8)
    assert np.array_equal(drawn, (255 * shape[:, 0]).numpy().astype(np.uint8))


def test_equal_channels_are_as_bright_as_each() -> None:
    from holistic.lenses._pictures import one_plane

    grey = torch.rand(5, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    alike = grey.expand(-1, 3, -1, -1)
    torch.testing.assert_close(one_plane(alike, alike), grey)
    flat = torch.ones(2, 3, 4, 4)
    torch.testing.assert_close(one_plane(flat, flat), flat[:, :1])
