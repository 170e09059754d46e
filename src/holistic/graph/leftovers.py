"""Takes out of torch's caches what an export leaves there."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from sympy.core.cache import clear_cache
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.fx import graph_module
from torch.fx.experimental import proxy_tensor
from torch.fx.experimental.symbolic_shapes import ShapeEnv

__all__ = ["forget", "let_go"]


@contextmanager
def let_go() -> Generator[None]:
    """Take out of torch's caches, at the end, what was put into them meanwhile.

    Models that the user compiled keep their compiled code: what is removed are the sources of
    graphs that were made in the block, and answers about sizes, which are computed again when
    they are asked for.
    """
    kept: tuple[dict[Any, Any], ...] = (linecache.cache, *_caches())
    known = [set(cache) for cache in kept]
    try:
        yield
    finally:
        for cache, before in zip(kept, known, strict=True):
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
    return [cache for cache in (sources, nodes) if isinstance(cache, dict)]


def _is_graph(name: Any) -> bool:
    """Say whether a name stands for the code of a graph, or a number for one of its nodes."""
    return isinstance(name, int) or str(name).startswith("<eval_with_key>")


def forget(made: ExportedProgram | BaseException) -> None:
    """Break the circles of what an export made, or of what one left that failed.

    The record of symbolic sizes holds the inputs that stand for the images, and their sizes hold
    it, where Python's collector of circles can't see it.
    """
    modes = _modes(made) if isinstance(made, ExportedProgram) else _modes_in_frames(made)
    for mode in modes:
        if mode.shape_env is not None:
            mode.shape_env.tracked_fakes = None


def _modes(exported: ExportedProgram) -> Iterable[FakeTensorMode]:
    for node in exported.graph.nodes:
        if isinstance(mode := getattr(node.meta.get("val"), "fake_mode", None), FakeTensorMode):
            yield mode


def _modes_in_frames(error: BaseException | None) -> Iterable[FakeTensorMode]:
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            yield from (v for v in frame.f_locals.values() if isinstance(v, FakeTensorMode))
        error = error.__cause__ or error.__context__
