"""Does something in a process of its own first, with limits of memory and time."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from holistic.errors import ModelError

__all__ = ["rehearse"]

_DONE, _FAILED, _TOO_LARGE = 0, 3, 4
"""How the process ends; where it fails as it should, the one who asked fails the same way."""
_BYTES, _TIMES = 1 << 30, 4
"""Memory that reading a file may take, beside so many times its size."""
_SECONDS, _RATE = 60.0, 5e6
"""Time that it may take, and bytes that it must manage in each second beyond."""
_MEMORY = ("allocate", "memory")


def rehearse(path: Path, read: Callable[[], object]) -> None:
    """Read a file in a process of its own, so that one that is made to do harm does it there.

    A file may make its reader fill the memory, never end, or end the process. Where processes can't
    be forked (Windows), nothing is done.

    Parameters
    ----------
    path
        The file, whose size says how much memory and time may be taken.
    read
        Reads it; what it returns is dropped.

    Raises
    ------
    ModelError
        If the process needed more than that, or died.
    """
    if not hasattr(os, "fork"):
        return
    size = path.stat().st_size
    with warnings.catch_warnings():
        # later Pythons warn of threads, which the child has none of and starts none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        _read(read, _BYTES + _TIMES * size)
    end = time.monotonic() + _SECONDS + size / _RATE
    code: int | None = None
    while code is None and time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if found else None
        time.sleep(0 if found else 0.002)
    if code is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if code not in (_DONE, _FAILED):
        what = "more time" if code is None else "more memory" if code == _TOO_LARGE else "a crash"
        raise ModelError(
            f"'{path}' can't be read: a file of {size:,} bytes that asks for {what} holds no "
            "weights; save model.state_dict() again"
        )


def _read(read: Callable[[], object], more: int) -> None:
    """Read under a limit of memory; never returns."""
    code = _DONE
    try:
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))
        torch.set_num_threads(1)  # threads of the pool aren't there in a forked process
        read()
    except MemoryError:
        code = _TOO_LARGE
    except BaseException as error:
        code = _TOO_LARGE if any(word in str(error) for word in _MEMORY) else _FAILED
    finally:
        os._exit(code)
