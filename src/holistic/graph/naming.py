"""Names the operations of a graph, and finds where their units lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from holistic.graph.activations import Flow
from holistic.graph.axes import Along, computed_by, unit_axes
from holistic.graph.kinds import BATCH_NORMS, CHANNELS, FOLDS, MOVES, NONLINEAR, pointwise
from holistic.graph.program import Node, Program
from holistic.graph.shown import Placed, shown_sites
from holistic.graph.sites import Site, ends_of, input_name
from holistic.graph.twins import studied_once

__all__ = ["NONLINEAR", "Call", "input_site", "name_sites"]


@dataclass(frozen=True)
class Call:
    """One call of one module, as the trace saw it.

    Attributes
    ----------
    path
        Path of the module in the model; empty for the model itself.
    leaf
        Whether the module has no modules inside.
    parameters
        Number of parameters that the module owns.
    """

    path: str
    leaf: bool
    parameters: int
    number: int = 1
    nodes: list[int] = field(default_factory=list[int])

    @property
    def name(self) -> str:
        """Path with the number of the call where it isn't the first."""
        return self.path if self.number == 1 else f"{self.path}#{self.number}"


def name_sites(
    program: Program, owners: Mapping[int, Call], calls: Sequence[Call]
) -> tuple[tuple[Site, ...], dict[str, int]]:
    """Name every value that can be read or edited.

    Parameters
    ----------
    program
        The flat graph.
    owners
        By node, the innermost module call that it belongs to.
    calls
        All module calls.

    Returns
    -------
    sites, nodes
        The sites from input to logits, and the node of each by name.
    """
    users = _users(program)
    outputs = {id(call): _call_output(call, users, program) for call in calls}
    axes = unit_axes(program)
    hidden, instead = _hidden_nodes(program, owners, outputs, axes)
    found: list[tuple[int, Site]] = []
    own: dict[str, bool] = {}
    again = Counter(call.path for call in calls)
    counted: Counter[str] = Counter()
    for node in program.nodes:
        call = owners.get(node.index)
        if call is None or not _is_value(node, axes):
            continue
        owned = call.leaf and outputs[id(call)] == node.index
        if node.op in MOVES and not owned and node.index not in hidden:
            continue
        node = replace(node, op=_clear_op(node, program))
        name = call.name if owned else _functional_name(call, node, counted)
        site = _site(node, name, axes[node.index], hidden=node.index in hidden)
        parameters = call.parameters if owned else 0
        stand_in = instead and site.hidden
        own[name] = owned and (again[call.path] == 1 or parameters > 0)
        found.append((node.index, replace(site, parameters=parameters, stand_in=stand_in)))
    found += _block_sites(calls, outputs, program, axes, {s.name for _, s in found})
    found.sort(key=lambda pair: (pair[0], pair[1].block))
    deep = [(index, replace(site, depth=depth)) for depth, (index, site) in enumerate(found)]
    placed = [Placed(index, site, owned=own.get(site.name, False)) for index, site in deep]
    sites = studied_once(shown_sites(placed, program), placed, program)
    return sites, {site.name: index for index, site in found}


def _clear_op(node: Node, program: Program) -> str:
    """The operation that a value is told by: what computed it, for one taken out of several."""
    if node.op in FOLDS:
        return computed_by(program.nodes[node.inputs[0]], program).op
    first = program.nodes[node.inputs[0]].op if node.op == "getitem" else ""
    return "batch_norm" if first in BATCH_NORMS else node.op


def input_site(program: Program, sites: Sequence[Site]) -> Site:
    """Return what the model is given as a site, which comes before all others."""
    along = _fed(program) or unit_axes(program)[program.input]
    site = _site(program.nodes[program.input], input_name(sites), along, hidden=False)
    return replace(site, depth=-1)


def _fed(program: Program) -> Along | None:
    """Where the first convolution says that the input's channels lie; None without one."""
    places = {program.input}
    for node in program.nodes:
        if node.op in CHANNELS and not places.isdisjoint(node.inputs[:1]):
            return Along((1,))
        if not places.isdisjoint(node.inputs) and pointwise(node, program):
            places.add(node.index)
    return None


def _functional_name(call: Call, node: Node, counted: Counter[str]) -> str:
    base = f"{call.path}.{node.op}" if call.path else node.op
    counted[base] += 1
    return base if counted[base] == 1 else f"{base}#{counted[base]}"


def _site(node: Node, name: str, along: Along, *, hidden: bool, block: bool = False) -> Site:
    assert node.shape is not None
    assert node.batch_axis is not None
    shape = tuple(s for i, s in enumerate(node.shape) if i != node.batch_axis)
    return Site(
        name=name,
        op=node.op,
        depth=0,
        shape=shape,
        unit_axis=along.axis - (along.axis > node.batch_axis),
        guessed=not along.known,
        hidden=hidden,
        block=block,
        ends=ends_of(node.op, [float(a) for a in node.args[1:3]] if node.op == "hardtanh" else []),
    )


def _block_sites(
    calls: Sequence[Call],
    outputs: Mapping[int, int | None],
    program: Program,
    axes: Mapping[int, Along],
    taken: set[str],
) -> list[tuple[int, Site]]:
    """Outputs of modules that hold several operations, under the module's own path."""
    found: list[tuple[int, Site]] = []
    for call in calls:
        index = outputs[id(call)]
        if call.leaf or not call.path or index is None or call.name in taken:
            continue
        node = program.nodes[index]
        if index != program.output and _is_value(node, axes):
            node = replace(node, op=_clear_op(node, program))
            found.append((index, _site(node, call.name, axes[index], hidden=False, block=True)))
            taken.add(call.name)
    return found


def _users(program: Program) -> dict[int, list[int]]:
    users: dict[int, list[int]] = {}
    for node in program.nodes:
        for index in node.inputs:
            users.setdefault(index, []).append(node.index)
    return users


def _call_output(call: Call, users: Mapping[int, Sequence[int]], program: Program) -> int | None:
    """Find the last node of the call that something outside of it reads."""
    inside = set(call.nodes)
    for index in sorted(inside, reverse=True):
        if index == program.output or any(u not in inside for u in users.get(index, ())):
            return index
    return None


def _is_value(node: Node, axes: Mapping[int, Along]) -> bool:
    return (
        node.function is not None
        and node.index in axes
        and node.fold == 1
        and node.selectable
        and node.shape is not None
        and len(node.shape) >= 2
    )


def _hidden_nodes(
    program: Program,
    owners: Mapping[int, Call],
    outputs: Mapping[int, int | None],
    axes: Mapping[int, Along],
) -> tuple[frozenset[int], bool]:
    """Nodes that lenses use unless told otherwise, and whether they only stand in for others."""
    flow = Flow(program, axes, lambda first, second: owners.get(first) is owners.get(second))
    found = flow.hidden(lambda index: _is_value(program.nodes[index], axes))
    chosen = set[int]()
    for index in found.nodes:
        call = owners.get(index)
        output = outputs[id(call)] if call is not None and call.leaf else None
        state = None if output is None else flow.states.get(output)
        # a module that is one activation has it as its output
        whole = state is not None and state.curved and state.tip == index
        chosen.add(output if whole and output is not None else index)
    return frozenset(chosen), found.instead
