"""Takes out of torch's caches what an export leaves there."""

from __future__ import annotations

import gc
import linecache
import sys
import traceback
import weakref
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any

from sympy.core.cache import clear_cache
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.fx import Node, graph_module
from torch.fx.experimental import proxy_tensor
from torch.fx.experimental.symbolic_shapes import ShapeEnv

__all__ = ["forget", "let_go"]


_ROOT = "_export_root"
"""What an export calls the model in the names of what it looks at."""

_VALUES = ("val", "example_value")
"""Where nodes of a graph say what their values are like."""


@contextmanager
def let_go() -> Generator[None]:
    """Take out of torch's caches, at the end, what was put into them meanwhile.

    Models that the user compiled keep their compiled code: what is removed are the sources of
    graphs that were made in the block, and answers about sizes, which are computed again when
    they are asked for.
    """
    known = {id(cache): set(cache) for cache in _caches()}
    try:
        yield
    finally:
        for cache in _caches():
            before = known.get(id(cache), set[Any]())
            for name in [n for n in list(cache) if n not in before and _is_graph(n)]:
                cache.pop(name, None)
        for method in vars(ShapeEnv).values():  # they hold on to their ShapeEnv, and it to all else
            if clear := getattr(method, "cache_clear", None):
                clear()
        clear_cache()  # each export has symbols of its own, whose polynomials nobody asks for again


def _caches() -> list[dict[Any, Any]]:
    """Torch's own caches of graphs, as far as this version of torch has them."""
    sources = getattr(getattr(graph_module, "_loader", None), "eval_cache", None)
    nodes = getattr(proxy_tensor, "_FAKE_TENSOR_ID_TO_PROXY_MAP_FOR_EXPORT", None)
    module: Any = sys.modules.get("torch._dynamo.functional_export")  # graphs become its globals
    graphs = vars(module) if module else None
    return [cache for cache in (linecache.cache, sources, nodes, graphs) if isinstance(cache, dict)]


def _is_graph(name: Any) -> bool:
    """Say whether a name stands for the code of a graph, or a number for one of its nodes."""
    return isinstance(name, int) or str(name).startswith(("<eval_with_key>", "__compiled_fn_"))


def _end_guards() -> None:
    """Let go of the guards of what was exported: nobody runs that code again.

    Torch has them end with whatever they look at, classes among it, which never end.
    """
    registry: dict[Any, Any] = getattr(weakref.finalize, "_registry", {})
    guards = dict[Any, Any]()
    for ending in list(registry):
        found = ending.peek()
        if found and isinstance(found[1], partial) and hasattr(found[1].func, "__self__"):
            guards[ending] = found[1]
    of_exports = {
        id(guard.func.__self__)
        for guard in guards.values()
        if _ROOT in str(guard.keywords.get("obj_str"))
    }
    for ending, guard in guards.items():
        if id(guard.func.__self__) in of_exports:
            ending.detach()


def forget(made: ExportedProgram | BaseException, *, strict: bool) -> None:
    """Break the circles of what an export made, or of what one left that failed.

    The record of symbolic sizes holds the inputs that stand for the images, and their sizes hold
    it, where Python's collector of circles can't see it.

    Parameters
    ----------
    made
        The graph, whose nodes lose what is known of their values, or the error.
    strict
        Whether the model's source was read: then a second graph was made on the way, which nobody
        hands out, and whose nodes hold such values, too.
    """
    modes = _modes(made) if isinstance(made, ExportedProgram) else _modes_in_frames(made)
    own = {id(mode): mode for mode in modes}
    for mode in own.values():
        if mode.shape_env is not None:
            mode.shape_env.tracked_fakes = None
            mode.shape_env.fake_tensor_cache.clear()
    if not strict:
        return
    _end_guards()
    for node in gc.get_objects():
        if type(node) is Node and any(
            id(getattr(node.meta.get(name), "fake_mode", None)) in own for name in _VALUES
        ):
            node.meta.clear()


def _modes(exported: ExportedProgram) -> Iterable[FakeTensorMode]:
    for node in exported.graph.nodes:
        if isinstance(mode := getattr(node.meta.get("val"), "fake_mode", None), FakeTensorMode):
            yield mode


def _modes_in_frames(error: BaseException | None) -> Iterable[FakeTensorMode]:
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            yield from (v for v in frame.f_locals.values() if isinstance(v, FakeTensorMode))
        error = error.__cause__ or error.__context__
