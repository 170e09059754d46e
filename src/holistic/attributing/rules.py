"""Methods with rules of their own for each operation, on the traced graph: guided backpropagation,
DeepLIFT and layer-wise relevance propagation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from holistic.attributing.baselines import baselines_of
from holistic.attributing.method import (
    Attribute,
    Batch,
    Method,
    Option,
    Setup,
    no_gradients,
    no_graph,
)
from holistic.attributing.points import Points
from holistic.graph.engine import native
from holistic.graph.kinds import FOLDS, IDENTITIES, MOVES, POOLS, UNITWISE
from holistic.graph.memory import full_precision
from holistic.graph.program import Program
from holistic.graph.rules import (
    Called,
    dependent,
    guided,
    linear_in,
    passing,
    rescaled,
    ruled,
)
from holistic.graph.traced import TracedEngine
from holistic.study.subject import Subject

__all__ = ["METHODS"]

_TOLERANCE = 0.02
"""Most that sums may miss on the probes, as a share of what they should add up to."""


def _start(subject: Subject) -> tuple[TracedEngine, int]:
    """The engine, and the node that attributions belong to."""
    engine = subject.engine
    assert isinstance(engine, TracedEngine)
    points = Points.of(subject, "logit")
    return engine, engine.nodes[points.site] if points.site else engine.program.input


def _unreached(subject: Subject) -> str:
    """Say why rules can't be followed to what attributions belong to."""
    if why := no_graph(subject):
        return f"it needs the graph of the operations; {why}"
    return no_gradients(subject)


def _no_relu(subject: Subject) -> str:
    if why := _unreached(subject):
        return why
    engine, start = _start(subject)
    ops = {called.node.op for called in dependent(engine.program, start).values()}
    return "" if "relu" in ops else "it has no ReLU, so the map would be the plain gradient"


def _no_changes(subject: Subject) -> str:
    """Say which operation changes can't be followed through, or that maps are off on a few images.

    What they should add up to is known, so that no map is wrong without a word.
    """
    if why := _unreached(subject):
        return why
    engine, start = _start(subject)
    for called in dependent(engine.program, start).values():
        unknown = called.node.shape is None or None in called.axes
        if not called.linear and unknown:
            return f"DeepLIFT has no rule for '{called.node.op}'"
    missed = _missed(subject)
    if missed <= _TOLERANCE:
        return ""
    return f"maps would miss the change that they should add up to by {missed:.0%}"


def _no_relevance(subject: Subject) -> str:
    """Say which operation relevance can't be passed through."""
    if why := _unreached(subject):
        return why
    engine, start = _start(subject)
    for called in dependent(engine.program, start).values():
        if not (called.linear or called.pointwise or called.pooled):
            return f"relevance propagation has no rule for '{called.node.op}'"
    return ""


def _values(
    given: Setup, program: Program, points: Tensor, images: Tensor
) -> tuple[Tensor, TracedEngine]:
    """Logits `[B, C]` of points by a program with rules, and the engine behind it."""
    engine, start = _start(given.subject)
    known = program.given(images.to(engine.device))
    if given.points.site:
        known[start] = native(points, *engine.axes(given.subject.site(given.points.site)))
    else:
        known[start] = points
    with full_precision(engine.device):
        found = program.evaluate(known, [program.output], rows=len(images))
    return found[program.output], engine


def _guided(given: Setup) -> Attribute:
    engine, start = _start(given.subject)
    program = ruled(
        engine.program,
        start,
        lambda called: linear_in(called, guided) if called.node.op == "relu" else None,
    )

    def attribute(batch: Batch) -> Tensor:
        logits, _ = _values(given, program, batch.points, batch.images)
        total = given.points.scored(logits, batch.targets).sum()
        return torch.autograd.grad(total, batch.points)[0]

    return attribute


def _deeplift(given: Setup) -> Attribute:
    engine, start = _start(given.subject)
    program = ruled(
        engine.program, start, lambda called: None if called.linear else rescaled(called)
    )
    attribute = partial(_lifted, given, program)
    return attribute


def _lifted(given: Setup, program: Program, batch: Batch) -> Tensor:
    both = torch.cat([batch.points.detach(), batch.origins.detach()]).requires_grad_()
    images = torch.cat([batch.images, batch.images])
    logits, _ = _values(given, program, both, images)
    total = given.points.scored(logits[: len(batch.points)], batch.targets).sum()
    (factors,) = torch.autograd.grad(total, both)
    return factors[: len(batch.points)] * (batch.points - batch.origins).detach()


def _missed(subject: Subject) -> float:
    """By how much sums miss the change of the score on a few images, as a share of it."""
    images = subject.probes[:4]
    given = Setup(subject, Points.of(subject, "logit"), {}, len(images))
    targets = subject.downstream(images, (), ())[0].argmax(1)
    blank = baselines_of(subject, images, targets, "mean")
    points, origins = given.points.values(images), given.points.values(blank)
    batch = Batch(images, points.clone().requires_grad_(), targets, blank, origins)
    with torch.enable_grad():
        sums = _deeplift(given)(batch).detach().double().flatten(1).sum(1)
    with torch.no_grad():
        here, there = (given.points.scores(p, targets, images).double() for p in (points, origins))
    scale = float(((here - there).abs() + 1e-3 * here.abs() + 1e-6).sum())
    return float((sums - (here - there)).abs().sum()) / scale


