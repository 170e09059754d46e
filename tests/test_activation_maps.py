"""Maps over images: of channels, of attention heads, and of attention multiplied out."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import slow_activation
from holistic.graph.attention import attending, attention_weights
from holistic.lenses.activation import Activation
from holistic.lenses.activation.attention import attention_finding, grid_of, looks
from holistic.lenses.activation.maps import CELLS, maps_finding, spatial
from holistic.lenses.activation.schemas import ROLLOUT, HeadRow, MapRow
from holistic.study.subject import Subject

SIDE = 8
Kind = Literal["fused", "softmax", "causal", "masked"]


def spots(count: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    """Images, of which every other one has a bright patch of 2 × 2; and where it lies."""
    generator = torch.Generator().manual_seed(0)
    images = 0.05 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    places = torch.randint(0, SIDE // 2, (count, 2), generator=generator)
    for i, (row, column) in enumerate(places.tolist()):
        if i % 2:
            images[i, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 1.0
    return images, torch.arange(count) % 2, places


class Spotting(nn.Module):
    """Channel 2 adds up 2 × 2 pixels and speaks for class 1; the others say nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.look, self.read = nn.Conv2d(1, 4, 2), nn.Linear(4, 2)
        self.look.weight.data = torch.zeros(4, 1, 2, 2)
        self.look.weight.data[2], self.look.weight.data[0] = 1.0, 0.5
        self.look.bias.data = torch.tensor([0.0, 0.1, -1.0, 0.0])
        self.read.weight.data = torch.zeros(2, 4)
        self.read.weight.data[1, 2], self.read.bias.data = 1.0, torch.tensor([0.2, 0.0])

    def forward(self, x: Tensor) -> Tensor:
        return self.read(functional.relu(self.look(x)).amax((2, 3)))


def test_a_planted_spot_is_where_the_channel_that_its_class_needs_answers() -> None:
    images, labels, places = spots()
    subject = Subject(Spotting(), (images, labels), classes=["none", "spot"])
    (site,) = spatial(subject)
    finding = maps_finding(subject, Activation())
    rows = [row for row in finding.table.rows(MapRow) if row.label == "spot"]
    assert {row.unit for row in rows if row.rank == 1} == {2}
    maps, cases = (
        finding.arrays["activation.maps.0"],
        list(dict.fromkeys(finding.table.column("example").tolist())),
    )
    values = subject.capture(site.name, images)[site.name]  # [N, h, w, U]
    for case, example in enumerate(cases):
        own = [row for row in finding.table.rows(MapRow) if row.example == example]
        for k, row in enumerate(own):
            held = values[example, ..., row.unit].double()
            np.testing.assert_allclose(
                maps[case, k] * (row.spread or 1), held, rtol=1e-4, atol=1e-6
            )
            np.testing.assert_allclose(
                [row.mean.value, row.peak], [held.mean(), held.max()], rtol=1e-5
            )
        if labels[example]:
            at = np.unravel_index(maps[case, 2].argmax(), maps.shape[2:])
            assert at == tuple((2 * places[example]).tolist())


def test_usual_values_are_those_of_the_evaluation_split() -> None:
    images, labels, _ = spots()
    subject = Subject(Spotting(), (images, labels))
    (site,) = spatial(subject)
    values = subject.capture(site.name)[site.name].double().flatten(0, -2)
    for row in maps_finding(subject, Activation()).table.rows(MapRow):
        assert row.mean.control == pytest.approx(values[:, row.unit].mean().item())
        assert row.spread == pytest.approx(values[:, row.unit].std(correction=0).item())
        assert row.mean.n == len(subject.evaluation)


def test_maps_of_many_channels_stay_small() -> None:
    wide = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3), nn.ReLU(),
                         nn.Flatten(), nn.LazyLinear(2))  # fmt: skip
    images = torch.rand(12, 1, 32, 32)
    wide(images)
    subject = Subject(wide, (images, torch.arange(12) % 2))
    finding = maps_finding(subject, Activation())
    assert sum(values.size for values in finding.arrays.values()) <= CELLS
    assert {values.shape[2:] for values in finding.arrays.values()} == {(28, 28)}


class Attending(nn.Module):
    """Two heads a layer over patches of 2 × 2 behind a class token, in forms that models have."""

    def __init__(self, kind: Kind = "fused", *, depth: int = 1, width: int = 8) -> None:
        super().__init__()
        self.kind = kind
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.layers = nn.ModuleList([nn.Linear(width, 3 * width) for _ in range(depth)])
        self.read = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for layer in self.layers:
            q, k, v = layer(x).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4).unbind(0)
            x = x + self.mixed(q, k, v).transpose(1, 2).flatten(2)
        return self.read(x[:, 0])

    def mixed(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self.kind == "softmax":
            return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1) @ v
        if self.kind == "masked":
            mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(3)
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3)
        return functional.scaled_dot_product_attention(q, k, v, is_causal=self.kind == "causal")


