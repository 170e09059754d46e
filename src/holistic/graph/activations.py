"""Finds the values that are activations which the next layer reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from holistic.graph.axes import Along, computed_by, is_heads
from holistic.graph.kinds import (
    ADDITIVE,
    AFFINE,
    BATCH_NORMS,
    CHOICES,
    FOLDS,
    IDENTITIES,
    LARGEST,
    MAX_POOLS,
    MOVES,
    NORMS,
    REDUCTIONS,
    SEQUENCES,
    SOFTMAX,
    UNITWISE,
    YES_OR_NO,
    mixing,
    pointwise,
)
from holistic.graph.program import Node, Program, Ref

__all__ = ["Flow", "Found"]

_STATISTIC = frozenset(
    "add sub mul div neg pow sqrt rsqrt reciprocal clamp clamp_min clamp_max maximum log exp "
    "square expand unsqueeze view reshape squeeze broadcast_to expand_as".split()
)
"""What is done to a mean, a norm or a sum on the way back to the values that it is of."""


@dataclass(frozen=True)
class _State:
    """What is known of a value while operations are gone through.

    Attributes
    ----------
    origin
        The values that it is computed of, entry by entry.
    curved
        Whether it is a nonlinear function of them.
    tip
        The operation that completes this function: what follows is affine.
    """

    origin: frozenset[int]
    curved: bool = False
    tip: int = -1


@dataclass(frozen=True)
class Found:
    """Which nodes lenses use unless told otherwise.

    Attributes
    ----------
    nodes
        The nodes.
    instead
        Whether they stand in for activations because there are none.
    """

    nodes: frozenset[int]
    instead: bool = False


@dataclass(frozen=True, eq=False)
class Flow:
    """How values follow from one another between operations that mix units.

    Elementwise operations on one layout make a region. A region in which a nonlinear one occurs
    has an activation: the last value that isn't merely an affine function of one before it, be it
    a product with a gate, a choice, or the sum of a formula written out. It counts where something
    outside of the region reads it. Norms and softmax begin a region anew and are none themselves.

    Attributes
    ----------
    program
        The flat graph.
    axes
        Where the units of each value lie.
    same_owner
        Whether one call of a module computes both nodes.
    """

    program: Program
    axes: Mapping[int, Along]
    same_owner: Callable[[int, int], bool] = lambda first, second: True

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """Nodes that read each node; parts of a tuple read what makes the tuple."""
        users: dict[int, list[int]] = {}
        for node in self.program.nodes:
            for index in node.inputs:
                users.setdefault(index, []).append(node.index)
        return users

    @cached_property
    def _made_by(self) -> dict[int, Node]:
        return {n.index: computed_by(n, self.program) for n in self.program.nodes}

    def made(self, index: int) -> Node:
        """Return a node, or what made the tuple that it is a part of."""
        return self._made_by[index]

    @cached_property
    def states(self) -> dict[int, _State]:
        """State of each value that depends on the examples."""
        states: dict[int, _State] = {}
        for node in self.program.nodes:
            if node.shape is not None and node.batch_axis is not None:
                states[node.index] = self._state(self._made_by[node.index], states)
        return states

    def _state(self, node: Node, states: Mapping[int, _State]) -> _State:
        alone = _State(frozenset({node.index}))
        whole = self.program.nodes[node.index]
        if whole.op == "getitem" and whole.args[1] != 0 and node.op not in SEQUENCES:
            return alone
        read = [i for i in _operands(node.args) if i in states]
        if node.op in FOLDS:
            return states[read[0]]
        if node.op in BATCH_NORMS or (node.op in IDENTITIES and read):
            return self._following(node, states[read[0]], states) if read else alone
        if not read or not pointwise(node, self.program):
            curved = self._begins(node, read, states)
            return _State(alone.origin, curved, node.index if curved else -1)
        if self._rescales(node, read, states):
            return alone
        return self._joined(node, read, states)

    def _following(self, node: Node, before: _State, states: Mapping[int, _State]) -> _State:
        """State after an operation that is affine in one value."""
        if not before.curved:
            return before
        tip = self.program.nodes[before.tip]
        plain = not any(isinstance(a, Ref) for a in node.args[1:]) and node.op not in BATCH_NORMS
        completes = plain and (node.op not in IDENTITIES or tip.op in YES_OR_NO)
        if completes and self.same_owner(tip.index, node.index):
            return _State(before.origin, True, node.index)
        return before

    def _joined(self, node: Node, read: Sequence[int], states: Mapping[int, _State]) -> _State:
        """State after an elementwise operation."""
        found = [states[i] for i in read]
        origin = frozenset[int]().union(*(state.origin for state in found))
        curved = any(state.curved for state in found)
        if len(read) == 1:
            affine = node.op in AFFINE and not self._divides(node, states)
            masked = node.op in CHOICES and not self._chooses(node, states)
            if affine or masked:
                return self._following(node, found[0], states)
            return _State(origin, True, node.index)
        if node.op in CHOICES and not self._chooses(node, states):
            values = [states[i] for i in _operands(_values_of(node)) if i in states]
            same = len({state.origin for state in values}) == 1
            return values[0] if same else _State(frozenset({node.index}))
        if node.op in ADDITIVE and all(state.origin == origin for state in found):
            return _State(origin, curved, node.index if curved else -1)
        if node.op in ADDITIVE:
            shared = frozenset[int].intersection(*(state.origin for state in found))
            if shared and curved:
                return _State(origin, True, node.index)
            return _State(frozenset({node.index}))
        return _State(origin, True, node.index)

    def _divides(self, node: Node, states: Mapping[int, _State]) -> bool:
        """Whether a value stands below the line."""
        below = node.args[1] if node.op == "div" and len(node.args) > 1 else None
        return isinstance(below, Ref) and below.index in states

    def _chooses(self, node: Node, states: Mapping[int, _State]) -> bool:
        """Whether the chosen values make a choice themselves, not a mask from elsewhere."""
        mask = _operands([node.args[0 if node.op == "where" else 1]])
        if not mask or mask[0] not in states:
            return False
        values = [states[i].origin for i in _operands(_values_of(node)) if i in states]
        return not values or states[mask[0]].origin <= frozenset[int]().union(*values)

    def _rescales(self, node: Node, read: Sequence[int], states: Mapping[int, _State]) -> bool:
        """Whether an operand is one number for all units, or a statistic of the values."""
        along = self.axes.get(node.index)
        if along is None or node.shape is None or len(set(read)) < 2:
            return False
        axis, rank = along.axis, len(node.shape)
        for index in read:
            shape = self.program.nodes[index].shape
            place = axis - (rank - len(shape or ()))
            assert shape is not None
            if node.shape[axis] > 1 and (place < 0 or shape[place] == 1):
                return True
            if shape != node.shape and self._is_statistic(index, states):
                return True
        return False

    @cached_property
    def statistics(self) -> frozenset[int]:
        """Sums and norms that come back to the values that they are of."""
        found = set[int]()
        for node in self.program.nodes:
            made = self._made_by[node.index]
            read = [i for i in made.inputs if self.program.nodes[i].batch_axis is not None]
            follows = bool(read) and found.issuperset(read)
            if (made.op in REDUCTIONS and (follows or self._comes_back(node))) or (
                follows and made.op in MOVES | FOLDS | _STATISTIC
            ):
                found.add(node.index)
        return frozenset(found)

    def _is_statistic(self, index: int, states: Mapping[int, _State]) -> bool:
        return index in self.statistics or states[index].origin <= self.statistics

    def _comes_back(self, node: Node) -> bool:
        made = self._made_by[node.index]
        source = self.program.nodes[made.inputs[0]] if made.inputs else node
        if source.shape is None or node.shape is None:
            return False
        stack, seen = list(self.users.get(node.index, ())), set[int]()
        while stack:
            index = stack.pop()
            user = self.program.nodes[index]
            if index in seen or user.op not in _STATISTIC or user.shape is None:
                continue
            seen.add(index)
            others = [self.program.nodes[i] for i in user.inputs]
            if user.shape == source.shape and any(n.shape == source.shape for n in others):
                return True
            stack += self.users.get(index, ())
        return False

    def _begins(self, node: Node, read: Sequence[int], states: Mapping[int, _State]) -> bool:
        """Whether an operation that isn't elementwise makes activations."""
        if node.op in SEQUENCES or node.op == "glu":
            return True
        if node.op not in LARGEST | MAX_POOLS or node.index in self.statistics:
            return False
        # the largest of several plain sums (maxout); of activations it is a pool
        return bool(read) and all(self._linear(i, states) for i in read)

    def _linear(self, index: int, states: Mapping[int, _State]) -> bool:
        """Whether a value comes from a layer with weights and was only moved since."""
        while index in states and not states[index].curved:
            if index not in states[index].origin:
                index = min(states[index].origin)
                continue
            made = self._made_by[index]
            if made.op not in MOVES | FOLDS or not made.inputs:
                return mixing(made, self.program)
            index = made.inputs[0]
        return False

    @cached_property
    def weighted(self) -> frozenset[int]:
        """Nodes behind a layer with weights."""
        found = set[int]()
        for node in self.program.nodes:
            made = self._made_by[node.index]
            nodes = [self.program.nodes[i] for i in made.inputs]
            weights = any(n.batch_axis is None and n.shape is not None for n in nodes)
            if (weights and mixing(made, self.program)) or not found.isdisjoint(made.inputs):
                found.add(node.index)
        return frozenset(found)

    @cached_property
    def before_layers(self) -> frozenset[int]:
        """Nodes that a later operation mixes; the logits and what is done to them aren't."""
        return self._before(lambda node: mixing(node, self.program) or self._sums_units(node))

    @cached_property
    def before_pools(self) -> frozenset[int]:
        """Nodes of which a later operation takes sums, or that it mixes."""
        return self._before(
            lambda node: mixing(node, self.program) or node.op in REDUCTIONS | UNITWISE
        )

    def _before(self, counts: Callable[[Node], bool]) -> frozenset[int]:
        found, reached = set[int](), {self.program.output}
        for node in reversed(self.program.nodes):
            if node.index in found or node.index in reached:
                made = self._made_by[node.index]
                mixed = node.index in found or counts(made)
                (found if mixed else reached).update(made.inputs)
        return frozenset(found)

    def _sums_units(self, node: Node) -> bool:
        if node.op not in REDUCTIONS or not node.inputs or node.inputs[0] not in self.axes:
            return False
        source, after = self.program.nodes[node.inputs[0]], self.axes.get(node.index)
        assert source.shape is not None
        units = _size(source, self.axes[source.index])
        return after is None or _size(self.program.nodes[node.index], after) < units

    @cached_property
    def activations(self) -> frozenset[int]:
        """Activations that something outside of their region reads, wherever they are."""
        states, found = self.states, set[int]()
        for index, state in states.items():
            if not state.curved or index in self.statistics or self.made(index).op in FOLDS:
                continue
            yes_or_no = self.program.nodes[state.tip].op in YES_OR_NO
            users = self.users.get(index, ())
            if not yes_or_no and any(self._outside(index, user) for user in users):
                found.add(state.tip)
        return frozenset(found)

    def _outside(self, index: int, user: int) -> bool:
        """Whether a reader is another region's, and not a sum that comes back."""
        reader = self.program.nodes[user]
        if reader.shape is None or reader.op in FOLDS:  # of a tuple its parts are the readers
            return any(self._outside(index, part) for part in self.users.get(user, ()))
        state = self.states.get(user)
        if state is None or user in self.statistics:
            return False
        made = self._made_by[user]
        if made.op == "div" and self._is_softmax(index, made):
            return False
        if reader.shape != self.program.nodes[index].shape:
            return True
        return not (state.curved and self.states[index].origin <= state.origin)

    def _is_softmax(self, index: int, node: Node) -> bool:
        """Whether a node divides exponentials by their sum."""
        if self.program.nodes[index].op != "exp" or len(node.inputs) < 2:
            return False
        below = self.states.get(node.inputs[1])
        return below is not None and self._is_statistic(node.inputs[1], self.states)

    @cached_property
    def heads(self) -> frozenset[int]:
        """Mixed values of attention heads."""
        return frozenset(n.index for n in self.program.nodes if is_heads(n, self.program))

    def hidden(self, allowed: Callable[[int], bool]) -> Found:
        """Choose what lenses use: activations and heads, or what comes nearest.

        Parameters
        ----------
        allowed
            Whether a node can be a site.
        """
        between = self.weighted & self.before_layers
        tiers: list[Collection[int]] = [
            (self.activations & between) | (self.heads & self.before_layers),
            self.activations & self.before_layers,
            [i for i in between if self._made_by[i].op in SOFTMAX | MAX_POOLS | LARGEST],
            self.activations & self.before_pools,
            [i for i in between if self._made_by[i].op in NORMS],
        ]
        for tier in tiers:
            nodes = frozenset(j for i in tier for j in self._usable(i, allowed))
            if nodes:
                return Found(nodes)
        layers = [i for i in between if mixing(self._made_by[i], self.program)]
        return Found(frozenset(i for i in layers if allowed(i)), instead=True)

    def _usable(self, index: int, allowed: Callable[[int], bool]) -> Iterator[int]:
        """The node, or the nodes that hold its value in a form that can be edited."""
        if allowed(index):
            yield index
            return
        for user in self.users.get(index, ()):
            moved = self.program.nodes[user].op in MOVES | FOLDS and user != self.program.output
            if moved and user in self.states:
                yield from self._usable(user, allowed)


def _operands(args: Sequence[Any]) -> list[int]:
    """Nodes among arguments, in order and with repetitions."""
    found = list[int]()
    for argument in args:
        if isinstance(argument, Ref):
            found.append(argument.index)
        elif isinstance(argument, (list, tuple)):
            found += _operands(argument)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _values_of(node: Node) -> tuple[Any, ...]:
    """What a choice chooses from."""
    return node.args[1:] if node.op == "where" else (node.args[0], *node.args[2:])


def _size(node: Node, along: Along) -> int:
    assert node.shape is not None
    size = 1
    for axis in along.axes:
        size *= node.shape[axis]
    return size
