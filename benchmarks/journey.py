"""A journey: one whole path from a file to a server, measured in a process of its own so that its memory is its own.

The parent calls `travel`; the child is `python -m benchmarks.journey`, with what to do as JSON in its argument.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Struct

from benchmarks.measure import Sample, peak_mib
from benchmarks.servers import Place
from headrace.client import Client
from headrace.dispatch.batching import Batching
from headrace.importfile import ImportSpec, LoadSpec
from headrace.intake import Intake
from headrace.intake.source import open_source
from headrace.model import Request
from headrace.pipeline import CONCURRENCY, Settings
from headrace.provider import Rule
from headrace.providers import PROVIDERS

PROVIDER: Final = PROVIDERS["productive"]


class Journey(Struct, frozen=True, kw_only=True):
    """What to send where. `folder` gets checkpoint and results, None keeps the checkpoint in memory, without results.

    `is_bare` sends the same bodies, encoded beforehand, by aiohttp alone: no less can be done.
    """

    place: Place
    loads: tuple[LoadSpec, ...]
    bulk: bool = True
    folder: str | None = None
    has_results: bool = False
    is_bare: bool = False


def travel(journey: Journey) -> Sample:
    """Make `journey` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.journey", msgspec.json.encode(journey).decode()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Sample)