def _lrp(given: Setup) -> Attribute:
    engine, start = _start(given.subject)
    program = ruled(engine.program, start, partial(_rule, given.settings))

    def attribute(batch: Batch) -> Tensor:
        logits, _ = _values(given, program, batch.points, batch.images)
        free = logits.detach().requires_grad_()
        (slope,) = torch.autograd.grad(given.points.scored(free, batch.targets).sum(), free)
        return torch.autograd.grad(logits, batch.points, slope * logits.detach())[0]

    return attribute


def _rule(settings: Any, called: Called) -> Callable[..., Any] | None:
    """Epsilon for dense layers and sums, z⁺ for convolutions, unless one rule is asked for."""
    moves = MOVES | FOLDS | IDENTITIES | UNITWISE - POOLS
    if called.node.op in moves or called.pooled:
        return None
    if called.pointwise and not called.linear:
        return linear_in(called, passing)
    rule, epsilon, gamma = settings["rule"], settings["epsilon"], settings["gamma"]
    weight = called.weight
    if weight is None or called.dependent != (0,):
        return linear_in(called, partial(_shared, epsilon=epsilon))
    if rule == "composite":
        rule = "zplus" if called.node.op.startswith("conv") else "epsilon"
    if rule == "epsilon":
        return linear_in(called, partial(_shared, epsilon=epsilon))
    only = rule == "zplus"
    return _weighted(called, epsilon, 1.0 if only else float(gamma), only=only)


def _stable(value: Tensor, epsilon: float) -> Tensor:
    return value + epsilon * torch.where(value >= 0, 1.0, -1.0)


def _shared(
    call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor, *, epsilon: float
) -> Sequence[Tensor]:
    """Share relevance out in the proportion of what each value contributes."""
    out = call(*values)
    slopes = torch.autograd.grad(out, list(values), received / _stable(out.detach(), epsilon))
    return [value.detach() * slope for value, slope in zip(values, slopes, strict=True)]


def _weighted(called: Called, epsilon: float, gamma: float, *, only: bool) -> Callable[..., Any]:
    """Favour what contributes above zero: `gamma` times more, or `only` that."""
    function = called.node.function
    assert function is not None

    def compute(value: Tensor, weight: Tensor, *rest: Any, **kwargs: Any) -> Any:
        def raised(x: Tensor) -> Tensor:
            """What the contributions above zero add up to, the bias too."""
            bias, others = (rest[0], rest[1:]) if rest else (None, ())
            own = None if bias is None else bias.clamp(min=0)
            above = function(x.clamp(min=0), weight.clamp(min=0), own, *others, **kwargs)
            below = function(x.clamp(max=0), weight.clamp(max=0), None, *others, **kwargs)
            return above + below

        def back(
            call: Callable[..., Tensor], values: Sequence[Tensor], received: Tensor
        ) -> Sequence[Tensor]:
            (x,) = values
            out = raised(x) if only else call(x) + gamma * raised(x)
            (slope,) = torch.autograd.grad(out, x, received / _stable(out.detach(), epsilon))
            return (x.detach() * slope,)

        own = linear_in(called, back)
        return own(value, weight, *rest, **kwargs)

    return compute


METHODS = (
    Method(
        "guided_backpropagation",
        _guided,
        "∂s/∂x where every ReLU drops what is passed back below zero",
        "Springenberg et al. 2015, section 3.4",
        "it redraws the image's edges: maps hardly change with the weights (Adebayo et al. 2018)",
        needs=(_no_relu,),
        slope=True,
        audited=True,
    ),
    Method(
        "deeplift",
        _deeplift,
        "(x - x₀) · products of Δoutput/Δinput of each operation",
        "Shrikumar et al. 2017, section 3.5.1 (rescale rule)",
        "where two changes within the network cancel each other",
        needs=(_no_changes,),
        complete=True,
        baseline="zero",
        runs=lambda _: 2,
    ),
    Method(
        "lrp",
        _lrp,
        "relevance shared out by z⁺ (convolutions) and ε (dense layers), or by one rule",
        "Bach et al. 2015, eq. 58 and 62; Montavon et al. 2019, sections 10.2.1 to 10.2.3",
        "by z⁺ alone: lower layers forget which class is asked for (Sixt et al. 2020)",
        options={
            "rule": Option(
                "composite", allowed=("composite", "epsilon", "gamma", "zplus"), meaning="the rule"
            ),
            "epsilon": Option(1e-6, 1e-12, 1e6, meaning="added to sums, of their sign"),
            "gamma": Option(0.25, 0.0, 1e6, meaning="by how much more positive parts count"),
        },
        needs=(_no_relevance,),
        runs=lambda _: 3,
    ),
)
