"""The clock that budgets are kept by: seconds that pass at the same rate as the server's, and never go back."""

import sys
import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns seconds since some fixed instant. Never goes back, never jumps ahead of true time."""


if sys.platform == "linux":

    def boottime() -> float:
        """Return the seconds since the machine was started, those asleep included.

        A monotonic clock stands still while a Linux machine is suspended: the budget would look spent for up to half
        an hour longer than it is. All processes of one boot share this clock.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:

    def boottime() -> float:
        """Return the seconds of the monotonic clock: it is safe everywhere, if cautious after the machine slept."""
        return time.monotonic()
