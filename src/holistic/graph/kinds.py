"""Kinds of operations: elementwise ones, moves, sums over axes, products."""

from __future__ import annotations

from typing import Any

import torch

from holistic.graph.program import Node, Program, Ref

__all__ = [
    "ADDITIVE",
    "AFFINE",
    "BATCH_NORMS",
    "CHANNELS",
    "CHOICES",
    "FOLDS",
    "HEADS",
    "IDENTITIES",
    "LARGEST",
    "MATRIX",
    "MAX_POOLS",
    "MOVES",
    "NONLINEAR",
    "NORMS",
    "POOLS",
    "REDUCTIONS",
    "SEQUENCES",
    "SOFTMAX",
    "UNITWISE",
    "YES_OR_NO",
    "mixing",
    "pointwise",
]

NONLINEAR = frozenset(
    "relu relu6 gelu silu tanh sigmoid elu selu celu leaky_relu prelu rrelu softplus mish "
    "hardswish hardsigmoid hardtanh softsign log_sigmoid threshold square abs glu "
    "lstm gru rnn_tanh rnn_relu".split()
)
"""Operations that are an activation by themselves."""

MOVES = frozenset(
    "view reshape _unsafe_view permute transpose t clone expand slice select unbind getitem "
    "unfold unsqueeze squeeze flatten contiguous detach alias copy split chunk split_with_sizes "
    "_to_copy to lift_fresh_copy dropout zeros ones full arange zeros_like".split()
)
"""Operations whose value isn't a place of its own."""

IDENTITIES = frozenset(
    "clone contiguous detach alias lift_fresh_copy dropout native_dropout _to_copy to copy".split()
)
FOLDS = frozenset({"split_batch", "join_batch"})
"""Views that take apart, and put together again, a batch axis with several entries per example."""

BATCH_NORMS = frozenset(
    "batch_norm native_batch_norm _native_batch_norm_legit_no_training _batch_norm_with_update "
    "_batch_norm_no_update _native_batch_norm_legit cudnn_batch_norm".split()
)
CHANNELS = BATCH_NORMS | frozenset(
    "conv1d conv2d conv3d convolution _convolution conv_transpose1d conv_transpose2d "
    "conv_transpose3d mkldnn_convolution group_norm native_group_norm instance_norm "
    "convolution_overrideable cudnn_convolution".split()
)
MATRIX = frozenset("matmul mm bmm addmm baddbmm mv addmv dot".split())
SEQUENCES = frozenset(
    "lstm gru rnn_tanh rnn_relu mkldnn_rnn_layer _cudnn_rnn lstm_cell gru_cell "
    "rnn_tanh_cell rnn_relu_cell _thnn_fused_lstm_cell _thnn_fused_gru_cell".split()
)
HEADS = frozenset(
    "scaled_dot_product_attention _scaled_dot_product_flash_attention_for_cpu "
    "_scaled_dot_product_flash_attention _scaled_dot_product_efficient_attention "
    "_scaled_dot_product_attention_math _scaled_dot_product_cudnn_attention".split()
)
SOFTMAX = frozenset("softmax _softmax log_softmax _log_softmax _safe_softmax".split())
NORMS = SOFTMAX | frozenset(
    "layer_norm native_layer_norm group_norm native_group_norm instance_norm rms_norm "
    "_fused_rms_norm local_response_norm".split()
)
MAX_POOLS = frozenset(
    "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices "
    "max_pool1d_with_indices adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "fractional_max_pool2d".split()
)
POOLS = MAX_POOLS | frozenset(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "_adaptive_avg_pool2d _adaptive_avg_pool3d".split()
)
UNITWISE = POOLS | frozenset(
    "cat stack pad constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d "
    "replication_pad2d upsample_nearest1d upsample_nearest2d upsample_bilinear2d "
    "upsample_bicubic2d upsample_linear1d roll flip index index_select gather repeat tile "
    "repeat_interleave grid_sampler grid_sampler_2d pixel_shuffle narrow select_scatter "
    "slice_scatter im2col".split()
)
"""Operations that bring entries to other places, and keep units apart or put them side by side."""

LARGEST = frozenset("amax amin max min logsumexp median".split())
REDUCTIONS = LARGEST | frozenset(
    "mean sum nansum nanmean prod var std var_mean std_mean norm linalg_vector_norm argmax "
    "argmin any all count_nonzero".split()
)
ADDITIVE = frozenset({"add", "sub", "rsub", "subtract"})
AFFINE = ADDITIVE | BATCH_NORMS | IDENTITIES | frozenset("mul div neg positive real".split())
"""Affine in one argument where the others don't depend on the examples."""

YES_OR_NO = frozenset(
    "gt lt ge le eq ne logical_and logical_or logical_not logical_xor isnan isinf isfinite "
    "bitwise_and bitwise_or bitwise_not".split()
)
CHOICES = frozenset({"where", "masked_fill", "index_put"})
"""Operations that take one value or another, as a mask says."""

_POINTWISE = (
    IDENTITIES
    | NONLINEAR - {"glu", "lstm", "gru", "rnn_tanh", "rnn_relu"}
    | frozenset(
        "prelu _prelu_kernel log_sigmoid log_sigmoid_forward rrelu rrelu_with_noise masked_fill "
        "rsub threshold where floor_divide".split()
    )
)
_OWN = ("aten", "prims", "_operator", "mkldnn")


def pointwise(node: Node, program: Program) -> bool:
    """Whether each entry of a value depends on the entries of the inputs at its own place."""
    function: Any = node.function
    if function is None or _reduces(node):
        return False
    if node.op == "index_put":  # entries that a mask of the same shape chooses
        masks: Any = node.args[1]
        return len(masks) == 1 and program.nodes[masks[0].index].shape == node.shape
    if node.op in _POINTWISE or torch.Tag.pointwise in getattr(function, "tags", ()):
        return True
    # of a user's own operation nothing is declared: one that keeps the shape is taken for it
    space = getattr(function, "namespace", "aten")
    shapes = [program.nodes[i].shape for i in node.inputs if not program.nodes[i].constant]
    return space not in _OWN and shapes == [node.shape]


def _reduces(node: Node) -> bool:
    """Whether `max` or `min` goes over an axis, rather than over two values."""
    two = len(node.args) > 1 and isinstance(node.args[1], Ref)
    return node.op in {"max", "min"} and not two


def mixing(node: Node, program: Program) -> bool:
    """Whether an operation makes new units of all of its inputs' units."""
    plain = MOVES | FOLDS | UNITWISE | NORMS | REDUCTIONS | BATCH_NORMS
    return node.function is not None and node.op not in plain and not pointwise(node, program)
