"""The rate in real time: `headrace run` as processes against a fixed-window limiter that is not ours (`foreign`).

`python -m benchmarks live` takes about 110 seconds, with `--full` five minutes; it is not among those that run without
a name. Three scenes run side by side, each against a server of its own: one process at full rate; two processes on one
token; one that is killed (SIGKILL) twice and started again at once. What is sent is single rows, 50-400 ms away.

rate is what arrived after the first 10 s, in whole tens of seconds, as a part of 10 requests a second; the pacer of a
process aims at 95 %, two together are held by the window alone. in 10 s is the most that arrived in any window. It
needs a machine that is not busy otherwise: who wakes up late sends late.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.request import urlopen

import orjson
from benchmarks.budget import is_installed
from benchmarks.options import Options
from benchmarks.servers import started
from benchmarks.sink import Place
from benchmarks.standing import Absent
from msgspec import Struct

from headrace.testing.servers import worst_window

SECONDS: Final = 100.0
FULL_SECONDS: Final = 290.0
RAMP: Final = 10.0
PER: Final = 10.0
FASTEST: Final = 10.0
"""Requests a second: 100 in 10 seconds."""
_COLUMNS: Final = ("date", "time", "person_id", "service_id", "note")


class Ride(Struct, frozen=True, kw_only=True):
    """How a scene went: requests that arrived, in how many seconds, and the 429s among their answers.

    `rate` is requests a second after the ramp, `worst` the most in any 10 seconds, `ended` how the processes ended.
    """

    name: str
    requests: int
    seconds: float
    rate: float
    worst: int
    refused: int
    ended: tuple[int, ...]


class Rides(Struct, frozen=True, kw_only=True):
    """All scenes."""

    name: str
    about: str
    figures: tuple[Ride | Absent, ...]


COLUMNS: Final[Mapping[str, Callable[[Ride], str]]] = MappingProxyType(
    {
        "requests": lambda ride: f"{ride.requests:,}",
        "seconds": lambda ride: f"{ride.seconds:.1f}",
        "rate": lambda ride: f"{ride.rate / FASTEST:.1%}",
        "in 10 s": lambda ride: f"{ride.worst:,}",
        "429s": lambda ride: f"{ride.refused:,}",
    }
)


def measure(options: Options) -> Rides:
    """Run the scenes side by side."""
    seconds = FULL_SECONDS if options.is_full else SECONDS
    about = (
        f"{seconds:.0f} s of single rows, 50-400 ms away, 100 in 10 s and 4000 in 1800 s by fixed windows of `limits`"
    )
    if not is_installed("limits"):
        return Rides(name="live", about=about, figures=(Absent("limits"),))
    scenes = {"one process": _one, "two processes on one token": _two, "killed twice and restarted": _killed}
    with ThreadPoolExecutor(len(scenes)) as side_by_side:
        rides = [
            side_by_side.submit(_ride, name, scene, options.folder / str(place), seconds)
            for place, (name, scene) in enumerate(scenes.items())
        ]
        return Rides(name="live", about=about, figures=tuple(ride.result() for ride in rides))


Start = Callable[[str], "subprocess.Popen[bytes]"]
Scene = Callable[[Start, float], Iterator["subprocess.Popen[bytes]"]]


def _one(start: Start, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    yield start("a")
    time.sleep(seconds)


def _two(start: Start, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    yield start("a")
    yield start("b")
    time.sleep(seconds)


def _killed(start: Start, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    for _ in range(2):
        process = start("a")
        time.sleep(seconds / 3)
        process.kill()
        process.wait()
    yield start("a")
    time.sleep(seconds / 3)


def _ride(name: str, scene: Scene, folder: Path, seconds: float) -> Ride:
    folder.mkdir()
    for stem in "ab":
        _write_rows(folder / f"{stem}.csv", round(seconds * FASTEST) + 100)
    from benchmarks.foreign import serve  # noqa: PLC0415 - imports `limits`, which need not be there

    with started(serve) as place:
        processes = list(scene(partial(_start, place, folder), seconds))
        over = time.monotonic()
        for process in processes:
            process.send_signal(signal.SIGINT)
        ended = tuple(process.wait(60) for process in processes)
        with urlopen(place.url.replace("/api/v2", "/__arrivals"), timeout=30) as answer:
            log = orjson.loads(answer.read())
    return _judged(name, [at for at in log["arrivals"] if at < over], over, refused=log["refused"], ended=ended)


def _judged(name: str, arrivals: Sequence[float], over: float, *, refused: int, ended: tuple[int, ...]) -> Ride:
    began = min(arrivals)
    # Whole windows: two processes send in bursts, and a cut-off one would count for more or less than it is.
    lasted = (over - began - RAMP) // PER * PER
    after = [at for at in arrivals if began + RAMP <= at < began + RAMP + lasted]
    return Ride(
        name=name,
        requests=len(arrivals),
        seconds=over - began,
        rate=len(after) / lasted if lasted > 0 else 0.0,
        worst=worst_window(sorted(arrivals), PER),
        refused=refused,
        ended=ended,
    )


def _start(place: Place, folder: Path, stem: str) -> "subprocess.Popen[bytes]":
    """Start `headrace run` on a file of single rows, with a state folder that all of the scene share."""
    command = [sys.executable, "-m", "headrace", "run", f"{stem}.csv", "--to", "productive:time_entries", "--no-bulk"]
    command += ["--base-url", place.url, "--settle-after", "2s", "--quiet", "--json"]
    environment = {
        **os.environ,
        "HEADRACE_PRODUCTIVE_TOKEN": place.token,
        "HEADRACE_PRODUCTIVE_ORGANIZATION": place.organization,
        "HEADRACE_STATE_DIR": str(folder / "state"),
    }
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)


def _write_rows(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(
            (f"2026-{1 + at % 12:02}-{1 + at % 28:02}", 1 + at % 600, 201, 901, f"{path.stem} {at}")
            for at in range(rows)
        )
