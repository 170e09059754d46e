"""Models and data of a user that do something odd: `odd_inputs` puts them on command lines."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

LABELS = np.arange(60) % 3
IMAGES = np.random.default_rng(0).random((60, 1, 3, 4)).astype("f4")
PAIRS = TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS))


class Odd(nn.Module):
    """A network whose forward first does something odd."""

    def __init__(self, act):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 3))
        self.act = act

    def forward(self, x):
        done = self.act(x)
        return self.body(x) if done is None else done


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def deep(x=None):
    return deep(x)


def fail(error):
    raise error


ACTS = {
    "fine": lambda x=None: None,
    "raises": lambda x=None: fail(ValueError("two\n\nlines\x1b[2J and \udcff")),
    "exits": lambda x=None: sys.exit(0),
    "exits_loudly": lambda x=None: sys.exit("good bye"),
    "silent": lambda x=None: fail(Silent()),
    "asserts": lambda x=None: fail(AssertionError()),
    "stops": lambda x=None: fail(StopIteration()),
    "memory": lambda x=None: fail(MemoryError()),
    "torch_memory": lambda x=None: torch.empty(2**45),
    "numpy_memory": lambda x=None: np.empty(2**55),
    "deep": deep,
    "prints": lambda x=None: print("{ not JSON"),
    "prints_below": lambda x=None: __import__("os").system("echo below") or None,
    "breaks_pipes": lambda x=None: fail(BrokenPipeError("mine")),
    "system": lambda x=None: fail(OSError(5, "odd", "place")),
}
GIVEN = {
    "none": None,
    "text": "no images",
    "number": 3,
    "empty": (),
    "three": (IMAGES, LABELS, 3),
    "single": (IMAGES,),
    "dict": {"images": IMAGES, "labels": LABELS},
    "generator": (i for i in ()),
    "few": (IMAGES, LABELS[:59]),
    "fractions": (IMAGES, LABELS + 0.7),
    "floats": (IMAGES, LABELS * 1.0),
    "onehot": (IMAGES, np.eye(3)[LABELS]),
    "column": (IMAGES, LABELS[:, None]),
    "texts": (IMAGES, ["a"] * 60),
    "missing": (IMAGES, [None] * 60),
    "negative": (IMAGES, LABELS - 1),
    "huge": (IMAGES, LABELS * 10**15),
    "late": (IMAGES, LABELS + 1),
    "nan": (IMAGES * np.nan, LABELS),
    "inf": (IMAGES + np.inf, LABELS),
    "complex": (IMAGES * 1j, LABELS),
    "objects": (IMAGES.astype(object), LABELS),
    "ragged": ([[1], [2, 3]], [0, 1]),
    "flat": (IMAGES.ravel(), LABELS),
    "scalar": (3.0, 1),
    "nothing": (IMAGES[:0], LABELS[:0]),
    "one": (IMAGES, LABELS * 0),
    "lone": (IMAGES[:3], LABELS[:3]),
    "sparse": (torch.from_numpy(IMAGES).to_sparse(), LABELS),
    "meta": (torch.zeros(60, 3, device="meta"), LABELS),
    "eight": (torch.from_numpy(IMAGES).to(torch.float8_e4m3fn), LABELS),
    "large": (IMAGES * 1e38, LABELS),
    "whole": (IMAGES.astype("i8"), LABELS),
    "bytes": ((IMAGES * 255).astype("u1"), LABELS),
    "class": int,
    "loader": DataLoader(PAIRS, 7, shuffle=True, drop_last=True),
    "draws": DataLoader(PAIRS, 7, sampler=WeightedRandomSampler([1.0] * 60, 60)),
    "endless": itertools.cycle([(IMAGES, LABELS)]),
    "turned": (LABELS, IMAGES),
    "batches": [(IMAGES[:30], LABELS[:30]), (IMAGES[30:, :, :2], LABELS[30:])],
    "unlabelled": [IMAGES[:30], IMAGES[30:], IMAGES[30:], IMAGES[30:]],
    "columns": pd.DataFrame({"a": [1.0] * 60, "b": ["x"] * 60, "c": ["y"] * 60}),
    "names": (IMAGES, LABELS, {"cat", "dog", "fox"}),
    "named": (IMAGES, [("cat", "dog", "fox")[label] for label in LABELS], ["cat", "dog", "fox"]),
    "splits": {"train": PAIRS, "validation": PAIRS},
    "nested": (((IMAGES, LABELS), (IMAGES, LABELS)), LABELS),
}
RETURNED = {
    "none": None,
    "text": "logits",
    "empty": (),
    "nothing": {},
    "number": 3.0,
}
SHAPED = {
    "flat": lambda x: x.flatten(1)[:, 0],
    "deep": lambda x: x,
    "one": lambda x: x.flatten(1)[:, :1],
    "nan": lambda x: x.flatten(1)[:, :3] * torch.nan,
    "whole": lambda x: x.flatten(1)[:, :3].long(),
    "complex": lambda x: x.flatten(1)[:, :3] * 1j,
    "truth": lambda x: x.flatten(1)[:, :3] > 0,
    "random": lambda x: torch.rand(len(x), 3),
    "fewer": lambda x: x.flatten(1)[:1, :3],
    "other": lambda x: {"score": x},
    "array": lambda x: x.flatten(1)[:, :3].detach().numpy(),
}


def data():
    return IMAGES, LABELS


def model():
    return Odd(ACTS["fine"])


def late():
    """Raises on images that it isn't tried on first."""
    return Odd(lambda x: None if len(x) < 10 else sys.exit(0))


def needy(argument):
    return argument


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def meta():
    return Odd(ACTS["fine"]).to("meta")


def packed():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).to(torch.float8_e4m3fn)


def twice():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).to(torch.complex64)


for number in range(4):
    globals()[f"données_{number}"] = data
for name, act in ACTS.items():
    globals()["data_" + name] = lambda act=act: act() or (IMAGES, LABELS)
    globals()["model_" + name] = lambda act=act: act() or model()
    globals()["forward_" + name] = lambda act=act: Odd(act)
for name, value in GIVEN.items():
    globals()["given_" + name] = lambda value=value: value
    globals()["made_" + name] = lambda value=value: value
for name, value in RETURNED.items():
    globals()["returns_" + name] = lambda value=value: Odd(lambda x: 0 if value is None else value)
for name, act in SHAPED.items():
    globals()["shaped_" + name] = lambda act=act: Odd(act)
