"""Finds sites that are one value under several names: each value is studied once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from holistic.graph.kinds import IDENTITIES
from holistic.graph.program import Program
from holistic.graph.shown import Placed
from holistic.graph.sites import Site

__all__ = ["studied_once"]

_UNTOUCHED = IDENTITIES - {"detach", "native_dropout", "_to_copy", "to", "copy"}
"""Operations that return what they read, with its gradients and its type."""


def studied_once(
    sites: Sequence[Site], placed: Sequence[Placed], program: Program | None
) -> tuple[Site, ...]:
    """Say of sites that are one value which of them is studied; the others lead to it.

    A block returns what its last module does, and that module the value of an operation; dropout
    in evaluation returns what it is given. An edit at any of these names is the same edit. The
    value is studied as the activation whose units are counted, else as the innermost block that
    returns it (`blocks.1` rather than `blocks`, so that it stands in one row with `blocks.0`),
    else as a module, and last as an operation that no module owns.

    Parameters
    ----------
    sites, placed
        The sites, and where each lies, in the same order.
    program
        The flat graph; without one, which values are the same isn't known.
    """
    if program is None:
        return tuple(sites)
    groups, readers = dict[tuple[int, int], list[int]](), Counter[int]()
    for node in program.nodes:
        readers.update(node.inputs)
    for i, p in enumerate(placed):
        groups.setdefault((_first(p.node, program, readers), p.version), []).append(i)
    found = list(sites)
    for group in groups.values():
        alike = [i for i in group if sites[i].shape == sites[group[0]].shape]
        chosen = min(alike, key=lambda i: _rank(sites[i], placed[i]))
        block = any(sites[i].block for i in alike)
        found[chosen] = replace(sites[chosen], block=block)
        for i in alike:
            if i != chosen:
                name = sites[chosen].name
                found[i] = replace(sites[i], hidden=False, block=False, same_value=name)
    return tuple(found)


def _rank(site: Site, placed: Placed) -> tuple[bool, bool, bool, int, int]:
    """What is studied comes first."""
    depth = site.name.count(".")
    return not site.hidden, not site.block, not placed.owned, placed.node, -depth


def _first(index: int, program: Program, readers: Mapping[int, int]) -> int:
    """The node that computes a value which reaches this one untouched, and nothing else."""
    while (node := program.nodes[index]).op in _UNTOUCHED:
        read = [i for i in node.inputs if not program.nodes[i].constant]
        if len(read) != 1 or readers[read[0]] > 1 or read[0] == program.output:
            break
        if program.nodes[read[0]].function is None:
            break
        index = read[0]
    return index
