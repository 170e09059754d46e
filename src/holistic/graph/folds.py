"""Gives values whose batch axis holds several entries per example a form with a plain one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph
from torch.fx import Node as FxNode

from holistic.graph.kinds import MOVES
from holistic.graph.program import GETITEM

__all__ = ["op_name", "split_folds"]

_FOLD = "holistic_fold"


def op_name(fx: FxNode) -> str:
    """Return the name of a node's operation, as sites and kinds of operations are named."""
    if _FOLD in fx.meta:
        return fx.meta[_FOLD]
    if fx.target is GETITEM:
        return "getitem"
    name = getattr(fx.target, "__name__", str(fx.target)).split(".")[0]
    return name.removesuffix("_") if not name.endswith("__") else name


def split_folds(graph: Graph, rows: Any) -> None:
    """Pass each folded value through a view that has the examples on an axis of their own.

    Frames, rows or windows that a model puts into the batch axis, `[B × F, …]`, are values of
    their example as well: at `[B, F, …]` they can be read and edited. Whether F entries in a row
    are one example's is found out where the graph is compared with the model.

    Parameters
    ----------
    graph
        Is changed; it computes the same.
    rows
        The symbol of the batch size.
    """
    for node in list(graph.nodes):
        each = _entries(node, rows)
        if not each:
            continue
        value: Tensor = node.meta["val"]
        rest = list(value.shape[1:])
        readers = list(node.users)
        with graph.inserting_after(node):
            split = graph.call_function(_VIEW, (node, [-1, each, *rest]))
        with graph.inserting_after(split):
            joined = graph.call_function(_VIEW, (split, [-1, *rest]))
        for reader in readers:
            reader.replace_input_with(node, joined)
        whole = value.new_empty((rows, each, *rest))
        split.meta = {**node.meta, "val": whole, _FOLD: "split_batch"}
        joined.meta = {"val": value, _FOLD: "join_batch"}  # of no module: what it reads is the last


def _entries(node: FxNode, rows: Any) -> int:
    """How many entries of a value's first axis belong to an example, where they are several."""
    value = node.meta.get("val")
    if node.op != "call_function" or not isinstance(value, Tensor) or value.dim() < 2:
        return 0
    made = node.args[0] if node.target is GETITEM and node.args[1] == 0 else node
    if not isinstance(made, FxNode) or op_name(made) in MOVES or not value.is_floating_point():
        return 0
    sizes: Any = value.shape
    plain = all(isinstance(n, int) or not n.node.expr.free_symbols for n in sizes[1:])
    if isinstance(sizes[0], int) or not plain:
        return 0
    each = sizes[0].node.expr / rows.node.expr
    return int(each) if each.is_Integer and each > 1 else 0


_VIEW = torch.ops.aten.view.default
