"""Attributions of units are Captum's where both exist, and the lens `agreement` takes each."""

from __future__ import annotations

import warnings
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import holistic
from holistic.attributing.units import UNIT_METHODS, attribute_site
from holistic.errors import SettingError
from holistic.lenses.agreement import Agreement
from holistic.lenses.agreement._attribution import _STEPS, attribute_units
from holistic.progress import silent
from zoo import ZOO, make

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import InternalInfluence, LayerConductance, LayerGradientXActivation

CAPTUM = {
    "conductance": (LayerConductance, {"n_steps": 20}),
    "internal_gradient": (InternalInfluence, {"n_steps": 20}),
    "gradient_x_activation": (LayerGradientXActivation, {}),
}
LABELS = torch.tensor([0, 1, 2, 3, 0])


def subject_of(name: str, seed: int = 0, score: str = "logit") -> tuple[holistic.Subject, Tensor]:
    images = ZOO[name].images(40)
    model = make(ZOO[name], seed)
    return holistic.Subject(model, (images, torch.arange(40) % 4), score=score), images[:5]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mlp", "2"),
        ("mlp", "4"),
        ("cnn", "1"),
        ("cnn", "5"),
        ("transformer", "blocks.0.mlp.1"),
        ("transformer", "blocks.1.mlp.1"),
    ],
)
@pytest.mark.parametrize("method", list(UNIT_METHODS))
def test_attributions_of_units_equal_captum_s(name: str, path: str, method: str) -> None:
    subject, images = subject_of(name)
    kind, options = CAPTUM[method]
    module = subject.model.get_submodule(path)
    wanted = kind(subject.model, module).attribute(images, target=LABELS, **options).detach()
    found = attribute_site(subject, path, images, LABELS, method, 20)
    wanted = wanted.movedim(1, -1) if name == "cnn" else wanted
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)
    assert found.abs().max() > 1e-4


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "path"), [("mlp", "2"), ("cnn", "1"), ("cnn", "5")])
def test_what_passes_a_layer_adds_up_to_the_change_of_the_score(
    name: str, path: str, seed: int
) -> None:
    """Dhamdhere et al. 2018, section 3: conductance is complete in every layer that cuts it."""
    subject, images = subject_of(name, seed)
    found = attribute_site(subject, path, images, LABELS, "conductance", 400)
    with torch.no_grad():
        ends = [subject.model(x).gather(1, LABELS[:, None])[:, 0] for x in (images, 0 * images)]
    torch.testing.assert_close(found.flatten(1).sum(1), ends[0] - ends[1], rtol=0.02, atol=0.02)


def test_the_lens_agreement_offers_each_of_them() -> None:
    offered = get_args(get_type_hints(Agreement)["attributed_by"])
    assert offered == ("taylor", *UNIT_METHODS)


@pytest.mark.parametrize("method", list(UNIT_METHODS))
@pytest.mark.parametrize(("name", "path"), [("mlp", "2"), ("transformer", "blocks.0.mlp.1")])
def test_of_units_at_several_places_the_sum_counts(method: str, name: str, path: str) -> None:
    subject, _ = subject_of(name)
    rows = np.arange(5)
    found = attribute_units(subject, subject.site(path), rows, silent, method)
    some = subject.evaluation.at(rows)
    each = attribute_site(subject, path, some.images, some.labels, method, _STEPS)
    each = each.flatten(1, -2).sum(1) if each.dim() > 2 else each
    np.testing.assert_allclose(found, each.T.numpy(), rtol=1e-4, atol=1e-6)


def test_what_has_no_line_or_is_not_there_is_refused() -> None:
    subject, images = subject_of("mlp")
    with pytest.raises(SettingError, match=r"'conductanse' \(did you mean 'conductance'"):
        attribute_site(subject, "2", images, LABELS, "conductanse")
    words = holistic.Subject(
        nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.ReLU(), nn.Linear(12, 2)).eval(),
        (torch.randint(5, (20, 3)), torch.arange(20) % 2),
    )
    few = words.evaluation.images[:2]
    with pytest.raises(SettingError, match="no line between inputs"):
        attribute_site(words, "2", few, torch.tensor([0, 1]), "conductance")
    found = attribute_site(words, "2", few, torch.tensor([0, 1]), "gradient_x_activation")
    assert found.shape == (2, 12)
