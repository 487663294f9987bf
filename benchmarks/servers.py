"""The servers that benchmarks send to, each in a process of its own that ends with the block."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Final, TypeAlias

from benchmarks.processes import FORKED
from benchmarks.sink import Place

from benchmarks import sink as bare

Serving: TypeAlias = Callable[[], AbstractContextManager[Place]]

_LONGEST_START: Final = 30.0


def sink() -> AbstractContextManager[Place]:
    """Start the sink, which is never the bottleneck."""
    return started(bare.serve)


def sandbox() -> AbstractContextManager[Place]:
    """Start the shipped sandbox with its limits off: it checks and stores every record, and is slower than we are."""
    return started(_sandbox)


@contextmanager
def started(serve: Callable[[], AbstractAsyncContextManager[Place]]) -> Iterator[Place]:
    """Run `serve` in a process of its own for as long as the block runs."""
    here, there = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=_run, args=(serve, there), daemon=True)
    process.start()
    try:
        if not here.poll(_LONGEST_START):
            raise TimeoutError("the server does not start")
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _run(serve: Callable[[], AbstractAsyncContextManager[Place]], parent: Connection) -> None:
    asyncio.run(_serve(serve, parent))


async def _serve(serve: Callable[[], AbstractAsyncContextManager[Place]], parent: Connection) -> None:
    """Serve until the process is ended, having told the parent where."""
    async with serve() as place:
        parent.send(place)
        await asyncio.Event().wait()


@asynccontextmanager
async def _sandbox() -> AsyncIterator[Place]:
    # Imported here: journeys are forked from a process that has imported this file, and are to be no larger for it.
    from headrace.sandbox.options import Options  # noqa: PLC0415 - see above
    from headrace.sandbox.server import serve  # noqa: PLC0415 - see above

    async with serve(Options(window="off")) as running:
        yield Place(running.url, running.token, running.organization)
