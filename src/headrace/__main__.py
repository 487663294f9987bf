"""The program: `python -m headrace`, and the `headrace` command."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        from headrace.cli.app import main as run  # noqa: PLC0415 - a Ctrl-C while importing must not be a traceback
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
