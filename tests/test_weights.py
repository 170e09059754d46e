"""Are weights found in files of any name, or refused with what to do?"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor, nn

from holistic.errors import ModelError, Notice
from holistic.study import rehearsed
from holistic.study.weights import load_weights, read_provenance


class Tied(nn.Module):
    """Reads and writes with one table."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.read, self.write = nn.Linear(3, 5, bias=False), nn.Linear(3, 5, bias=False)
        self.write.weight = self.read.weight


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))


@pytest.fixture(autouse=True)
def _random_state() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


def state(seed: int = 1) -> dict[str, Tensor]:
    return network(seed).state_dict()


def loaded(content: Any, file: Path, save: Callable[..., None] = torch.save) -> dict[str, Tensor]:
    save(content, file)
    return load_weights(network(0), file).state_dict()


def equal(got: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return all(torch.equal(got[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", ["w.ckpt", "w.bin", "w.pth.tar", "w", "w.safetensors", "w.pt"])
@pytest.mark.parametrize("save", [torch.save, save_file])
def test_a_file_is_what_it_holds_and_not_what_it_is_called(
    tmp_path: Path, name: str, save: Callable[..., None]
) -> None:
    assert equal(loaded(state(), tmp_path / name, save), state())


def test_files_of_old_versions_are_read(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    assert equal(load_weights(network(0), tmp_path / "w.pt").state_dict(), state())


@pytest.mark.parametrize(
    ("wrap", "told"),
    [
        (lambda s: {"state_dict": s, "epoch": 3}, "the weights are in its entry 'state_dict'"),
        (lambda s: {"model": s, "optimizer": {"state": {}, "param_groups": []}}, "entry 'model'"),
        (lambda s: {"net": s, "ema": {"0.weight": s["0.weight"]}}, "entry 'net'"),
        (lambda s: {f"module.{n}": t for n, t in s.items()}, "the prefixes 'module.', '_orig_mod"),
        (lambda s: {f"module._orig_mod.{n}": t for n, t in s.items()}, "the prefixes"),
        (lambda s: {f"_orig_mod.{n}": t for n, t in s.items()}, "the prefixes"),
        (lambda s: {f"{n[0]}.module{n[1:]}": t for n, t in s.items()}, "the prefixes"),
        (lambda s: {"model": {"model_state_dict": s}}, "its entry 'model.model_state_dict'"),
        (
            lambda s: {f"model._orig_mod.{n}": t for n, t in s.items()},
            "the prefix 'model._orig_mod.' was taken off its names",
        ),
        (lambda s: {f"backbone.net.{n}": t for n, t in s.items()}, "prefix 'backbone.net.' was"),
    ],
)
def test_wrappings_are_taken_off_and_told(
    tmp_path: Path, wrap: Callable[[dict[str, Tensor]], Any], told: str
) -> None:
    with pytest.warns(Notice, match=told):
        got = loaded(wrap(state()), tmp_path / "w.pt")
    assert equal(got, state())


def lightning() -> dict[str, Any]:
    """What Lightning saves of a module with a network, a loss with weights, and settings."""
    tensors = {f"model.{n}": t for n, t in state().items()}
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {**tensors, "criterion.weight": torch.ones(2)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(5, 3)}}, "param_groups": []}],
        "hyper_parameters": {"lr": 1e-3, "args": argparse.Namespace(width=5)},
        "best": np.float64(0.9),
    }


def test_a_checkpoint_of_lightning_gives_its_network(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = loaded(lightning(), tmp_path / "epoch=3.ckpt")
    assert equal(got, state())
    told = [str(w.message).partition(": ")[2] for w in caught]
    assert told == [
        "the weights are in its entry 'state_dict'",
        "the prefix 'model.' was taken off its names",
        "1 other tensors were left out ('criterion.weight')",
    ]


def test_old_files_without_counters_of_batches_fit(tmp_path: Path) -> None:
    old = {n: t for n, t in state().items() if not n.endswith("num_batches_tracked")}
    assert equal(loaded(old, tmp_path / "w.pth.tar"), old)


def sharded(folder: Path, save: Callable[..., None], name: str) -> Path:
    """Spread the tensors over two files, as transformers writes them."""
    folder.mkdir()
    places = dict[str, str]()
    for part, names in enumerate((list(state())[:3], list(state())[3:])):
        file = f"{name.partition('.')[0]}-0000{part + 1}-of-00002.{name.rpartition('.')[2]}"
        save({n: state()[n] for n in names}, folder / file)
        places |= dict.fromkeys(names, file)
    index = folder / f"{name}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


SHARDED = [(save_file, "model.safetensors"), (torch.save, "pytorch_model.bin")]


@pytest.mark.parametrize(("save", "name"), SHARDED)
def test_shards_are_put_together(tmp_path: Path, save: Callable[..., None], name: str) -> None:
    index = sharded(tmp_path / "m", save, name)
    for place in (index, index.parent):
        assert equal(load_weights(network(0), place).state_dict(), state())


def test_shards_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    index = sharded(tmp_path / "m", save_file, "model.safetensors")
    last = index.parent / "model-00002-of-00002.safetensors"
    save_file({"2.weight": torch.zeros(2, 5)}, last)
    with pytest.raises(ModelError, match=r"names 9 tensors, and its files lack '1\.bias', '1\.num"):
        load_weights(network(0), index)
    last.unlink()
    with pytest.raises(ModelError, match=r"names 2 files and 'model-00002.* isn't there; fetch it"):
        load_weights(network(0), index)


@pytest.mark.parametrize("place", ["../w", "/etc/passwd", "..", "", 3, ["w"]])
def test_an_index_names_files_of_its_own_folder_only(tmp_path: Path, place: Any) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"0.weight": place}}))
    with pytest.raises(ModelError, match="is no index of shards; it must have a 'weight_map'"):
        load_weights(network(0), index)


