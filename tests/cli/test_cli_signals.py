"""Signals: the first asks, a second Ctrl-C does not ask."""

import os
import signal
import subprocess
import sys

import pytest

from headrace.cli.signals import signals_to
from headrace.errors import InterruptionError, TerminationError


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (signal.SIGINT, InterruptionError, 130),
        (signal.SIGTERM, TerminationError, 143),
        (signal.SIGHUP, TerminationError, 143),
    ],
)
def test_the_first_signal_asks(number: signal.Signals, kind: type[InterruptionError], code: int) -> None:
    """Each signal stops the run once, with its own reason, and the earlier handler is put back."""
    before = signal.getsignal(number)
    reasons: list[InterruptionError] = []
    with signals_to(reasons.append):
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
    assert [type(reason) for reason in reasons] == [kind]
    assert reasons[0].exit_code == code
    assert signal.getsignal(number) is before


SECOND = """
import os, signal
from headrace.cli.signals import signals_to
with signals_to(lambda reason: None):
    os.kill(os.getpid(), signal.{first})
    print("asked", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("too late", flush=True)
"""


@pytest.mark.real
@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_a_second_ctrl_c_ends_the_process(first: str) -> None:
    """A second Ctrl-C exits at once with 130, with one line that says so, and without running on."""
    ended = subprocess.run(
        [sys.executable, "-c", SECOND.format(first=first)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "asked\n")
    assert ended.stderr.startswith("stopped at once")
    assert ended.stderr.count("\n") == 1


def test_nohup_is_respected() -> None:
    """A hang-up that is ignored, as under nohup, stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        reasons: list[InterruptionError] = []
        with signals_to(reasons.append):
            os.kill(os.getpid(), signal.SIGHUP)
        assert reasons == []
    finally:
        signal.signal(signal.SIGHUP, before)
