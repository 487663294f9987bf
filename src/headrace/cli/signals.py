"""Signals: the first asks the run to end, a second Ctrl-C ends the process at once."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from headrace.cli import terminal
from headrace.errors import InterruptionError, TerminationError

_MEANING: Final[Mapping[signal.Signals, type[InterruptionError]]] = {
    signal.SIGINT: InterruptionError,
    signal.SIGTERM: TerminationError,
    signal.SIGHUP: TerminationError,
}


@contextmanager
def signals_to(stop: Callable[[InterruptionError], None]) -> Iterator[None]:
    """Call `stop` on the first signal, while the block runs. A second SIGINT exits with 130, without cleaning up.

    `stop` is called between any two bytecodes of the main thread, also while the event loop is busy, so it must do no
    more than pass the message on. The checkpoint is sound whenever the process ends.
    """
    # Mutable: how many signals have come.
    received: list[int] = []

    def heed(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1 and number == signal.SIGINT:
            terminal.restore()
            terminal.say("stopped at once; nothing is lost: the same command goes on, and says what is in doubt")
            os._exit(130)
        if len(received) == 1:
            stop(_MEANING[signal.Signals(number)](f"interrupted by {signal.Signals(number).name}"))

    # Under nohup a hang-up is ignored, and stays so.
    heeded = [number for number in _MEANING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, heed) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
