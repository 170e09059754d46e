"""What do the tests of the lens `mechanism` share?"""

from __future__ import annotations

import functools

import numpy as np
import torch

import zoo
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism._columns import columns_of
from holistic.lenses.mechanism._untrained import copies, copies_of
from holistic.lenses.mechanism._values import class_indices
from holistic.lenses.mechanism.edges import edges
from holistic.lenses.mechanism.flow import flow, read_sites
from holistic.lenses.mechanism.pairs import pairs
from holistic.lenses.mechanism.paths import paths
from holistic.progress import silent
from holistic.study.subject import Subject

QUICK = Mechanism(shuffles=2, draws=20)


def found(subject, find, lens=QUICK, made=None):
    """A finding of the lens, with controls where they are needed, or those given."""
    if find is edges:
        return edges(subject, settings=lens, progress=silent)
    if find in (flow, paths):
        untrained = subject.untrained(1)
        return find(subject, read_sites(subject, untrained, settings=lens, progress=silent))
    columns = columns_of(subject, lens.most_units)
    made = copies(subject, settings=lens) if made is None else made
    shown = copies_of(subject, made, columns, settings=lens, progress=silent)
    if find is pairs:
        return pairs(subject, columns, shown, settings=lens, progress=silent)
    return find(subject, shown, settings=lens, progress=silent)


def evaluated(subject, site):
    """Position means `[N, U]` on the evaluation split by plain means, and the classes."""
    value = subject.capture([site])[site].double()
    means = value.reshape(len(value), -1, value.shape[-1]).mean(1).numpy()
    return means, class_indices(subject.evaluation)


@functools.cache
def convolutional():
    """A convolutional subject over noise, with positions, batch norm and a dead channel."""
    model = zoo.make(zoo.ZOO["cnn"])
    with torch.no_grad():
        model[0].weight[2] = 0
        model[0].bias[2] = -1
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(size=(300, 1, 8, 8))).float()
    return Subject(model, (images, torch.arange(300) % zoo.CLASSES))
