"""Everything headrace raises. Few exceptions, grouped by what the caller should do; a bad row is never one of them.

HeadraceError                    exit  what to do
├── UsageError                      2  change the command, the import file or the input
│   ├── SourceError                 2  the input cannot be read, is empty, or lacks a required column
│   └── AddressError                2  the base URL does not lead to the API: a redirect, a web page, a 404 at once
├── StoppedError                    5  deadline, error threshold, systematic fault or full disk; run again to go on
├── CredentialsError                6  give a valid token (or organization, or rights) and run again
├── UnreachableError                7  the provider is down or unreachable; run again later
├── LockedError                     8  another process holds the checkpoint; wait for it
├── ChangedError                    9  the input, mapping or target is not the one the checkpoint belongs to
├── InterruptionError         130/143  SIGINT or SIGTERM; run the same command again to go on
├── InvariantError                  1  our bug: please report it; the checkpoint is sound
└── TransportError                     one request, one sending; never leaves `dispatch`
    ├── NotSentError                   not a byte of the request left: sending it again is safe
    └── LostError                      sent, but no complete answer: what became of it is unknown
"""

from typing import ClassVar


class HeadraceError(Exception):
    """The root. `code` is a stable word for machines, the message one sentence, `hint` the remedy."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(HeadraceError):
    """The command, the import file or an argument is wrong."""

    code = "usage"
    exit_code = 2


class SourceError(UsageError):
    """The input as a whole cannot be used. `file` and, where known, `line` (1-based) say where."""

    code = "source"

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(message if place is None else f"{place}: {message}", hint=hint)
        self.file = file
        self.line = line


class AddressError(UsageError):
    """What answers at the base URL is not the provider's API."""

    code = "address"


class StoppedError(HeadraceError):
    """The run ended early on purpose. Nothing is lost; the same command goes on."""

    code = "stopped"
    exit_code = 5


class CredentialsError(HeadraceError):
    """The provider does not accept the token, the organization or the rights behind them."""

    code = "credentials"
    exit_code = 6


class UnreachableError(HeadraceError):
    """The provider does not answer, or answers only with errors of its own."""

    code = "unreachable"
    exit_code = 7


class LockedError(HeadraceError):
    """Another living process holds the checkpoint."""

    code = "locked"
    exit_code = 8


class ChangedError(HeadraceError):
    """The checkpoint belongs to another input, mapping or target."""

    code = "changed"
    exit_code = 9


class InterruptionError(HeadraceError):
    """A signal ended the run. What was under way has been settled."""

    code = "interrupted"
    exit_code = 130


class TerminationError(InterruptionError):
    """SIGTERM or SIGHUP, which end a run as SIGINT does and have an exit code of their own."""

    exit_code = 143


class InvariantError(HeadraceError):
    """A promise of ours does not hold. This is a bug in headrace."""

    code = "bug"
    exit_code = 1


class TransportError(HeadraceError):
    """One physical sending failed."""

    code = "transport"


class NotSentError(TransportError):
    """No byte of the request was handed to the network: it cannot have been executed or counted."""

    code = "not_sent"


class LostError(TransportError):
    """At least one byte left and no complete answer came back."""

    code = "lost"
