"""Finds models that draw random numbers, by forcing these to their extremes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.graph.copies import everything
from holistic.graph.kept import random_state

__all__ = ["KINDS", "drawn", "forced", "generators"]

KINDS = ("lowest", "highest", "mixed")

_WORDS = 624
"""Words of the Mersenne Twister's state (Matsumoto & Nishimura 1998)."""
_FIRST = 64
"""Words that are forced at the start; all of them would keep rejection sampling going for ever."""


def generators(model: nn.Module) -> list[Any]:
    """Return the random generators that a model holds itself."""
    kinds = torch.Generator, np.random.Generator, np.random.RandomState, random.Random
    return [value for value in everything(model) if isinstance(value, kinds)]


def drawn(sources: Sequence[Any]) -> Callable[[], bool]:
    """Note where random generators stand; what is returned says whether they have moved since."""
    before = _state(sources)
    return lambda: _state(sources) != before


def _state(sources: Sequence[Any]) -> str:
    python, numpy, cpu, cuda = random_state()
    parts: list[Any] = [python, numpy[1].tobytes(), numpy[2:], *(_bytes(t) for t in (cpu, *cuda))]
    for generator in sources:
        if isinstance(generator, torch.Generator):
            parts.append(_bytes(generator.get_state()))
        elif isinstance(generator, random.Random):
            parts.append(generator.getstate())
        elif isinstance(generator, np.random.RandomState):
            state: Any = generator.get_state(legacy=True)
            parts += [state[1].tobytes(), state[2:]]
        else:
            parts.append(generator.bit_generator.state)
    return repr(parts)


def _bytes(tensor: Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()


def forced(sources: Sequence[Any], kind: str, seed: int) -> None:
    """Make the next numbers that are drawn on the processor extreme.

    So a branch that is taken once in a million draws is taken now. Python's, NumPy's and torch's
    generator are the same algorithm, whose output is one of 624 words: the word 0 is output as
    itself, and the word that is output as all ones is known. Generators of other kinds (NumPy's
    PCG64, an accelerator's) are left as they are.

    Parameters
    ----------
    sources
        Generators beside the global ones.
    kind
        `lowest` or `highest` for the first draws, or `mixed`: one third each, at all places.
    seed
        Decides the rest.
    """
    generator = np.random.default_rng(seed)
    words = generator.integers(1 << 32, size=_WORDS, dtype=np.uint32)
    if kind == "mixed":
        # in pairs, of which a number of double precision is made
        thirds = generator.integers(3, size=_WORDS // 2).repeat(2)
        words[thirds == 0], words[thirds == 1] = 0, _all_ones()
    else:
        words[:_FIRST] = 0 if kind == "lowest" else _all_ones()
    python = (3, (*words.tolist(), 0), None)
    numpy = ("MT19937", words, 0, 0, 0.0)
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_rng_state(_torch_state(torch.get_rng_state(), words))
    for generator in sources:
        if isinstance(generator, torch.Generator) and generator.device.type == "cpu":
            generator.set_state(_torch_state(generator.get_state(), words))
        elif isinstance(generator, random.Random):
            generator.setstate(python)
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(numpy)


def _all_ones() -> int:
    """Return the word of the state that is output as 32 ones: the tempering, backwards."""
    full = 0xFFFFFFFF
    word = full ^ (full >> 18)
    word ^= (word << 15) & 0xEFC60000
    once = word
    for _ in range(5):
        word = once ^ ((word << 7) & 0x9D2C5680)
    once = word = word & full
    for _ in range(3):
        word = once ^ (word >> 11)
    return word & full


def _torch_state(state: Tensor, words: np.ndarray) -> Tensor:
    """Put words into a state of torch's: seed, words left, whether seeded, place, the words."""
    raw = state.numpy().tobytes()
    head = raw[:8] + np.array([_WORDS, 1], np.int32).tobytes() + np.zeros(1, np.int64).tobytes()
    body = head + words.astype(np.uint64).tobytes()
    rest = raw[len(body) :]
    return torch.from_numpy(np.frombuffer(body + bytes(len(rest)), np.uint8).copy())
