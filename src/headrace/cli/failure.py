"""Failures: any exception as one message with its remedy, for people on stderr or for machines on stdout."""

import traceback
from typing import Final

import typer

from headrace.cli import terminal
from headrace.cli.text import clean
from headrace.errors import HeadraceError, InterruptionError, InvariantError, UsageError

# Older typers take their errors from click, newer ones bring their own; in both this is the parent of BadParameter.
_PARSER_ERROR: Final = typer.BadParameter.__mro__[1]
_MAX_UNWRAPPED: Final = 100
_FRAMES: Final = 12
"""Frames of a traceback that are printed, the innermost."""


def failure(error: BaseException) -> HeadraceError:
    """Return what `error` means to the user. An exception that is not one of ours is a bug of ours."""
    error = _innermost(error)
    if isinstance(error, HeadraceError):
        return error
    if isinstance(error, _PARSER_ERROR):
        return UsageError(_complaint(error), hint=_help_of(error))
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return InterruptionError("interrupted; nothing was under way")
    return _bug(error)


def show(error: HeadraceError, *, as_json: bool) -> int:
    """Print `error` and return the exit code."""
    if as_json and not isinstance(error, terminal.OutputError):
        try:
            terminal.emit({"error": described(error)})
        except terminal.OutputError as lost:
            terminal.complain(lost.code, lost.message, lost.hint)
    else:
        terminal.complain(error.code, error.message, error.hint)
    return error.exit_code


def described(error: HeadraceError) -> dict[str, str | None]:
    """Return `error` with the keys that machines read."""
    return {
        "code": error.code,
        "message": clean(error.message),
        "hint": None if error.hint is None else clean(error.hint),
    }


def _innermost(error: BaseException) -> BaseException:
    """Return the one exception inside nested groups, as task groups raise them; a group of several stays."""
    for _ in range(_MAX_UNWRAPPED):
        if not (isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1):
            break
        error = error.exceptions[0]
    return error


def _complaint(error: BaseException) -> str:
    """Return the parser's message as our sentences are: no capital, no full stop."""
    message = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    return (message[:1].lower() + message[1:]).removesuffix(".")


def _help_of(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'headrace'} --help lists what there is"


def _bug(error: BaseException) -> InvariantError:
    for block in traceback.format_exception(error, limit=-_FRAMES):
        for line in block.splitlines():
            terminal.say(line)
    return InvariantError(
        f"this is a bug in headrace: {type(error).__name__}: {error}",
        hint="please report it with the lines above; the checkpoint is sound, and the same command goes on",
    )
