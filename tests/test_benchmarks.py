"""Do the peers of the benchmark compute what the sweep computes?"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from benchmarks.floor import operations
from benchmarks.peers import PEERS
from benchmarks.torture.children import judged
from benchmarks.torture.damaged import Input, damaged

import holistic
from zoo import ZOO, make


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("name", "site"), [("mlp", "2"), ("cnn", "1")])
def test_peers_find_the_effects_of_the_sweep(peer: str, name: str, site: str) -> None:
    if peer == "nnsight" and importlib.util.find_spec("nnsight") is None:
        pytest.skip("nnsight is installed by 'make bench' only")
    case = ZOO[name]
    model, images, labels = make(case), case.images(24), torch.arange(24) % 4
    subject = holistic.Subject(model, (images, labels))
    part, units = subject.evaluation, [0, 2, 4]
    effects = PEERS[peer](model, site, units, part.images, part.labels)
    swept = holistic.sweep(subject, [site], "zero").where(class_="all").column("effect")
    np.testing.assert_allclose(effects.mean(1), swept[units], rtol=1e-4, atol=1e-6)


def test_the_floor_counts_products_behind_the_first() -> None:
    """A linear layer of 9 to 4 behind the second site; behind the first also 12 to 9, free."""
    case = ZOO["mlp"]
    subject = holistic.Subject(make(case), (case.images(24), torch.arange(24) % 4))
    changed = int((subject.capture(["2"])["2"] != 0).sum())
    assert operations(subject, ("2",)) == changed * 2 * 9 * 4
    assert operations(subject, ("4",)) == 0


def test_damaged_inputs_are_damaged_the_same_way_again() -> None:
    content, kinds = bytes(range(256)) * 4, set[str]()
    for i in range(60):
        mutants = [
            damaged(content, np.random.default_rng(i), of=Input("a", "a.bin", (), sealed=True))
            for _ in range(2)
        ]
        assert mutants[0] == mutants[1]
        assert mutants[0].content != content
        assert mutants[0].noticed == (mutants[0].kind != "pipe")
        kinds.add(mutants[0].kind)
    assert len(kinds) == 8


@pytest.mark.parametrize(
    ("code", "stderr", "found"),
    [
        (0, "", "ran"),
        (0, "the model isn't trained\n", "ran"),
        (2, "error: no such file\n", "told"),
        (2, "reading\nerror: no such file\n", "told"),
        (2, "", "exit 2: silence"),
        (2, "error: one\nerror: two\n", "2 errors in 2 lines"),
        (1, "Traceback (most recent call last):\nKeyError: 1\n", "traceback: KeyError: 1"),
        (-11, "", "traceback: -11"),
        (1, "", "exit 1: silence"),
    ],
)
def test_only_one_line_or_a_right_run_is_held(code: int, stderr: str, found: str) -> None:
    assert judged(code, stderr) == found
