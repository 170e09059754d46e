"""Finds the axis along which the units of each value lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holistic.graph.kinds import CHANNELS, FOLDS, HEADS, MATRIX, REDUCTIONS, SEQUENCES, pointwise
from holistic.graph.program import Node, Program, Ref

__all__ = ["Along", "computed_by", "is_heads", "unit_axes"]

_VIEWS = FOLDS | frozenset("view reshape _unsafe_view flatten unflatten squeeze unsqueeze".split())
_LAST = frozenset("linear embedding _embedding_bag embedding_bag bilinear".split())
_INSERTING = frozenset({"stack"})
_COMPLEX = frozenset("view_as_real view_as_complex".split())
_NAMED = frozenset({"einsum", "tensordot"})
_DROPPING = frozenset("select unbind max min median mode kthvalue topk sort".split())


@dataclass(frozen=True)
class Along:
    """Where the units of a value lie.

    Attributes
    ----------
    axes
        The axes over which they are spread, the batch axis counted: one, or several where a view
        has split them.
    known
        Whether that follows from what computed the value; else it is a guess.
    """

    axes: tuple[int, ...]
    known: bool = True

    @property
    def axis(self) -> int:
        """The one axis that a site's units are counted along."""
        return self.axes[-1]


def unit_axes(program: Program) -> dict[int, Along]:
    """Work out for each value that depends on the examples where its units lie.

    A convolution puts them on axis 1, a linear layer on the last, and so on; elementwise
    operations, norms, pools, reshapes and permutations pass on where they are.
    """
    found: dict[int, Along] = {}
    for node in program.nodes:
        if node.shape is None or node.batch_axis is None or len(node.shape) < 2:
            continue
        along = _along(computed_by(node, program), program, found)
        others = [i for i in range(len(node.shape)) if i != node.batch_axis]
        wide = [i for i in others if node.shape[i] > 1]
        if len(others) == 1 and node.fold == 1:  # there is no other
            along = Along((others[0],))
        elif len(wide) == 1 and node.fold == 1 and not along.known:
            along = Along((wide[0],))
        found[node.index] = along
    return {index: _cleaned(program.nodes[index], along) for index, along in found.items()}


def _cleaned(node: Node, along: Along) -> Along:
    """Leave the batch axis out; units that were folded into it lie along the last other one."""
    assert node.shape is not None
    axes = tuple(axis for axis in along.axes if axis != node.batch_axis)
    wide = [axis for axis in axes if node.shape[axis] > 1]
    if not axes:
        return Along((max(i for i in range(len(node.shape)) if i != node.batch_axis),), known=False)
    return Along(tuple(wide) or axes[-1:], along.known and len(wide) < 2)


def computed_by(node: Node, program: Program) -> Node:
    """Return a part of a tuple as if the operation that makes the tuple had made it alone."""
    if node.op != "getitem" or not node.inputs:
        return node
    source = program.nodes[node.inputs[0]]
    if source.shape is not None or source.function is None:
        return node
    return replace(
        node, op=source.op, function=source.function, args=source.args, inputs=source.inputs
    )


def is_heads(node: Node, program: Program) -> bool:
    """Whether a node holds the mixed values of attention heads, `[B, U, P, D]`."""
    if node.shape is None or len(node.shape) != 4:
        return False
    if computed_by(node, program).op in HEADS:
        return node.op != "getitem" or node.args[1] == 0
    if node.op not in {"matmul", "bmm"}:
        return False
    weights = program.nodes[node.inputs[0]]
    while weights.op in _VIEWS | {"expand", "dropout", "clone"} and weights.inputs:
        weights = program.nodes[weights.inputs[0]]
    return weights.op in {"softmax", "_softmax"}


def _along(node: Node, program: Program, found: Mapping[int, Along]) -> Along:
    assert node.shape is not None
    rank = len(node.shape)
    if is_heads(program.nodes[node.index], program):
        return Along((1,))
    if node.op in CHANNELS and node.batch_axis != 1 and rank >= 2:
        return Along((1,))
    if node.op in _LAST or node.op in SEQUENCES:
        return Along((rank - 1,))
    if node.op in MATRIX:
        return _of_product(node, program, found)
    if node.op in _NAMED:
        return _of_named(node, program, found) or _guess(rank)
    sources = [(program.nodes[i], found[i]) for i in node.inputs if i in found]
    if not sources:
        return _guess(rank, known=node.op == "input" and rank != 3)
    return _passed_on(node, program, sources) or _guess(rank)


