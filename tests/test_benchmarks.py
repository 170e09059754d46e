"""Do the peers of the benchmark compute what the sweep computes?"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from benchmarks.floor import operations
from benchmarks.peers import PEERS

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
