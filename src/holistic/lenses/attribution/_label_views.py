"""Reads what labels can be judged by: the input, three hidden sites, and the model's own answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.errors import ModelError
from holistic.graph.accompanied import apart
from holistic.graph.sites import Site
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["COLUMNS", "VIEWS", "View", "read_views", "sketched"]

VIEWS = 4
"""The input, and up to three hidden sites."""
COLUMNS = 1024
"""Most columns of a view: wider ones are sketched."""
_PRIME = 2_147_483_647
_WIDE = 1 << 17
"""Numbers of one example from which on a site is averaged over its positions before it is read."""


@dataclass(frozen=True, eq=False)
class View:
    """What one place of the computation holds of every example.

    Attributes
    ----------
    name
        The site's, or `input`.
    values
        `[N, F]`, at most 1,024 columns.
    """

    name: str
    values: Tensor

    def at(self, places: np.ndarray) -> View:
        """Keep some examples `[M]`."""
        return View(self.name, self.values[torch.from_numpy(places)])


def sketched(values: Tensor, seed: int) -> Tensor:
    """Add up columns `[B, F]` with random signs where there are more than 1,024 of them.

    The sketch keeps distances, and the same seed sketches every batch in the same way.

    References
    ----------
    Charikar et al. 2002 (count sketch).
    """
    values = values.flatten(1).float().cpu()
    wide = values.shape[1]
    if wide <= COLUMNS:
        return values
    generator = torch.Generator().manual_seed(seed)
    at = torch.randint(COLUMNS, (wide,), generator=generator)
    signs = 2.0 * torch.randint(2, (wide,), generator=generator) - 1
    return torch.zeros(len(values), COLUMNS).index_add_(1, at, values * signs)


def read_views(subject: Subject, examples: Examples) -> tuple[list[View], np.ndarray]:
    """Read the views of some examples, and the model's probabilities `[N, C]` of them."""
    sites = _sites(subject)
    names = [site.name for site in sites]
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    logits = list[Tensor]()
    for part in subject.runner.batches(examples.images, names or [subject.all_sites[-1].name]):
        own, values = subject.downstream(examples.images[part], (), names)
        logits.append(own)
        for place, site in enumerate(sites):
            parts[site.name].append(_flat(values[site.name], site, subject, place))
    views = [View(name, torch.cat(own)) for name, own in parts.items()]
    chances = torch.cat(logits).double().softmax(1).cpu().numpy()
    return [_input(subject, examples), *views], chances


def _sites(subject: Subject) -> list[Site]:
    """The first, the middle and the last hidden site; none of a model that has none."""
    try:
        hidden = subject.hidden_sites
    except ModelError:
        return []
    return [hidden[k] for k in sorted({0, len(hidden) // 2, len(hidden) - 1})]


def _input(subject: Subject, examples: Examples) -> View:
    """The inputs themselves; of tokens how often each occurs."""
    every = apart(examples.images)[0]
    counted = subject.input_kind.name == "tokens" or not every.is_floating_point()
    parts = [
        _counted(part, subject.seed) if counted else sketched(part, subject.seed)
        for part in every.split(1024)
    ]
    return View("input", torch.cat(parts))


def _counted(tokens: Tensor, seed: int) -> Tensor:
    """Count tokens `[B, P]`, many to a column with random signs: `[B, 1024]`."""
    tokens = tokens.flatten(1).cpu().long()
    rng = np.random.default_rng([seed, 5202])
    factor, signs = int(rng.integers(1, _PRIME)), int(rng.integers(1, _PRIME))
    at = tokens * factor % _PRIME % COLUMNS
    sign = 2.0 * (tokens * signs % _PRIME % 2) - 1
    return torch.zeros(len(tokens), COLUMNS).scatter_add_(1, at, sign)


def _flat(values: Tensor, site: Site, subject: Subject, place: int) -> Tensor:
    """Lay out a site's value `[B, P…, U]`; of tokens, and of what is large, its mean over P."""
    large = math.prod(site.shape) > _WIDE or subject.input_kind.name == "tokens"
    if large and values.ndim > 2:
        values = values.flatten(1, -2).mean(1)
    return sketched(values, subject.seed + 1 + place)
