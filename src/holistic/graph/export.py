"""Exports a model as a graph, in whichever way its forward is written."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import torch
from torch import Tensor
from torch._export import utils
from torch._ops import OpOverload
from torch.export import Dim, ExportedProgram, export, exported_program
from torch.fx import GraphModule
from torch.fx import Node as FxNode

from holistic.graph.accompanied import apart
from holistic.graph.leftovers import forget
from holistic.graph.wrapped import Wrapped, evaluating, stance

__all__ = ["Untraceable", "exported"]


class Untraceable(Exception):
    """The model has no flat graph that can be trusted; the message says why in one line.

    Attributes
    ----------
    readable
        Whether reading the model's source instead of running it may give a graph.
    """

    def __init__(self, message: str, *, readable: bool = False) -> None:
        super().__init__(message)
        self.readable = readable


def exported(wrapped: Wrapped, images: Tensor, *, strict: bool) -> ExportedProgram:
    """Export a model with a batch axis of any length.

    Parameters
    ----------
    wrapped
        The model with its choice of logits.
    images
        Real inputs, `[B, …]`; no other size of the model should be B.
    strict
        Whether the model's source is read, which takes longer and keeps the batch size open where
        Python asks for it as a number (`len(x)`); else the model runs and its operations are noted.

    Raises
    ------
    Untraceable
        If that fails, with torch's reason in one line.
    """
    try:
        with _quiet(), evaluating(wrapped), stance("default" if strict else "force_eager"):
            given, sizes = _arguments(images)
            program = export(wrapped, given, dynamic_shapes=sizes, strict=strict)
            _inline_blocks(program.graph_module)
            with _preparing(program.graph_module):
                return program.run_decompositions({})
    except Exception as error:  # torch.export raises many unrelated kinds
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        forget(error, strict=strict)
        raise Untraceable(
            f"torch.export failed: {type(error).__name__}: {reason}",
            readable="numpy() is not supported" in reason,
        ) from error


def _arguments(images: Tensor) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What a wrapped model is called with, and which axes of it are of any length."""
    images, extras = apart(images)
    if not extras:
        return (images,), ({0: Dim.AUTO},)
    several, examples = tuple(extras.values()), Dim("examples")  # of as many, which AUTO isn't told
    return (images, several), ({0: examples}, tuple({0: examples} for _ in several))


@contextmanager
def _quiet() -> Generator[None]:
    """Keep torch from printing the whole graph where it fails: the reason in one line is enough."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(redirect_stdout(StringIO()))
            stack.enter_context(redirect_stderr(StringIO()))
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def _preparing(module: GraphModule) -> Generator[None]:
    """Have torch prepare those composite operations alone that the graph has.

    It prepares all thousand that it knows for each graph, which takes longer than a small model.
    """
    name, preservable = "_collect_all_valid_cia_ops", getattr(utils, "_is_preservable_cia_op", None)
    every = getattr(exported_program, name, None)
    if every is None or preservable is None:  # a torch that goes about it otherwise
        yield
        return
    graphs = [m.graph for m in module.modules() if isinstance(m, GraphModule)]
    targets = {node.target for graph in graphs for node in graph.nodes}
    own = {op for op in targets if isinstance(op, OpOverload) and preservable(op)}
    setattr(exported_program, name, lambda: own)
    try:
        yield
    finally:
        setattr(exported_program, name, every)


def _inline_blocks(module: GraphModule) -> None:
    """Put operations under `no_grad` among the others, and detach what leaves them.

    torch would do so too, and forget which module they are of and that gradients end there.
    """
    for node in list(module.graph.nodes):
        if node.op != "call_function" or node.target is not _SET_GRAD:
            continue
        enabled, block = node.args[0], getattr(module, node.args[1].target)
        _inline_blocks(block)
        inner = iter(block.graph.nodes)
        copies: dict[FxNode, FxNode] = dict(zip(inner, node.args[2:], strict=False))
        results: list[FxNode] = []
        leave = torch.ops.aten.alias.default if enabled else torch.ops.aten.detach.default
        with module.graph.inserting_before(node):
            for part in block.graph.nodes:
                if part.op == "output":
                    results = [copies[value] for value in part.args[0]]
                elif part not in copies:
                    copies[part] = module.graph.node_copy(part, copies.__getitem__)
            for user in list(node.users):
                value = results[user.args[1]]
                out = module.graph.call_function(leave, (value,))
                # the value's own operation, and not this, stays the last of its module
                out.meta = {k: v for k, v in value.meta.items() if k != "nn_module_stack"}
                user.replace_all_uses_with(out)
                module.graph.erase_node(user)
                out._rename(user.name)  # pyright: ignore[reportPrivateUsage]
        module.graph.erase_node(node)
    module.recompile()


_SET_GRAD = torch.ops.higher_order.wrap_with_set_grad_enabled
