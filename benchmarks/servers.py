"""The servers that benchmarks send to, each started as a process of its own and ended with the block."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct


class Place(Struct, frozen=True):
    """Where a server listens, and with which credentials: what it prints first."""

    url: str
    token: str
    organization: str


Serving: TypeAlias = Callable[[], AbstractContextManager[Place]]

_LONGEST_END: Final = 10.0


def sink() -> AbstractContextManager[Place]:
    """Start the sink, which is never the bottleneck."""
    return _started("benchmarks.sink")


def sandbox() -> AbstractContextManager[Place]:
    """Start the shipped sandbox with its limits off: it checks and stores every record, and is slower than we are."""
    return _started("headrace", "sandbox", "productive", "--port", "0", "--window", "off")


@contextmanager
def _started(*module: str) -> Iterator[Place]:
    process = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None, "asked for above"
        with process.stdout as output:
            yield msgspec.json.decode(output.readline(), type=Place)
    finally:
        process.terminate()
        process.wait(_LONGEST_END)
