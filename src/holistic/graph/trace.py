"""Turns a model into a flat graph and checks it against the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node as FxNode
from torch.utils import _pytree as pytree

from holistic.graph.export import Untraceable, exported
from holistic.graph.folds import op_name, split_folds
from holistic.graph.leftovers import forget, let_go
from holistic.graph.naming import Call
from holistic.graph.program import VIEWS, Node, Program, Ref, select_rows
from holistic.graph.rounding import close
from holistic.graph.wrapped import Wrapped, evaluating

__all__ = ["Untraceable", "trace"]

SIZES = (1, 2, 3, 67)
"""Batch sizes at which the graph is compared with the model, beside that of the probes."""


def trace(wrapped: Wrapped, images: Tensor) -> tuple[Program, dict[int, Call], list[Call]]:
    """Turn a model into a flat graph, checked on real inputs.

    Parameters
    ----------
    wrapped
        The model with its choice of logits.
    images
        A few real inputs, `[B, …]` with B ≥ 3.

    Returns
    -------
    program, owners, calls
        The graph; by node the module call that owns it; all module calls.

    Raises
    ------
    Untraceable
        If the model can't be exported or graph and model differ.
    """
    try:
        return _traced(wrapped, images, strict=False)
    except Untraceable as error:
        if not error.readable:
            raise
        first = error
    try:
        return _traced(wrapped, images, strict=True)
    except Untraceable:
        raise first from None


def _traced(
    wrapped: Wrapped, images: Tensor, *, strict: bool
) -> tuple[Program, dict[int, Call], list[Call]]:
    with let_go():
        found = exported(wrapped, images, strict=strict)
        try:
            program, owners, calls = _flatten(found, wrapped, len(images))
            return _checked(program, wrapped, images), owners, calls
        except Untraceable:
            raise
        except Exception as error:  # a graph of a kind that nobody has met: the model itself runs
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
            raise Untraceable(f"the graph can't be read ({reason})") from error
        finally:
            forget(found, strict=strict)
            del found


def _flatten(
    exported: ExportedProgram, wrapped: Wrapped, batch: int
) -> tuple[Program, dict[int, Call], list[Call]]:
    tensors = _lifted(exported, wrapped)
    specs = exported.graph_signature.input_specs
    user_inputs = [s.arg.name for s in specs if s.kind.name == "USER_INPUT"]
    by_name = {n.name: n for n in exported.graph.nodes}
    images, *extras = (by_name[name] for name in user_inputs)
    symbol = _batch_symbol(images)
    if any(_batch_symbol(node) != symbol for node in extras):
        raise Untraceable("the model's code doesn't say that its inputs are of as many examples")
    split_folds(exported.graph, images.meta["val"].shape[0])
    fx_nodes = [n for n in exported.graph.nodes if n.op != "output"]
    index = {n: i for i, n in enumerate(fx_nodes)}
    (outputs,) = next(n for n in exported.graph.nodes if n.op == "output").args
    # buffers that the model changes are outputs too: they are put back after each run
    kinds = [spec.kind.name for spec in exported.graph_signature.output_specs]
    if kinds.count("USER_OUTPUT") != 1:
        raise Untraceable("the model returns several values")
    logits = outputs[kinds.index("USER_OUTPUT")]
    if not isinstance(logits, FxNode):
        raise Untraceable("the model's logits depend on no operation")
    nodes = tuple(_node(n, index, tensors, symbol, batch) for n in fx_nodes)
    owners, calls = _owners(fx_nodes, wrapped)
    others = tuple(index[node] for node in extras)
    return Program(nodes, index[images], index[logits], others), owners, calls


def _lifted(exported: ExportedProgram, wrapped: Wrapped) -> dict[str, Tensor]:
    """Parameters, buffers and constants by the name of their placeholder, shared with the model."""
    own: dict[str, Tensor] = dict(wrapped.named_parameters(remove_duplicate=False))
    own.update(dict[str, Tensor](wrapped.named_buffers(remove_duplicate=False)))
    lifted: dict[str, Tensor] = {}
    for spec in exported.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT" or spec.target is None:
            continue
        tensor = own.get(spec.target, exported.constants.get(spec.target))
        if not isinstance(tensor, Tensor):
            raise Untraceable(f"the graph reads '{spec.target}', which is no tensor of the model")
        lifted[spec.arg.name] = tensor.detach()
    return lifted


def _batch_symbol(node: FxNode) -> Any:
    size: Any = node.meta["val"].shape[0]
    if isinstance(size, int) or not size.node.expr.free_symbols:
        raise Untraceable(f"the model's code fixes the batch size to {size}", readable=True)
    return size.node.expr


def _node(
    fx: FxNode, index: dict[FxNode, int], tensors: dict[str, Tensor], symbol: Any, batch: int
) -> Node:
    value = fx.meta.get("val")
    i = index[fx]
    if fx.op == "placeholder" and fx.name in tensors:
        return Node(i, "parameter", value=tensors[fx.name], shape=tuple(tensors[fx.name].shape))
    if isinstance(value, torch.SymInt) and value.node.expr.free_symbols == {symbol}:
        return Node(i, "size", size=(value.node.expr, symbol))
    shape, axis, fold = _layout(value, symbol, batch)
    if fx.op == "placeholder":
        return Node(i, "input", shape=shape, batch_axis=axis)
    if fx.op != "call_function":
        raise Untraceable(f"the graph holds a '{fx.op}' node")
    function, arguments = _replayable(fx)
    args = pytree.tree_map(lambda a: Ref(index[a]) if isinstance(a, FxNode) else a, arguments)
    kwargs = pytree.tree_map(lambda a: Ref(index[a]) if isinstance(a, FxNode) else a, fx.kwargs)
    return Node(
        i,
        op=op_name(fx),
        function=function,
        args=tuple(args),
        kwargs=dict(kwargs),
        inputs=tuple(index[n] for n in fx.all_input_nodes),
        shape=shape,
        batch_axis=axis,
        fold=fold,
    )


def _replayable(fx: FxNode) -> tuple[Any, tuple[Any, ...]]:
    """Return an operation and its arguments such that a batch of one stays a batch."""
    if fx.target in VIEWS:
        return torch.reshape, fx.args
    if fx.target is torch.ops.aten.squeeze.default:
        shape = fx.args[0].meta["val"].shape  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        ones = [axis for axis, size in enumerate(shape) if isinstance(size, int) and size == 1]
        return torch.ops.aten.squeeze.dims, (fx.args[0], ones)
    return fx.target, fx.args


def _layout(value: Any, symbol: Any, batch: int) -> tuple[tuple[int, ...] | None, int | None, int]:
    """Shape on the traced batch, batch axis, and entries of it per example."""
    if not isinstance(value, Tensor):
        return None, None, 1
    axis, fold, shape = None, 1, list[int]()
    sizes: Any = value.shape
    for i, size in enumerate(sizes):
        if isinstance(size, int) or not size.node.expr.free_symbols:
            shape.append(int(size))
            continue
        expression = size.node.expr
        if expression.free_symbols != {symbol}:
            return None, None, 1  # how long it is depends on what it holds
        each = expression.xreplace({symbol: 1})
        if expression != each * symbol:
            return None, None, 1
        shape.append(int(expression.xreplace({symbol: batch})))
        axis, fold = i, int(each)
    return tuple(shape), axis, fold


def _owners(fx_nodes: list[FxNode], wrapped: Wrapped) -> tuple[dict[int, Call], list[Call]]:
    modules = dict(wrapped.named_modules(remove_duplicate=False))
    calls: dict[str, Call] = {}
    numbers: dict[str, int] = {}
    owners: dict[int, Call] = {}
    for i, fx in enumerate(fx_nodes):
        stack = fx.meta.get("nn_module_stack") or {}
        if fx.op != "call_function":
            continue
        for key, (path, _) in stack.items():
            if path != "" and path not in modules:
                continue
            if key not in calls:
                numbers[path] = numbers.get(path, 0) + 1
                module = modules[path]
                calls[key] = Call(
                    path=path.removeprefix("model").removeprefix("."),
                    leaf=path not in ("", "model") and not any(module.children()),
                    parameters=sum(p.numel() for p in module.parameters(recurse=False)),
                    number=numbers[path],
                )
            calls[key].nodes.append(i)
            owners[i] = calls[key]
    return owners, list(calls.values())


def _checked(program: Program, wrapped: Wrapped, images: Tensor) -> Program:
    """Compare graph and model on real inputs; mark values whose rows can't be picked out."""
    with torch.no_grad(), evaluating(wrapped):
        expected = wrapped.logits(images)
    calls = [n.index for n in program.nodes if n.function is not None and n.shape is not None]
    reached = {node.index for node, _ in program.plan(program.inputs, {program.output}).steps}
    calls = [i for i in calls if i in reached]
    order = torch.arange(len(images), device=images.device).roll(2)
    drawn = torch.get_rng_state()
    values = _replayed(program, images, calls)
    if not torch.equal(torch.get_rng_state(), drawn):
        torch.set_rng_state(drawn)
        raise Untraceable("the graph draws random numbers")
    permuted = _replayed(program, images[order], calls)
    _compare(values[program.output], expected, len(images))
    if not close(permuted[program.output], values[program.output][order]):
        raise Untraceable("the logits of an example depend on the other examples of its batch")
    for size in SIZES:
        rows = torch.arange(size, device=images.device) % len(images)
        _compare(
            _replayed(program, images[rows], [program.output])[program.output], expected[rows], size
        )
    return replace(
        program,
        nodes=tuple(
            replace(n, selectable=n.index not in values or _permutes(n, values, permuted, order))
            for n in program.nodes
        ),
    )


@torch.no_grad()
def _replayed(program: Program, images: Tensor, wanted: list[int]) -> dict[int, Any]:
    try:
        return program.evaluate(program.given(images), wanted, rows=len(images))
    except Exception as error:  # whatever operations say to sizes that they weren't made for
        reason = " ".join(str(error).split())[:120]
        message = f"the graph fails on a batch of {len(images)}: {reason}"
        raise Untraceable(message, readable=True) from error


def _compare(got: Tensor, expected: Tensor, size: int) -> None:
    if got.shape != expected.shape:
        raise Untraceable(f"the graph gives logits {tuple(got.shape)} for a batch of {size}")
    if not close(got, expected) or not torch.equal(got.argmax(-1), expected.argmax(-1)):
        difference = (got - expected).abs().max().item()
        raise Untraceable(
            f"graph and model differ by up to {difference:.2g} on real inputs, {size} at a time"
        )


def _permutes(node: Node, values: dict[int, Any], permuted: dict[int, Any], order: Tensor) -> bool:
    return close(permuted[node.index], select_rows(node, values[node.index], order))
