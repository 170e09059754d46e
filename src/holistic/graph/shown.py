"""Gives sites the names that readers see: operations of no module go by what produced them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holistic.graph.kinds import BATCH_NORMS, IDENTITIES, POOLS, pointwise
from holistic.graph.program import Node, Program
from holistic.graph.sites import INPUT, Site

__all__ = ["OP_WORDS", "Placed", "layered", "shown_sites"]

OP_WORDS = {"scaled_dot_product_attention": "attention"}
"""Operations whose own name is long, as readers see them."""
_LONGEST = 3
"""Operations in a row that a name tells; of more, the first and the last are told."""
_NORMS = frozenset({"layer_norm", "batch_norm", "group_norm", "instance_norm", "rms_norm"})


@dataclass(frozen=True)
class Placed:
    """A site and where it lies in the graph.

    Attributes
    ----------
    node
        Computes its value.
    owned
        Whether a module's only call returns it.
    version
        Where modules return one after another what a node computed: which of these it is, if the
        model may still read an earlier one.
    """

    node: int
    site: Site
    owned: bool
    version: int = 0


def shown_sites(placed: Sequence[Placed], program: Program | None) -> tuple[Site, ...]:
    """Return the sites with the names that readers see, and the hidden site of the same units.

    What a module returns goes by the module's path. An operation of no module, and each call of a
    module that is called again, goes by what produced its input: `conv2 · relu`.

    Parameters
    ----------
    placed
        From input to logits.
    program
        The flat graph; without one, sites go by their own names.
    """
    if program is None:
        return tuple(replace(p.site, shown=_path(p.site)) for p in placed)
    names = _names(placed, program)
    same = _same_units(placed, program)
    return tuple(
        replace(p.site, shown=names[p.site.name], same_units=same.get(p.node, ""))
        if not p.site.hidden
        else replace(p.site, shown=names[p.site.name])
        for p in placed
    )


def layered(sites: Sequence[Site]) -> tuple[Site, ...]:
    """Number the hidden sites from the input on: L1, L2 and so on."""
    ranks = {site.name: n for n, site in enumerate((s for s in sites if s.hidden), 1)}
    return tuple(replace(s, layer=f"L{ranks[s.name]}" if s.hidden else "") for s in sites)


def _names(placed: Sequence[Placed], program: Program) -> dict[str, str]:
    """By site, the name that readers see; each is given once."""
    parts = dict[int, tuple[str, ...]]()  # by node: a path, and the operations that follow it
    found = dict[str, str]()
    taken = Counter[str]()
    owned = {p.node for p in placed if p.owned}
    for p in placed:
        if p.owned or p.site.block:
            own: tuple[str, ...] = (_path(p.site),)
        else:
            source = _source(program.nodes[p.node], program, parts, owned)
            own = (*(parts[source] if source is not None else (INPUT,)), _op(p.site))
        if not p.site.block:
            parts.setdefault(p.node, own)
        name = _joined(own)
        taken[name] += 1
        found[p.site.name] = name if taken[name] == 1 else f"{name} #{taken[name]}"
    return found


def _path(site: Site) -> str:
    """A module's path; a number alone says nothing, so what it computes stands before it."""
    return f"{_op(site)} {site.name}" if site.name.isdecimal() else site.name


def _op(site: Site) -> str:
    return OP_WORDS.get(site.op, site.op)


def _joined(parts: tuple[str, ...]) -> str:
    if len(parts) > _LONGEST + 1:
        parts = (*parts[:2], "…", parts[-1])
    return " · ".join(parts)


def _source(
    node: Node, program: Program, known: Mapping[int, object], owned: set[int]
) -> int | None:
    """The nearest named value that an operation reads: one of a module where there is any."""
    found = [s for index in node.inputs if (s := _named(index, program, known)) is not None]
    return next((s for s in found if s in owned), found[0] if found else None)


def _named(index: int, program: Program, known: Mapping[int, object]) -> int | None:
    """The first named value on the way back from a node; the input and constants have none."""
    waiting, seen = [index], set[int]()
    while waiting:
        at = waiting.pop(0)
        if at in known:
            return at
        if at not in seen:
            seen.add(at)
            waiting += program.nodes[at].inputs
    return None


def _same_units(placed: Sequence[Placed], program: Program) -> dict[int, str]:
    """By node, the hidden site that has the same units one for one: just before it, or behind."""
    hidden = {p.node: p.site for p in placed if p.site.hidden}
    units = {p.node: p.site.units for p in placed}
    found = dict[int, str]()
    for p in placed:
        read = _data(program.nodes[p.node], program)
        if p.node not in hidden and len(read) == 1 and _keeps(program.nodes[p.node], program):
            site = hidden.get(read[0])
            if site is not None and site.units == p.site.units:
                found[p.node] = site.name
    for node, site in hidden.items():
        waiting = [node]
        while waiting:
            at = program.nodes[waiting.pop()]
            for index in _data(at, program) if _keeps(at, program) else ():
                if index not in hidden and units.get(index, site.units) == site.units:
                    found.setdefault(index, site.name)
                    waiting.append(index)
    return found


def _data(node: Node, program: Program) -> list[int]:
    """What an operation reads that depends on the examples."""
    return [i for i in node.inputs if not program.nodes[i].constant]


def _keeps(node: Node, program: Program) -> bool:
    """Whether each unit of a value comes from the same unit of what the operation reads."""
    kinds = POOLS | BATCH_NORMS | IDENTITIES | _NORMS
    if node.op == "getitem":  # of a norm that returns its statistics, too
        return program.nodes[node.inputs[0]].op in kinds
    return node.op in kinds or pointwise(node, program)
