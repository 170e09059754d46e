"""Outputs of modules that are sites, where operations can't be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from holistic.graph.activations import Flow
from holistic.graph.axes import Along, unit_axes
from holistic.graph.kinds import MOVES, NONLINEAR, mixing
from holistic.graph.program import Program
from holistic.graph.shown import Placed, shown_sites
from holistic.graph.sites import Site, ends_of, input_name
from holistic.graph.twins import studied_once

__all__ = ["Output", "input_module_site", "module_sites"]

_NAMES = frozenset(name.replace("_", "") for name in NONLINEAR)
_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNNBase)


@dataclass(frozen=True, eq=False)
class Output:
    """What one call of a module returned.

    Attributes
    ----------
    name
        Path of the module, with the number of the call.
    module
        Itself.
    value
        `[B, …]`.
    place
        Which operation of the recorded run made it; None where that isn't known.
    fold
        How many entries of its first axis belong to an example.
    after
        How many operations of the recorded run came before it was returned.
    """

    name: str
    module: nn.Module
    value: Tensor
    place: int | None = None
    fold: int = 1
    after: int = 0

    @property
    def path(self) -> str:
        """Path of the module, without the number of the call."""
        return self.name.partition("#")[0]

    @property
    def block(self) -> bool:
        """Whether the module holds others."""
        return any(self.module.children())

    @property
    def kind(self) -> str:
        """What the module is."""
        return type(self.module).__name__.lower()


def module_sites(outputs: Sequence[Output], program: Program | None) -> tuple[Site, ...]:
    """Make sites of the outputs of modules, and say which lenses use unless told otherwise.

    These are the activations among them; where no module returns one, the outputs that the
    activations are computed from; and where there is no activation, the outputs of layers.

    Parameters
    ----------
    outputs
        In the order of the calls.
    program
        The operations of the same run; None where they couldn't be written down.
    """
    if program is None:
        hidden = {o.name for o in outputs if not o.block and o.kind in _NAMES}
        layers = [o.name for o in outputs if o.kind in {"linear", "conv1d", "conv2d", "conv3d"}]
        chosen, instead = (hidden, False) if hidden else (set(layers[:-1]), True)
        axes = dict[int, Along]()
    else:
        axes = unit_axes(program)
        ends = {output.place for output in outputs}
        # what is done to the value that a module returned isn't the module's
        chosen, instead = _chosen(outputs, Flow(program, axes, lambda tip, _: tip not in ends))
    sites = list[Site]()
    for output in outputs:
        along = axes.get(-1 if output.place is None else output.place) or _plain_axis(output)
        site = _site(output, along, hidden=output.name in chosen)
        sites.append(replace(site, depth=len(sites), stand_in=instead and site.hidden))
    known = all(output.place is not None for output in outputs)
    again = Counter(output.path for output in outputs)
    program = program if known else None
    placed = [
        Placed(
            o.place or 0,
            site,
            owned=again[o.path] == 1 or site.parameters > 0,
            version=version,
        )
        for o, site, version in zip(outputs, sites, _versions(outputs, program), strict=True)
    ]
    return studied_once(shown_sites(placed, program), placed, program)


def _versions(outputs: Sequence[Output], program: Program | None) -> list[int]:
    """Count by value the returns after which the model may still read what was returned before.

    A block hands on what a module inside of it returned; a dropout returns what it was given, which
    may be read beside it.
    """
    readers = dict[int | None, list[int]]()
    for node in program.nodes if program else ():
        for index in node.inputs:
            readers.setdefault(index, []).append(node.index)
    found, last = list[int](), dict[int | None, tuple[Output, int, int]]()
    for output in outputs:
        own = readers.get(output.place, [])
        reads = sum(index < output.after for index in own)
        before, read, version = last.get(output.place, (output, reads, 0))
        inside = before.path.startswith(f"{output.path}.") or len(own) <= 1
        if before is not output and not (inside and reads == read):
            version += 1
        last[output.place] = output, reads, version
        found.append(version)
    return found


def input_module_site(sites: Sequence[Site], shape: Sequence[int]) -> Site:
    """Return what the model is given, `[B, …]` of this shape, as a site before all others."""
    rank = len(shape)
    axis = 0 if rank >= 4 else rank - 2
    return Site(
        input_name(sites), "input", -1, tuple(shape[1:]), axis, hidden=False, guessed=rank == 3
    )


def _chosen(outputs: Sequence[Output], flow: Flow) -> tuple[set[str], bool]:
    """Names of the hidden ones, and whether they stand in for activations."""
    first: dict[int, Output] = {}  # of those that return one value, the innermost
    for output in outputs:
        if output.place is not None:
            first.setdefault(output.place, output)
    read = flow.before_layers & flow.weighted
    recurrent = [o.name for o in outputs if isinstance(o.module, nn.RNNBase) and o.place in read]
    found = flow.hidden(lambda index: True)
    named = {_name_of(index, first, flow) for index in found.nodes} | set(recurrent)
    named.discard("")
    if named:
        return named, found.instead
    known = (flow.states[i] for i in found.nodes if i in flow.states)
    sources = {j for state in known for j in state.origin}
    behind = {name for i in sources if (name := _behind(i, first, flow))}
    layers = {o.name for i, o in first.items() if i in read and _makes_units(i, flow)}
    return behind or layers, True


def _makes_units(index: int, flow: Flow) -> bool:
    """Whether a value is that of a layer, perhaps in another shape."""
    made = flow.made(index)
    while made.op in MOVES and made.inputs:
        made = flow.made(made.inputs[0])
    return mixing(made, flow.program)


def _name_of(index: int, first: dict[int, Output], flow: Flow) -> str:
    """Name of the output that is an activation, or that follows it within one module."""
    if index in first:
        return first[index].name
    for place in sorted(first):
        state = flow.states.get(place)
        if state is not None and state.tip == index and not first[place].block:
            return first[place].name
    return ""


def _behind(index: int, first: dict[int, Output], flow: Flow) -> str:
    """Name of the output that a value was moved from."""
    while index not in first:
        made = flow.made(index)
        if made.op not in MOVES or not made.inputs:
            return ""
        index = made.inputs[0]
    return first[index].name if index in flow.before_layers else ""


def _plain_axis(output: Output) -> Along:
    """Where the units of an output lie, by its shape and the kind of its module alone."""
    rank = output.value.dim()
    first = rank >= 4 and not isinstance(output.module, _LAST)
    return Along(
        (1,) if first else (rank - 1,), known=rank == 2 or isinstance(output.module, _LAST)
    )


def _site(output: Output, along: Along, *, hidden: bool) -> Site:
    module, kind, shape = output.module, output.kind, tuple(output.value.shape[1:])
    apart = output.fold > 1
    limits = [module.min_val, module.max_val] if isinstance(module, nn.Hardtanh) else []
    return Site(
        name=output.name,
        op=kind,
        depth=0,
        shape=(output.fold, *shape) if apart else shape,
        unit_axis=along.axis - 1 + apart,
        hidden=hidden,
        block=output.block,
        parameters=sum(p.numel() for p in module.parameters(recurse=False)),
        guessed=not along.known,
        ends=ends_of(kind, limits),
    )