def _guess(rank: int, *, known: bool = False) -> Along:
    return Along((1,) if rank >= 4 else (rank - 1,), known)


def _passed_on(node: Node, program: Program, sources: Sequence[tuple[Node, Along]]) -> Along | None:
    """Where units lie after an operation that doesn't make new ones."""
    assert node.shape is not None
    source, along = sources[0]
    assert source.shape is not None
    rank, before = len(node.shape), len(source.shape)
    move = _MOVES.get(node.op)
    if move is not None:
        order = move(node.args, before)
        return replace(along, axes=tuple(sorted(order.index(axis) for axis in along.axes)))
    if node.op in _VIEWS:
        axes = _viewed(along.axes, source.shape, node.shape)
        return replace(along, axes=axes) if axes else None
    if node.op in REDUCTIONS or node.op in _DROPPING or node.op in _INSERTING:
        return _counted(node, along, before)
    if pointwise(node, program) or node.op in {"expand", "expand_as", "cat", "broadcast_to"}:
        return _agreed(node, sources)
    return along if rank == before or node.op in _COMPLEX else None


def _counted(node: Node, along: Along, before: int) -> Along | None:
    """Where units lie after axes were dropped, or one was added."""
    assert node.shape is not None
    rank = len(node.shape)
    if rank == before:
        return along
    if rank == before + 1:
        place = (node.args[1] if len(node.args) > 1 else 0) % rank
        return replace(along, axes=tuple(axis + (axis >= place) for axis in along.axes))
    gone = set(_dropped(node, before))
    if len(gone) != before - rank:
        return None
    kept = tuple(axis - sum(g < axis for g in gone) for axis in along.axes if axis not in gone)
    return replace(along, axes=kept) if kept else None


def _dropped(node: Node, before: int) -> Iterator[int]:
    """Axes that an operation takes away."""
    default = 0 if node.op in {"select", "unbind"} else None
    position = 2 if node.op in {"kthvalue", "linalg_vector_norm", "norm"} else 1
    axes = node.args[position] if len(node.args) > position else default
    if axes is None or (isinstance(axes, (list, tuple)) and not axes):
        axes = range(before)
    for axis in axes if not isinstance(axes, int) else (axes,):
        if isinstance(axis, int):
            yield axis % before


def _agreed(node: Node, sources: Sequence[tuple[Node, Along]]) -> Along | None:
    """Where units lie in a value made of several, which are aligned at their last axes."""
    assert node.shape is not None
    rank = len(node.shape)
    options = list[Along]()
    for source, along in sources:
        assert source.shape is not None
        shift = rank - len(source.shape)
        axes = tuple(axis + shift for axis in along.axes)
        # one entry for all units says nothing of where they lie
        if any(source.shape[a] > 1 or node.shape[a + shift] == 1 for a in along.axes):
            options.append(replace(along, axes=axes))
    options.sort(key=lambda along: not along.known)
    if not options:
        return None
    first = options[0]
    other = any(along.known and along.axes != first.axes for along in options)
    return replace(first, known=first.known and not other)


def _of_product(node: Node, program: Program, found: Mapping[int, Along]) -> Along:
    """Where a product's units lie: rows are the first factor's, columns the second's."""
    assert node.shape is not None
    rank = len(node.shape)
    first, second = _factors(node)
    rows, columns = rank - 2, rank - 1
    if first is None or second is None or rank < 2:
        return _guess(rank)
    if second not in found:
        return Along((columns if node.batch_axis != columns else rows,))
    if first not in found:
        return Along((rows if node.batch_axis != rows else columns,))
    shapes = program.nodes[first].shape, program.nodes[second].shape
    assert shapes[0] is not None
    assert shapes[1] is not None
    if len(shapes[1]) - 1 in found[second].axes:
        return Along((columns,), found[second].known)
    if len(shapes[0]) - 2 in found[first].axes:
        return Along((rows,), found[first].known)
    return Along((columns,), known=False)


