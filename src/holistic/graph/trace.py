"""Can this model be turned into a flat graph, and does the graph compute what the model does?"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export
from torch.fx import Node as FxNode
from torch.utils import _pytree as pytree

from holistic.graph.naming import Call
from holistic.graph.program import GETITEM, VIEWS, Node, Program, Ref, select_rows

__all__ = ["Untraceable", "Wrapped", "evaluating", "trace"]

TOLERANCE = 1e-5
"""Largest relative difference of graph and model outputs (float32; scaled by the dtype)."""


class Untraceable(Exception):
    """The model has no flat graph that can be trusted; the message says why in one line."""


class Wrapped(nn.Module):
    """A model with a function that picks the logits from it, as one module."""

    def __init__(self, model: nn.Module, pick: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.pick = pick

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, `[B, C]`."""
        return self.pick(self.model, images)


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Put a model into evaluation mode and every module's mode back afterwards.

    The state of the global random number generators is put back as well.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
        with torch.random.fork_rng(devices=devices):
            for module, _ in modes:
                module.training = False
            yield
    finally:
        for module, mode in modes:
            module.training = mode


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
    exported = _export(wrapped, images)
    program, owners, calls = _flatten(exported, wrapped, len(images))
    return _checked(program, wrapped, images), owners, calls


def _export(wrapped: Wrapped, images: Tensor) -> ExportedProgram:
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    # torch prints and logs the whole graph on failure: the one-line reason below is enough
    quiet = redirect_stdout(StringIO()), redirect_stderr(StringIO())
    try:
        with evaluating(wrapped), warnings.catch_warnings(), quiet[0], quiet[1]:
            warnings.simplefilter("ignore")
            exported = export(wrapped, (images,), dynamic_shapes=({0: Dim.AUTO},))
            return exported.run_decompositions({})
    except Exception as error:  # torch.export raises many unrelated kinds
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise Untraceable(f"torch.export failed: {type(error).__name__}: {reason}") from error
    finally:
        logging.disable(disabled)


def _flatten(
    exported: ExportedProgram, wrapped: Wrapped, batch: int
) -> tuple[Program, dict[int, Call], list[Call]]:
    tensors = _lifted(exported, wrapped)
    user_input = next(
        s.arg.name for s in exported.graph_signature.input_specs if s.kind.name == "USER_INPUT"
    )
    fx_nodes = [n for n in exported.graph.nodes if n.op != "output"]
    index = {n: i for i, n in enumerate(fx_nodes)}
    (outputs,) = next(n for n in exported.graph.nodes if n.op == "output").args
    if len(outputs) != 1:
        raise Untraceable("the model changes a buffer or returns several values while it runs")
    symbol = _batch_symbol(next(n for n in fx_nodes if n.name == user_input))
    nodes = tuple(_node(n, index, tensors, symbol, batch) for n in fx_nodes)
    owners, calls = _owners(fx_nodes, wrapped)
    start = next(index[n] for n in fx_nodes if n.name == user_input)
    return Program(nodes, start, index[outputs[0]]), owners, calls


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
    if isinstance(size, int):
        raise Untraceable(f"the model's code fixes the batch size to {size}")
    return size.node.expr


def _node(
    fx: FxNode, index: dict[FxNode, int], tensors: dict[str, Tensor], symbol: Any, batch: int
) -> Node:
    value = fx.meta.get("val")
    i = index[fx]
    if fx.op == "placeholder" and fx.name in tensors:
        return Node(i, "parameter", value=tensors[fx.name], shape=tuple(tensors[fx.name].shape))
    if isinstance(value, torch.SymInt):
        return Node(i, "size", size=(value.node.expr, symbol))
    shape, axis, fold = _layout(value, symbol, batch)
    if fx.op == "placeholder":
        return Node(i, "input", shape=shape, batch_axis=axis)
    if fx.op != "call_function":
        raise Untraceable(f"the graph holds a '{fx.op}' node")
    args = pytree.tree_map(lambda a: Ref(index[a]) if isinstance(a, FxNode) else a, fx.args)
    kwargs = pytree.tree_map(lambda a: Ref(index[a]) if isinstance(a, FxNode) else a, fx.kwargs)
    return Node(
        i,
        op=_op_name(fx),
        function=torch.reshape if fx.target in VIEWS else fx.target,  # pyright: ignore[reportArgumentType]
        args=tuple(args),
        kwargs=dict(kwargs),
        inputs=tuple(index[n] for n in fx.all_input_nodes),
        shape=shape,
        batch_axis=axis,
        fold=fold,
    )


def _op_name(fx: FxNode) -> str:
    if fx.target is GETITEM:
        return "getitem"
    name = getattr(fx.target, "__name__", str(fx.target)).split(".")[0]
    return name.removesuffix("_") if not name.endswith("__") else name


def _layout(value: Any, symbol: Any, batch: int) -> tuple[tuple[int, ...] | None, int | None, int]:
    """Shape on the traced batch, batch axis, and entries of it per example."""
    if not isinstance(value, Tensor):
        return None, None, 1
    axis, fold, shape = None, 1, list[int]()
    sizes: Any = value.shape
    for i, size in enumerate(sizes):
        if isinstance(size, int):
            shape.append(size)
            continue
        expression = size.node.expr
        shape.append(int(expression.xreplace({symbol: batch})))
        axis, fold = i, int(expression.xreplace({symbol: 1}))
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
        expected = wrapped(images)
    calls = [n.index for n in program.nodes if n.function is not None and n.shape is not None]
    reached = {node.index for node, _ in program.plan({program.input}, {program.output}).steps}
    calls = [i for i in calls if i in reached]
    order = torch.arange(len(images), device=images.device).roll(2)
    with torch.no_grad():
        values = program.evaluate({program.input: images}, calls, rows=len(images))
        permuted = program.evaluate({program.input: images[order]}, calls, rows=len(images))
    logits = values[program.output]
    if not close(logits, expected) or not torch.equal(logits.argmax(-1), expected.argmax(-1)):
        difference = (logits - expected).abs().max().item()
        raise Untraceable(f"graph and model differ by up to {difference:.2g} on real inputs")
    if not close(permuted[program.output], logits[order]):
        raise Untraceable("the logits of an example depend on the other examples of its batch")
    return replace(
        program,
        nodes=tuple(
            replace(n, selectable=n.index not in values or _permutes(n, values, permuted, order))
            for n in program.nodes
        ),
    )


def _permutes(node: Node, values: dict[int, Any], permuted: dict[int, Any], order: Tensor) -> bool:
    return close(permuted[node.index], select_rows(node, values[node.index], order))


def close(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors agree to rounding, relative to the largest value."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if not got.is_floating_point():
        return torch.equal(got, expected)
    finite = expected[expected.isfinite()]
    if finite.numel() == 0:
        return torch.equal(got.isnan(), expected.isnan())
    coarser = max(1.0, torch.finfo(got.dtype).eps / torch.finfo(torch.float32).eps)
    bound = TOLERANCE * coarser * max(float(finite.abs().max()), 1e-6)
    return bool(torch.isclose(got, expected, rtol=0, atol=bound, equal_nan=True).all())
