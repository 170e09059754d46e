"""Reads how much each query of an attention head takes from each token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from holistic.graph.axes import computed_by, is_heads
from holistic.graph.engine import Engine
from holistic.graph.memory import full_precision
from holistic.graph.program import Node, Program, Ref
from holistic.graph.traced import TracedEngine

__all__ = ["attending", "attention_weights"]

_FUSED = "scaled_dot_product_attention"
_SOFTMAX = frozenset({"softmax", "_softmax", "_safe_softmax"})


def attending(engine: Engine) -> tuple[str, ...]:
    """Names of the sites whose heads' weights can be read, from input to logits."""
    if not isinstance(engine, TracedEngine):
        return ()
    return tuple(s.name for s in engine.sites if _source(engine, s.name) is not None)


@torch.no_grad()
def attention_weights(engine: Engine, images: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    """Read by site the attention of one batch, `[B, heads, queries, keys]`; each row adds up to 1.

    A fused operation keeps no weights, so they are computed again from its queries and keys; where
    the model computes a softmax itself, they are its value.

    References
    ----------
    Vaswani et al. 2017, equation 1.
    """
    assert isinstance(engine, TracedEngine)
    program, found = engine.program, dict[str, Tensor]()
    sources = {name: source for name in sites if (source := _source(engine, name))}
    wanted = sorted({i for source in sources.values() for i in source.inputs} | {program.output})
    with full_precision(engine.device):
        given = program.given(images.to(engine.device))
        values = program.evaluate(given, wanted, rows=len(images))
    for name, source in sources.items():
        if source.op in _SOFTMAX:
            found[name] = values[source.inputs[0]]
        else:
            found[name] = _fused(source, values)
    return found


def _source(engine: TracedEngine, name: str) -> Node | None:
    """What the weights of a site's heads are computed by: the fused operation, or a softmax.

    Of a softmax the node's only input is the softmax itself, since its value is what is read.
    """
    program = engine.program
    node = program.nodes[engine.nodes[name]]
    if not is_heads(node, program):
        return None
    made = computed_by(node, program)
    if made.op == _FUSED:
        return made
    return _softmax_of(made, program)


def _softmax_of(product: Node, program: Program) -> Node | None:
    """The softmax whose value, `[B, heads, queries, keys]`, a product mixes tokens by."""
    weights = program.nodes[product.inputs[0]]
    while weights.op not in _SOFTMAX and weights.inputs:
        weights = program.nodes[weights.inputs[0]]
    if weights.op not in _SOFTMAX or weights.shape is None or len(weights.shape) != 4:
        return None
    return Node(weights.index, weights.op, inputs=(weights.index,))


def _fused(node: Node, values: dict[int, Any]) -> Tensor:
    """The weights that a fused operation mixes its values by."""

    def filled(value: Any) -> Any:
        return values[value.index] if isinstance(value, Ref) else value

    named = dict(zip(("query", "key", "value", "attn_mask", "dropout_p", "is_causal"), node.args,
                     strict=False), **(node.kwargs or {}))  # fmt: skip
    query, keys, mask = (filled(named.get(n)) for n in ("query", "key", "attn_mask"))
    keys = keys.repeat_interleave(query.shape[1] // keys.shape[1], 1)  # queries may share keys
    scale = named.get("scale") or 1 / math.sqrt(query.shape[-1])
    logits = scale * query @ keys.transpose(-2, -1)
    if named.get("is_causal"):
        mask = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
    if mask is not None:
        blocked = mask.dtype == torch.bool
        logits = logits.masked_fill(~mask, -torch.inf) if blocked else logits + mask
    return logits.softmax(-1)
