"""The program: `python -m headrace`, and the `headrace` command."""

import os
import sys
from pathlib import Path
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def main() -> int:
    """Run the command line and return its exit code."""
    hold_streams()
    try:
        from headrace.cli.app import main as run  # noqa: PLC0415 - a Ctrl-C while importing must not be a traceback
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:])


def hold_streams() -> None:
    """Put nothing in the place of standard streams that whoever started us has closed.

    Else the next file to be opened, the checkpoint say, would have the number of one, and get what is written to it.
    """
    for name, mode in _STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to the end


if __name__ == "__main__":
    sys.exit(main())
