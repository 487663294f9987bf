"""The outside: clock, network and threads as a run takes them, so that a simulation can give others."""

import random
from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.pause import Jitter
from headrace.dispatch.transport import Sender

MakeSender: TypeAlias = Callable[[Mapping[str, str]], Sender]
"""Returns the innermost layer for requests that carry these headers."""


class Outside(Struct, frozen=True, kw_only=True):
    """What a run takes from the world around it.

    `sender` makes the innermost layer, None for HTTP; `storage` is that for files, None likewise. `jitter` is the
    chance in pauses. `is_threaded` lets the ledger have a writer thread of its own; without it everything is written
    at once, by whoever asks.
    """

    clock: Clock = boottime
    sender: MakeSender | None = None
    storage: Sender | None = None
    jitter: Jitter = random.uniform
    is_threaded: bool = True