def _of_named(node: Node, program: Program, found: Mapping[int, Along]) -> Along | None:
    """Where the units of a sum over named axes lie: what weights alone name is new.

    Else they are those of the last factor that keeps its own.
    """
    assert node.shape is not None
    einsum = node.op == "einsum"
    parts = node.args[1] if einsum else node.args[:2]
    factors = [part.index for part in parts if isinstance(part, Ref)]
    sizes = [len(program.nodes[i].shape or ()) for i in factors]
    names = _axis_names(node.args[0], sizes) if einsum else _contracted(node.args[2:4], sizes)
    if names is None or len(names[-1]) != len(node.shape):
        return None
    *named, result = names
    values = [(own, found[i]) for own, i in zip(named, factors, strict=True) if i in found]
    shared = {name for own, _ in values for name in own}
    new = [axis for axis, name in enumerate(result) if name not in shared]
    if new:
        return Along(tuple(new))
    for own, along in reversed(values):
        axes = tuple(result.index(own[axis]) for axis in along.axes if own[axis] in result)
        if axes:
            return replace(along, axes=axes)
    return None


def _axis_names(equation: str, sizes: Sequence[int]) -> list[list[str]] | None:
    """Return names of the axes of each factor and of the result, the axes of `...` counted.

    >>> _axis_names("...d,ud->...u", [3, 2])
    [['.0', '.1', 'd'], ['u', 'd'], ['.0', '.1', 'u']]
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:  # what is named once stays, in alphabetic order
        right = "..." * ("..." in left) + "".join(
            sorted(name for name in set(left) - set(",.") if left.count(name) == 1)
        )
    if len(terms) != len(sizes):
        return None
    lengths = [n - len(t.replace("...", "")) for t, n in zip(terms, sizes, strict=True)]
    most = max([n for t, n in zip(terms, lengths, strict=True) if "..." in t], default=0)
    lengths.append(most)
    return [
        [
            name
            for part in re.findall(r"\.\.\.|[a-zA-Z]", term)
            for name in ([f".{i}" for i in range(most - n, most)] if part == "..." else [part])
        ]
        for term, n in zip([*terms, right], lengths, strict=True)
    ]


def _contracted(axes: Sequence[Any], sizes: Sequence[int]) -> list[list[str]] | None:
    """Return names of the axes of two factors, some of which are summed over, and of the result."""
    if len(axes) != 2 or len(sizes) != 2:
        return None
    first, second = ([f"{side}{i}" for i in range(n)] for side, n in zip("ab", sizes, strict=True))
    for one, other in zip(*axes, strict=True):
        second[other] = first[one]
    shared = {*first} & {*second}
    return [first, second, [name for name in (*first, *second) if name not in shared]]


def _factors(node: Node) -> tuple[int | None, int | None]:
    start = 1 if node.op in {"addmm", "baddbmm", "addbmm", "addmv"} else 0
    pair = [a.index if isinstance(a, Ref) else None for a in node.args[start : start + 2]]
    return (pair[0], pair[1]) if len(pair) == 2 else (None, None)


def _viewed(
    axes: Sequence[int], old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Axes of the units after a reshape, by groups of axes that hold the same entries."""
    after = list[int]()
    for before, behind in _groups(old, new):
        if any(axis in axes for axis in before):
            after += behind
    if after:
        return tuple(after)
    ones = [i for i, size in enumerate(new) if size == 1]  # there is one unit
    return tuple(ones[-1:]) or None


def _groups(
    old: tuple[int, ...], new: tuple[int, ...]
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """Split two shapes of equally many entries into the smallest parts of equally many entries."""
    left, right = ([i for i, size in enumerate(shape) if size != 1] for shape in (old, new))
    while left and right:
        before, behind = [left.pop(0)], [right.pop(0)]
        sizes = [old[before[0]], new[behind[0]]]
        while sizes[0] != sizes[1] and (left or right):
            if sizes[0] < sizes[1] and left:
                before.append(left.pop(0))
                sizes[0] *= old[before[-1]]
            elif right:
                behind.append(right.pop(0))
                sizes[1] *= new[behind[-1]]
            else:
                break
        yield before, behind


def _swapped(args: Sequence[Any], rank: int) -> list[int]:
    first, second = (a % rank for a in args[1:3])
    order = list(range(rank))
    order[first], order[second] = second, first
    return order


_MOVES: dict[str, Callable[[Sequence[Any], int], list[int]]] = {
    "permute": lambda args, rank: [a % rank for a in args[1]],
    "transpose": _swapped,
    "swapaxes": _swapped,
    "t": lambda args, rank: list(range(rank))[::-1],
    "numpy_T": lambda args, rank: list(range(rank))[::-1],
    "mT": lambda args, rank: _swapped((0, -2, -1), rank),
}