def test_of_a_folder_the_only_file_of_weights_is_taken(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "best.ckpt")
    with pytest.warns(Notice, match="its weights are in 'best.ckpt'"):
        assert equal(load_weights(network(0), tmp_path).state_dict(), state())
    torch.save(state(2), tmp_path / "last.ckpt")
    with pytest.raises(
        ModelError, match=r"is a folder with 2 files of weights .'best\.ckpt', 'last"
    ):
        load_weights(network(0), tmp_path)


def test_a_wrapped_model_takes_the_weights_of_the_bare_one(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pt")
    outer = nn.ModuleDict({"body": network(0)})
    with pytest.warns(Notice, match="the model's prefix 'body.' was put before its names"):
        load_weights(outer, tmp_path / "w.pt")
    assert equal(outer["body"].state_dict(), state())


def test_precision_follows_the_model(tmp_path: Path) -> None:
    half = {n: t.half() if t.is_floating_point() else t for n, t in state().items()}
    got = loaded(half, tmp_path / "w.pt")
    assert got["0.weight"].dtype == torch.float32
    assert equal(got, {n: t.float() if t.is_floating_point() else t for n, t in half.items()})


@pytest.mark.parametrize("save", [save_model, lambda m, f: torch.save(m.state_dict(), f)])
def test_shared_tensors_need_to_be_there_once(tmp_path: Path, save: Callable[..., None]) -> None:
    """Safetensors leaves all but one of them out."""
    save(Tied(1), tmp_path / "w")
    model = load_weights(Tied(0), tmp_path / "w")
    assert torch.equal(model.read.weight, Tied(1).read.weight)
    assert model.read.weight is model.write.weight


def test_shared_tensors_with_different_numbers_are_refused(tmp_path: Path) -> None:
    torch.save({"read.weight": torch.zeros(5, 3), "write.weight": torch.ones(5, 3)}, tmp_path / "w")
    with pytest.raises(ModelError, match="different numbers for 'read"):
        load_weights(Tied(0), tmp_path / "w")


def with_first(change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    own = state()
    return {**own, "0.weight": change(own["0.weight"])}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (with_first(lambda t: t.long()), "'0.weight' holds int64, the model needs float32"),
        (with_first(lambda t: t > 0), "holds bool, the model needs float32"),
        (with_first(lambda t: t * 1j), "holds complex64"),
        (with_first(lambda t: t.to(torch.float8_e4m3fn)), r"is quantised \(float8_e4m3fn\)"),
        (with_first(lambda t: t.to("meta")), "without any numbers"),
        (with_first(lambda t: t * torch.nan), "holds NaN or infinite numbers"),
        (with_first(lambda t: t.double() * 1e300), "holds NaN or infinite numbers"),
        (with_first(lambda t: t.T), r"'0.weight' is \(3, 5\) .*, the model needs \(5, 3\)"),
        (
            {"state_dict": {"0.weight": torch.zeros(5, 3)}},
            r"in its entry 'state_dict'\): 7 tensors missing",
        ),
        ({"model": state(), "ema": state(2)}, "several states that fit, 'model', 'ema'"),
        ({"epoch": 3, "best": 0.5}, "got a dictionary of 'epoch', 'best'; save model.state_dict"),
        ([torch.zeros(1)], "must hold a state dict: names to tensors, got a list"),
        ({}, "must hold a state dict"),
        (torch.zeros(3), "got a Tensor"),
        (network(1), r"objects, which are code \('torch.nn.modules.container.Sequential'\)"),
        (network(1), r"save the numbers alone: torch.save\(model.state_dict\(\), 'weights.pt'\)"),
        (
            {"state_dict": {f"student.{n}": t for n, t in with_first(lambda t: t[:2]).items()}},
            r"even where the prefix 'student.' was taken off its names: 1 of another shape \("
            r"'0.weight' is \(2, 3\) in the file, the model needs \(5, 3\)\); make the model as",
        ),
        (
            {n: torch.zeros(7, *t.shape[1:]) if n[0] == "2" else t for n, t in state().items()},
            "its last layer has 7 outputs and the model's 2: make the model for the 7 classes",
        ),
        (
            {f"{part}.{n}": t for part in ("student", "teacher") for n, t in state().items()},
            "several states that fit, 'the prefix 'student.' was .*', 'the prefix 'teacher.'",
        ),
        (
            {f"net.{n}": t for n, t in state().items() if n != "0.bias"},
            r"even where the prefix 'net.' was .*: 1 tensors missing \('0.bias'\)",
        ),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(tmp_path: Path, content: Any, told: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ModelError, match=told) as error:
            loaded(content, tmp_path / "w.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04 and then nothing", b"\x80\x02 nothing", b"\x89HDF\r\n", b"{}" * 9]
)
def test_other_files_are_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "w.bin").write_bytes(raw)
    with pytest.raises(ModelError, match="can't be read") as error:
        load_weights(network(0), tmp_path / "w.bin")
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    for place, told in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.pt", "no regular file"),
        (Path("/dev/zero"), "no regular file"),
        (tmp_path / "none", "no weights file"),
    ):
        for ask in (lambda at: load_weights(network(0), at), read_provenance):
            with pytest.raises(ModelError, match=told):
                ask(place)


def test_small_archives_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    torch.save({"0.weight": torch.zeros(80_000_000)}, tmp_path / "whole.pt")
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(ModelError, match=r"a.pt' would unpack from .* KB to 320.0 MB, more"):
        load_weights(network(0), tmp_path / "a.pt")


def fills_the_memory() -> None:
    torch.ones(3 << 30, dtype=torch.uint8)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no such processes")
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (fills_the_memory, "asks for more memory"),
        (lambda: time.sleep(60), "asks for more time"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "asks for a crash"),
    ],
)
def test_a_file_that_harms_its_reader_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], None], told: str
) -> None:
    torch.save(state(), tmp_path / "w.pt")
    monkeypatch.setattr(rehearsed, "_SECONDS", 5.0)
    parent, real = os.getpid(), torch.load

    def load(*args: Any, **kwargs: Any) -> Any:
        if os.getpid() != parent:
            harm()
        return real(*args, **kwargs)

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(ModelError, match=rf"a file of [\d,]+ bytes that {told} holds no weights"):
        load_weights(network(0), tmp_path / "w.pt")
    assert torch.get_num_threads() >= 1
