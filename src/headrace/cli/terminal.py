"""The terminal: data to stdout, talk to stderr. A reader who has gone ends the output, never the import.

Data that no disk takes is an error, and so an exit code: what was asked for is not there.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from headrace.cli.text import clean
from headrace.errors import StoppedError

_LOST: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_SHOW_CURSOR: Final = "\x1b[?25h"


class OutputError(StoppedError):
    """Standard output takes no more."""


def emit(value: Any) -> None:
    """Write `value` to stdout as one line of JSON."""
    import orjson  # noqa: PLC0415 - only --json needs it, and --help is to be quick

    emit_line(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode())


def emit_line(text: str) -> None:
    """Write one line of data to stdout."""
    with surviving(sys.stdout):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def emit_bytes(data: bytes) -> None:
    """Write lines of data, in UTF-8, to stdout."""
    if not data:
        return
    with surviving(sys.stdout):
        sys.stdout.write(data.decode())
        sys.stdout.flush()


def say(text: str) -> None:
    """Write one line of talk to stderr."""
    with surviving(sys.stderr):
        sys.stderr.write(clean(text) + "\n")
        sys.stderr.flush()


def complain(code: str, message: str, hint: str | None) -> None:
    """Write an error and its remedy to stderr."""
    say(f"error[{code}]: {message}")
    if hint is not None:
        say(f"  help: {hint}")


def is_interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def restore() -> None:
    """Give the terminal back as it was found, for an exit that runs no clean-up."""
    if sys.stderr.isatty():
        with surviving(sys.stderr):
            sys.stderr.write(f"{_SHOW_CURSOR}\n")
            sys.stderr.flush()


@contextmanager
def surviving(stream: TextIO) -> Iterator[None]:
    """Run a block that writes to `stream`; once its reader has gone, everything goes nowhere.

    Raises `OutputError` where it is stdout, and its disk takes no more.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        _silence(stream)
        if stream is sys.stdout and isinstance(error, OSError) and error.errno in _LOST:
            raise OutputError(
                f"standard output cannot be written: {error.strerror}",
                hint="make room and run the same command again; what is on standard output is not complete",
            ) from None


def _silence(stream: TextIO) -> None:
    """Point the stream's descriptor at nothing, so that what is still buffered does not fail at exit either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nowhere)
