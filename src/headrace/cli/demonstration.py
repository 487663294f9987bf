"""The demonstration: the sandbox and an import as processes, an interruption, a resumption, and what was counted."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin

from headrace.cli import terminal
from headrace.cli.demo_data import BAD_HOURS, BAD_ON_SITE, HOURS, ON_SITE, import_file, tables
from headrace.cli.text import count
from headrace.errors import UsageError

_MARK: Final = ".headrace-demo"
"""A file that says that a folder is a demo's own and may be written over."""
_IMPORT: Final = "import.toml"
_STATE: Final = ("import.headrace", "import.headrace-wal", "import.headrace-shm", "import.headrace.lock")
_RESULTS: Final = "import.results"
_INTERRUPT_AT: Final = HOURS * 2 // 5
"""Time entries in the sandbox when the import is interrupted."""
_MOST_REQUESTS: Final = 350
_LONGEST: Final = 300.0
"""Seconds after which a process of the demo has gone wrong."""
_LOOK: Final = 0.2
_INTERRUPTED: Final = 130
_SOME_REFUSED: Final = 3


class Place(NamedTuple):
    """Where the demo's sandbox is: its base URL and its credentials, which are no secret."""

    url: str
    token: str
    organization: str


def demonstrate(folder: Path) -> int:
    """Play the demo in `folder`; return 0 when everything went as designed, else 1. Raises `UsageError`."""
    began = time.monotonic()
    _say(f"1. Sample files of an agency that leaves its old tool are written to {folder}.")
    _furnish(folder)
    _say("2. The sandbox, a strict copy of Productive's API, is started on this machine with the real rate limits.")
    with _sandbox() as place:
        codes = _play(folder, place)
        audit = _audit(place)
    wrong = list(_surprises(codes, audit))
    _say(f"6. The sandbox has counted {_verdict(audit)}.")
    for surprise in wrong:
        terminal.say(f"not as designed: {surprise}")
    _say(f"Done in {time.monotonic() - began:.0f} s. Look into {folder}: {_IMPORT} is a model for your own import.")
    return 1 if wrong else 0


def _play(folder: Path, place: Place) -> list[int]:
    """Run the import twice, the first time with an interruption, and return the exit codes."""
    _say("3. The import runs, and is interrupted by Ctrl-C (SIGINT) part-way.")
    with _import(folder, place) as process:
        _wait_for_rows(process, place)
        process.send_signal(signal.SIGINT)
        first = process.wait(_LONGEST)
    _say(f"   Its exit code is {first}: interrupted, nothing lost. Now the same command goes on.")
    _say("4. The import is resumed.")
    with _import(folder, place) as process:
        second = process.wait(_LONGEST)
    _say(f"   Its exit code is {second}: all that could be imported is imported, and some rows were refused.")
    _say("5. The files for you:")
    for file in sorted((folder / _RESULTS).iterdir()):
        _say(f"   {file}")
    return [first, second]


# --- the folder -------------------------------------------------------------------------------------------------


def _furnish(folder: Path) -> None:
    """Write the demo's files, over those of an earlier demo and over nothing else."""
    if folder.exists() and not (folder / _MARK).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not a demo's", hint="give another folder with --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _forget(folder)
        (folder / _MARK).touch()
        (folder / _IMPORT).write_text(import_file(), "utf-8")
        for name, rows in tables().items():
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}", hint="give another with --dir") from None


def _forget(folder: Path) -> None:
    """Remove the state and the results of an earlier demo."""
    results = folder / _RESULTS
    for file in [folder / name for name in _STATE] + list(results.glob("*.csv")) + list(results.glob("*.json")):
        file.unlink(missing_ok=True)


# --- the processes ----------------------------------------------------------------------------------------------


def _command(*arguments: str) -> list[str]:
    """Return the command line of a headrace of this interpreter, having shown how a user would type it."""
    _say(f"   $ {shlex.join(('headrace', *arguments))}")
    return [sys.executable, "-m", "headrace", *arguments]


@contextmanager
def _sandbox() -> Iterator[Place]:
    # A session of its own: a Ctrl-C by the user is for the import, which still needs the sandbox to drain.
    command = _command("sandbox", "productive", "--port", "0")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603 - ours
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        if not greeting:
            raise UsageError("the sandbox did not start", hint="headrace sandbox productive says why")
        yield Place(**json.loads(greeting))
    finally:
        _end(process)


@contextmanager
def _import(folder: Path, place: Place) -> Iterator[subprocess.Popen[bytes]]:
    credentials = {"HEADRACE_PRODUCTIVE_TOKEN": place.token, "HEADRACE_PRODUCTIVE_ORGANIZATION": place.organization}
    command = _command("run", _IMPORT, "--base-url", place.url)
    process = subprocess.Popen(command, cwd=folder, env=os.environ | credentials)  # noqa: S603 - our own command
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[Any]") -> None:
    """See to it that `process` has ended: asked first, and not asked after a few seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _wait_for_rows(process: "subprocess.Popen[bytes]", place: Place) -> None:
    """Return when it is time to interrupt the import, or when it has ended before."""
    until = time.monotonic() + _LONGEST
    while process.poll() is None and time.monotonic() < until:
        if _audit(place)["created"].get("time_entries", 0) >= _INTERRUPT_AT:
            return
        time.sleep(_LOOK)


# --- what was counted -------------------------------------------------------------------------------------------


def _audit(place: Place) -> dict[str, Any]:
    # Loopback only, so past whatever proxy the environment names.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urljoin(place.url, "/__sandbox/audit"), timeout=10.0) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _verdict(audit: Mapping[str, Any]) -> str:
    worst = ", ".join(f"{used} of {name}" for name, used in audit["worst"].items())
    return (
        f"{count(audit['requests'], 'request')}; 429s: {audit['throttled']}; duplicates: {audit['duplicates']}; "
        f"the fullest windows: {worst}"
    )


def _surprises(codes: list[int], audit: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it should be."""
    expected = {
        "exit code of the interrupted run": (codes[0], _INTERRUPTED),
        "exit code of the resumed run": (codes[1], _SOME_REFUSED),
        "429s": (audit["throttled"], 0),
        "duplicates": (audit["duplicates"], 0),
        "time entries": (audit["created"].get("time_entries"), HOURS + ON_SITE - len(BAD_HOURS) - len(BAD_ON_SITE)),
    }
    yield from (f"{what}: {is_} instead of {should}" for what, (is_, should) in expected.items() if is_ != should)
    if audit["requests"] > _MOST_REQUESTS:
        yield f"requests: {audit['requests']}, more than {_MOST_REQUESTS}"


def _say(text: str) -> None:
    terminal.emit_line(text)
