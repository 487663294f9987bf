"""A headrace that dies by SIGKILL at a numbered point: `python mortal.py POINT NUMBER -- ARGUMENTS`.

It runs the command line until the NUMBERth time that it comes to POINT. The engine knows nothing of it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from itertools import count
from types import MappingProxyType
from typing import Any, Final

POINTS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        # name: (module, function, when); in the order in which a run comes to them
        "the lease is taken": ("headrace.ledger.opening", "take_lease", "after"),
        "a load begins": ("headrace.ledger.opening", "begin", "after"),
        "an intent is asked for": ("headrace.ledger.journal", "RowJournal.intend", "before"),
        "an intent waits to be durable": ("headrace.ledger.journal", "RowJournal.intend", "after"),
        "a transaction begins": ("headrace.ledger.commit", "GroupCommit._transact", "before"),
        "a transaction is durable": ("headrace.ledger.commit", "GroupCommit._transact", "after"),
        "nothing is sent yet": ("headrace.dispatch.http", "Http.send", "before"),
        "the answer is here": ("headrace.dispatch.http", "Http.send", "after"),
        "an outcome is asked for": ("headrace.ledger.journal", "RowJournal.settle", "before"),
        "an outcome waits to be durable": ("headrace.ledger.journal", "RowJournal.settle", "after"),
        "results are about to be written": ("headrace.ledger.results", "Results.write", "before"),
        "results are written": ("headrace.ledger.results", "Results.write", "after"),
        "unknown rows are due": ("headrace.dispatch.settling", "Settling._settle", "before"),
        "unknown rows are read back": ("headrace.dispatch.settling", "Settling._apply", "before"),
        "unknown rows have outcomes": ("headrace.dispatch.settling", "Settling._apply", "after"),
        "absent rows are sent again": ("headrace.dispatch.settling", "Settling._send_again", "before"),
        "the audit begins": ("headrace.dispatch.audit", "Audit.run", "before"),
        "the audit judges": ("headrace.dispatch.audit", "Audit._judge", "before"),
        "the results are tidied": ("headrace.ledger.tidy", "Tidying.prepare", "after"),
        "the results are swapped": ("headrace.ledger.tidy", "Tidying.swap", "after"),
    }
)


def arm(point: str, number: int) -> None:
    """Have the process die at the `number`th time that it comes to `point`."""
    module_name, path, when = POINTS[point]
    module = import_module(module_name)
    owner_name, _, name = path.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    numbers = count(1)

    def come() -> None:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, _trapped(getattr(owner, name), come, is_before=when == "before"))


def _trapped(function: Callable[..., Any], come: Callable[[], None], *, is_before: bool) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(function):

        @wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            if is_before:
                come()
            result = await function(*args, **kwargs)
            if not is_before:
                come()
            return result

        return waiting

    @wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        if is_before:
            come()
        result = function(*args, **kwargs)
        if not is_before:
            come()
        return result

    return plain


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    from headrace.__main__ import main

    del sys.argv[1:4]
    sys.argv[0] = "headrace"
    sys.exit(main())
