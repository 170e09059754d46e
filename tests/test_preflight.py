"""Is a model or data that can't be studied refused, with what to do about it?"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import holistic
from holistic.errors import DataError, ModelError, SettingError
from test_subject import plain
from zoo import ZOO, make


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x.flatten(1)[:, :4], 0.5, training=True)


class Shaped(nn.Module):
    def __init__(self, shape: str) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> object:
        x = x.flatten(1)
        return {
            "three": x[:, :8].view(-1, 2, 4),
            "one": x[:, :1],
            "nan": x[:, :4] * float("nan"),
            "text": "logits",
            "sum": x[:, :4].sum(0, keepdim=True),
        }[self.shape]


BAD_MODELS = [
    (Noisy(), "gave different logits twice, because of active randomness"),
    (Shaped("three"), r"must return logits of shape \[B, C\], got \(5, 2, 4\)"),
    (Shaped("sum"), r"got \(1, 4\) for 5 images"),
    (Shaped("text"), "got str|can't be run"),
    (Shaped("one"), "at least 2 classes"),
    (Shaped("nan"), "NaN or infinite logits"),
    (nn.Linear(3, 2), "can't be run on inputs of shape"),
    (lambda x: x, "must be a torch.nn.Module, got function"),
]


class Counting(nn.Module):
    """Keeps something from one call to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x.flatten(1)[:, :4] + self.calls


class Packed(nn.Linear):
    """Weights in whole numbers, unpacked at each call."""

    def __init__(self) -> None:
        super().__init__(64, 4)
        self.weight = nn.Parameter(torch.ones(4, 64, dtype=torch.int8), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.flatten(1), self.weight.float(), self.bias)


def test_wrapped_models_are_unwrapped() -> None:
    model = nn.DataParallel(make(ZOO["mlp"]))
    assert holistic.Subject(model, plain()).model is model.module


@pytest.mark.parametrize(("model", "message"), BAD_MODELS, ids=[m for _, m in BAD_MODELS])
def test_models_that_cannot_be_studied(model: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        holistic.Subject(model, plain())
    assert "\n" not in str(error.value)


def test_torchscript_is_refused() -> None:
    with pytest.warns(DeprecationWarning, match="trace"):
        scripted = torch.jit.trace(make(ZOO["mlp"]), plain()[0])
    with pytest.raises(ModelError, match="TorchScript"):
        holistic.Subject(scripted, plain())


def test_what_makes_a_model_unsteady_is_named() -> None:
    with pytest.raises(ModelError, match=r"active randomness \('\w*(dropout|bernoulli)"):
        holistic.Subject(Noisy(), plain())
    with pytest.raises(ModelError, match=r"the operation \('add'\)"):
        holistic.Subject(Counting(), plain())


def test_quantised_models_are_refused() -> None:
    with pytest.raises(ModelError, match=r"quantised models can't be studied .* a Packed"):
        holistic.Subject(Packed(), plain())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic = torch.ao.quantization.quantize_dynamic(make(ZOO["mlp"]), {nn.Linear})
    with pytest.raises(ModelError, match="quantised models can't be studied"):
        holistic.Subject(dynamic, plain())


def test_a_distributed_model_is_unwrapped(tmp_path: Path) -> None:
    store = (tmp_path / "store").as_uri()
    torch.distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    try:
        model = nn.parallel.DistributedDataParallel(make(ZOO["mlp"]))
        assert holistic.Subject(model, plain()).model is model.module
    finally:
        torch.distributed.destroy_process_group()


def test_data_that_does_not_fit() -> None:
    images, labels = plain()
    model = make(ZOO["mlp"])
    with pytest.raises(DataError, match="must be as many"):
        holistic.Subject(model, (images, labels[:-1]))
    with pytest.raises(DataError, match="must be integers"):
        holistic.Subject(model, (images, labels.float()))
    with pytest.raises(DataError, match=r"labels must lie in 0 to 3 .* got 0 to 4"):
        holistic.Subject(model, (images, torch.arange(40) % 5))
    with pytest.raises(DataError, match="got -1 to 2"):
        holistic.Subject(model, (images, labels - 1))
    broken = images.clone()
    broken[3] = float("nan")
    with pytest.raises(DataError, match="1 images hold NaN"):
        holistic.Subject(model, (broken, labels))
    with pytest.raises(DataError, match="must be \\(images, labels\\)"):
        holistic.Subject(model, (images, object()))
    with pytest.raises(SettingError, match="need 4 different class names, got 2"):
        holistic.Subject(model, (images, labels), classes=["a", "b"])
    with pytest.raises(SettingError, match="no score 'loss'"):
        holistic.Subject(model, (images, labels), score="loss")