def attended(kind: Kind = "fused", **settings: int) -> tuple[Subject, Attending]:
    torch.manual_seed(0)
    images, labels, _ = spots()
    model = Attending(kind, **settings).eval()
    return Subject(model, (images, labels)), model


@pytest.mark.parametrize("kind", ["fused", "softmax", "causal", "masked"])
def test_values_mixed_by_the_weights_are_what_the_heads_hold(kind: Kind) -> None:
    subject, model = attended(kind)
    (name,) = attending(subject.engine)
    images = subject.images[:5]
    weights = attention_weights(subject.engine, images, [name])[name]
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:3]))
    with torch.no_grad():
        x = model.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([model.token.expand(len(x), -1, -1), x], 1)
        v = model.layers[0](x).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)[2]
    held = subject.capture(name, images)[name].movedim(-1, 1)  # [B, heads, tokens, features]
    torch.testing.assert_close(weights @ v, held, rtol=1e-4, atol=1e-6)


def test_attention_and_rollout_are_those_of_the_papers() -> None:
    subject, model = attended(depth=2)
    sites, images = attending(subject.engine), subject.images[:2]
    weights = attention_weights(subject.engine, images, sites)
    with torch.no_grad():
        x = model.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([model.token.expand(len(x), -1, -1), x], 1)
        q, k, _ = model.layers[0](x).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    slow = slow_activation.attention(q[1, 0], k[1, 0])
    np.testing.assert_allclose(weights[sites[0]][1, 0], slow, rtol=1e-4)
    layers = [weights[site][1].tolist() for site in sites]
    row = np.array(slow_activation.rollout(layers)[0][1:])  # of the class token, on the patches
    grid = grid_of(subject, 17)
    assert grid is not None
    found = looks(subject, sites, grid, images)
    assert found.shape == (2, 5, 4, 4)
    np.testing.assert_allclose(found[1, -1].ravel(), row / row.sum(), rtol=1e-4)
    np.testing.assert_allclose(
        found[1, 0].ravel(), np.array(slow[0][1:]) / sum(slow[0][1:]), rtol=1e-4
    )


def test_a_head_that_was_made_to_looks_at_the_spot() -> None:
    images, labels, places = spots(200)
    torch.manual_seed(0)
    model = Attending("fused").eval()
    with torch.no_grad():
        model.patches.weight.zero_()
        model.patches.weight[0] = 1.0  # the first feature is the patch's brightness
        model.patches.bias.zero_()
        model.token.zero_()
        model.token[..., 1] = 1.0  # the second says which token asks
        model.layers[0].weight.zero_()
        model.layers[0].bias.zero_()
        model.layers[0].weight[0, 1] = 10.0  # head 0 asks for brightness, head 1 for nothing
        model.layers[0].weight[8, 0] = 1.0
        model.layers[0].weight[16, 0] = 1.0
    subject = Subject(model, (images, labels))
    finding = attention_finding(subject, Activation())
    assert finding is not None
    spot, even, whole = finding.table.rows(HeadRow)
    assert (spot.unit, even.unit, whole.unit, whole.site) == (0, 1, None, ROLLOUT)
    assert spot.query == "class token"
    assert even.focus.value == pytest.approx(0, abs=1e-6)
    assert spot.focus.lo is not None
    assert spot.focus.lo > 0.3  # near 0 without a spot, near 1 - 1/16 with one
    maps = finding.arrays["activation.attention"]
    for case, example in enumerate(finding.arrays["activation.attention_cases"]):
        np.testing.assert_allclose(maps[case].sum((1, 2)), 1, rtol=1e-5)
        if labels[example]:
            at = np.unravel_index(maps[case, 0].argmax(), (4, 4))
            assert at == tuple(places[example].tolist())


def test_tokens_lie_on_the_image_where_they_can() -> None:
    subject, _ = attended()
    grids = [grid_of(subject, tokens) for tokens in (16, 17, 18, 4, 5, 23)]
    assert [g and (g.extras, g.rows, g.columns) for g in grids] == [
        (0, 4, 4), (1, 4, 4), (2, 4, 4), (0, 2, 2), (1, 2, 2), None,
    ]  # fmt: skip


def test_without_attention_heads_nothing_is_read() -> None:
    images, labels, _ = spots()
    subject = Subject(Spotting(), (images, labels))
    assert attending(subject.engine) == ()
    assert attention_finding(subject, Activation()) is None
