"""Processes: runs that must not share memory, each in a process of its own."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from typing import Final, ParamSpec, TypeVar

FORKED: Final = multiprocessing.get_context("forkserver")
"""Quick to start: forked from a process that has imported everything, and shares what it has not touched since."""
FORKED.set_forkserver_preload(["benchmarks.journey"])

FRESH: Final = multiprocessing.get_context("spawn")
"""Started and imported from nothing, so that its memory is what a user sees."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


def alone(context: BaseContext, work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
    """Return what `work` returns in a process of its own, or raise what it raises."""
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(work, *arguments, **options).result()
