"""Records the operations of one run, where a model can't become a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from holistic.graph.program import GETITEM, Node, Program, Ref

__all__ = ["Recorder"]


class Recorder(TorchDispatchMode):
    """Writes down every operation on tensors while a model runs on a few examples.

    What it makes is no graph to run again, for it holds of this one run. It says what follows from
    what, as the flat graph does of a model that can be traced.

    Parameters
    ----------
    model
        The model, whose weights are told from values.
    images
        The examples that it runs on, `[B, …]`.
    """

    def __init__(self, model: nn.Module, images: Tensor) -> None:
        super().__init__()
        self._rows = len(images)
        self._weights = {id(t) for t in (*model.parameters(), *model.buffers())}
        self._kept_alive = list[Any]()  # nothing is freed, so that no two tensors have one identity
        self._places = dict[int, int]()
        self._nodes = list[Node]()
        self._following = set[int]()
        self._given(images)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and write it down."""
        value = func(*args, **(kwargs or {}))
        op = func.__name__.partition(".")[0]
        references = [self._reference(argument) for argument in args]
        named = [self._reference(argument) for argument in (kwargs or {}).values()]
        node = Node(
            len(self._nodes),
            op if op.endswith("__") else op.removesuffix("_"),
            func,
            tuple(references),
            inputs=tuple(dict.fromkeys(_references([*references, *named]))),
        )
        self._write(node, value)
        if isinstance(value, (tuple, list)):
            for i, part in enumerate(value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                ref = Ref(node.index)
                item = Node(len(self._nodes), "getitem", GETITEM, (ref, i), inputs=(ref.index,))
                self._write(item, part)
        return value

    def __len__(self) -> int:
        return len(self._nodes)

    def place(self, value: Tensor) -> int | None:
        """Return the node that a tensor is the value of now; None where no operation made it."""
        return self._places.get(id(value))

    def program(self, logits: Tensor) -> Program | None:
        """Return what was written down; None where the logits came about in another way."""
        output = self.place(logits)
        return None if output is None else Program(tuple(self._nodes), 0, output)

    def _write(self, node: Node, value: Any) -> None:
        follows = not self._following.isdisjoint(node.inputs)
        if follows:
            self._following.add(node.index)
        if isinstance(value, Tensor):
            axis, fold = self._batch(value.shape) if follows else (None, 1)
            node = replace(node, shape=tuple(value.shape), batch_axis=axis, fold=fold)
            self._places[id(value)] = node.index
        self._kept_alive.append(value)
        self._nodes.append(node)

    def _batch(self, shape: Sequence[int]) -> tuple[int | None, int]:
        """Along which axis the examples lie, and how many entries of it belong to each."""
        if shape and shape[0] and shape[0] % self._rows == 0:
            return 0, shape[0] // self._rows
        exact = [i for i, size in enumerate(shape) if size == self._rows]
        if not exact and len(shape) > 1 and shape[0] == 1 and shape[1] % self._rows == 0:
            return 1, shape[1] // self._rows  # an instance norm's channels of all examples
        return (exact[0], 1) if exact else (None, 1)

    def _reference(self, argument: Any) -> Any:
        if isinstance(argument, Tensor):
            known = self._places.get(id(argument))
            return Ref(self._given(argument) if known is None else known)
        if isinstance(argument, (list, tuple)):
            return [self._reference(part) for part in argument]  # pyright: ignore[reportUnknownVariableType]
        return argument

    def _given(self, value: Tensor) -> int:
        """Note a tensor that was there before, or came about where operations can't be seen."""
        index, shape = len(self._nodes), tuple(value.shape)
        weight = id(value) in self._weights or isinstance(value, nn.Parameter)
        if weight or len(shape) < 2 or shape[0] != self._rows:
            self._nodes.append(Node(index, "parameter", value=value, shape=shape))
        else:
            self._nodes.append(Node(index, "input", shape=shape, batch_axis=0))
            self._following.add(index)
        self._kept_alive.append(value)
        self._places[id(value)] = index
        return index


def _references(arguments: Sequence[Any]) -> list[int]:
    found = list[int]()
    for argument in arguments:
        if isinstance(argument, Ref):
            found.append(argument.index)
        elif isinstance(argument, (list, tuple)):
            found += _references(argument)  # pyright: ignore[reportUnknownArgumentType]
    return found
