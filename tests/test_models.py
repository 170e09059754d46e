"""Do the reference models learn, repeat, and survive being saved?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from holistic.errors import ModelError
from holistic.graph.wrapped import Wrapped
from holistic.study.datasets import Data
from holistic.study.models import (
    MODELS,
    RECIPES,
    Recipe,
    accuracy,
    build,
    load_factory,
    reinitialised,
    train,
)
from holistic.study.weights import load_weights, read_provenance, save_weights

QUICK = Recipe(epochs=1, batch=64, rate=3e-3, steps=300)


def quick(name: str, data: Data, seed: int = 0) -> nn.Module:
    model = build(name, input_shape=data.test.images.shape[1:], classes=10, seed=seed)
    return train(model, data.train, QUICK, seed=seed)


@pytest.mark.parametrize("name", MODELS)
def test_training_repeats_and_learns(name: str, digits: Data) -> None:
    state = torch.get_rng_state()
    first, second = quick(name, digits), quick(name, digits)
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert accuracy(first, digits.test) > 0.6
    other = quick(name, digits, seed=1)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))
    assert not first.training
    assert all(p.grad is None for p in first.parameters())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28)])
def test_models_take_small_and_large_images(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, input_shape=shape, classes=7)
    assert model(torch.zeros(2, *shape)).shape == (2, 7)
    assert Wrapped(model, lambda m, x: m(x))(torch.zeros(1, *shape)).shape == (1, 7)


def test_digits_accuracy_of_the_default_model(digits: Data) -> None:
    model = build("mlp", input_shape=(1, 8, 8), classes=10)
    assert accuracy(train(model, digits.train, RECIPES["mlp"]), digits.test) >= 0.96


@pytest.mark.mnist
def test_mnist_accuracy_of_the_default_model(mnist: Data) -> None:
    model = build("mlp", input_shape=(1, 28, 28), classes=10)
    assert accuracy(train(model, mnist.train, RECIPES["mlp"]), mnist.test) >= 0.975


def test_unknown_or_unsuitable_models_are_refused() -> None:
    with pytest.raises(ModelError, match="no model 'mpl' \\(did you mean 'mlp'\\?\\)"):
        build("mpl", input_shape=(1, 8, 8), classes=10)
    with pytest.raises(ModelError, match="at least 8 x 8 pixels"):
        build("cnn", input_shape=(1, 4, 4), classes=10)


def test_weights_come_back(tmp_path: Path) -> None:
    model = build("cnn", input_shape=(1, 8, 8), classes=10, seed=3)
    file = tmp_path / "sub" / "weights.safetensors"
    save_weights(model, file, {"data": "digits", "accuracy": 0.5})
    fresh = load_weights(build("cnn", input_shape=(1, 8, 8), classes=10, seed=4), file)
    for a, b in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    provenance = read_provenance(file)
    assert provenance["data"] == "digits"
    assert set(provenance["versions"]) == {"torch", "holistic"}
    assert [p.name for p in file.parent.iterdir()] == ["weights.safetensors"]
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    load_weights(fresh, tmp_path / "weights.pt")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = build("mlp", input_shape=(1, 8, 8), classes=10)
    file = tmp_path / "w.safetensors"
    with pytest.raises(ModelError, match="no weights file"):
        load_weights(model, file)
    with pytest.raises(ModelError, match="no weights file"):
        read_provenance(file)
    save_weights(build("mlp", input_shape=(1, 8, 8), classes=9), file, {})
    with pytest.raises(ModelError, match=r"'5\.bias' is \(9,\)|'5\.weight' is \(9, 128\)"):
        load_weights(model, file)
    save_weights(build("cnn", input_shape=(1, 8, 8), classes=10), file, {})
    with pytest.raises(ModelError, match="tensors missing"):
        load_weights(model, file)
    save_weights(model, file, {})
    raw = file.read_bytes()
    for damaged in (raw[: len(raw) // 2], b"", json.dumps({}).encode(), b"\xff" * 64):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match="can't be read"):
            load_weights(model, file)
        with pytest.raises(ModelError, match="can't be read"):
            read_provenance(file)
    with torch.no_grad():
        model[1].weight[0, 0] = float("nan")
    save_weights(model, file, {})
    with pytest.raises(ModelError, match=r"'1.weight' holds NaN"):
        load_weights(build("mlp", input_shape=(1, 8, 8), classes=10), file)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))

    file = tmp_path / "evil.pt"
    torch.save(Evil(), file)
    with pytest.raises(ModelError, match="can't be read as a state dict"):
        load_weights(nn.Linear(1, 1), file)
    assert not (tmp_path / "ran").exists()
    torch.save([torch.zeros(1)], file)
    with pytest.raises(ModelError, match="must hold a state dict"):
        load_weights(nn.Linear(1, 1), file)
    sparse = {"weight": torch.eye(2).to_sparse(), "bias": torch.zeros(2)}
    torch.save(sparse, file)
    with pytest.raises(ModelError, match="sparse"):
        load_weights(nn.Linear(2, 2), file)


def test_factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_factory.py").write_text(
        "from torch import nn\n"
        "def good(): return nn.Linear(3, 2)\n"
        "def wrong(): return 3\n"
        "def failing(): return 1 / 0\n"
    )
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_factory("own_factory:good"), nn.Linear)
    with pytest.raises(ModelError, match=r"must return a torch.nn.Module, got int"):
        load_factory("own_factory:wrong")
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        load_factory("own_factory:failing")
    with pytest.raises(ModelError, match="can't be imported"):
        load_factory("own_factory:none")


@pytest.mark.parametrize("name", MODELS)
def test_the_untrained_copy_has_new_weights_everywhere(name: str, digits: Data) -> None:
    model = quick(name, digits)
    before = [p.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    fresh, again = reinitialised(model, 5), reinitialised(model, 5)
    assert torch.equal(torch.get_rng_state(), state)
    for old, kept, new, same in zip(
        before, model.parameters(), fresh.parameters(), again.parameters(), strict=True
    ):
        assert torch.equal(old, kept)
        assert not torch.equal(old, new)
        assert torch.equal(new, same)
    assert accuracy(fresh, digits.test) < 0.5
