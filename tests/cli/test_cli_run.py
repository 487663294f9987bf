"""`headrace run`, `status` and `retry` as processes against the sandbox as a process."""

import csv
import json
import os
import pty
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from conftest import TOKEN, Ended, Place, finish, start

pytestmark = pytest.mark.real

Sandbox = Callable[..., Place]
Hours = Callable[..., Path]
TO = ("--to", "productive:time_entries")
COUNTS = ("rows", "done", "rejected", "invalid", "skipped", "in_doubt", "duplicated", "not_attempted")
KEYS = {"import", "provider", *COUNTS, "requests", "throttled", "seconds", "checkpoint", "loads"}


def begin(place: Place, *arguments: object, cwd: Path, **options: Any) -> "subprocess.Popen[str]":
    return start(*arguments, cwd=cwd, env=os.environ | place.environment, **options)


def run(place: Place, *arguments: object, cwd: Path, **options: Any) -> Ended:
    return finish(begin(place, *arguments, cwd=cwd, **options))


def audit(place: Place) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urljoin(place.url, "/__sandbox/audit"), timeout=5) as answer:
        return json.load(answer)


def wait_for_rows(place: Place, count: int, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 20
    while audit(place)["created"].get("time_entries", 0) < count:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)


def adds_up(counted: Any) -> bool:
    return bool(counted["rows"] == sum(counted[name] for name in COUNTS[1:]))


def test_a_whole_run(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """All rows arrive once; --json is one object with the documented keys, which add up; the talk is on stderr."""
    place = sandbox()
    ended = run(place, "run", hours(250), *TO, "--base-url", place.url, "--json", cwd=tmp_path)
    assert ended.code == 0
    summary = ended.json
    assert set(summary) == KEYS
    assert (summary["import"], summary["provider"], summary["done"]) == ("hours", "productive", 250)
    assert [set(load) for load in summary["loads"]] == [{"name", "resource", *COUNTS}]
    assert adds_up(summary)
    assert all(map(adds_up, summary["loads"]))
    assert "\x1b" not in ended.err
    assert (tmp_path / "hours.headrace").exists()
    assert (tmp_path / "hours.results" / "time_entries.success.csv").exists()
    seen = audit(place)
    assert (seen["throttled"], seen["duplicates"], seen["created"]["time_entries"]) == (0, 0, 250)


def test_refused_rows_are_told_with_their_reasons(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """Rows that we or the provider refuse: exit 3, the reasons in the report, the rows in the reject file; retry."""
    place = sandbox("--window", "off")
    file = hours(30, r3="2026-02-31,60,201,901,bad date", r9="2026-02-01,60,201,990,no such service")
    to = ("--base-url", place.url)
    ended = run(place, "run", file, *TO, *to, "--no-limits", cwd=tmp_path)
    assert ended.code == 3
    assert "2 rows of time_entries refused" in ended.out
    assert "error[not_a_date]" in ended.out
    assert "attribute is invalid" in ended.out
    assert "headrace retry hours.headrace" in ended.out
    repair(tmp_path / "hours.results" / "time_entries.rejects.csv", {"2026-02-31": "2026-02-27", "990": "902"})
    again = run(place, "retry", "hours.headrace", *to, "--no-limits", "--json", cwd=tmp_path)
    assert (again.code, again.json["done"], again.json["rejected"], again.json["invalid"]) == (0, 30, 0, 0)
    assert audit(place)["created"]["time_entries"] == 30


def repair(file: Path, repairs: dict[str, str]) -> None:
    with file.open(newline="") as opened:
        rows = [[repairs.get(cell, cell) for cell in row] for row in csv.reader(opened)]
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(rows)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_an_interrupted_run_goes_on(
    sandbox: Sandbox, hours: Hours, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A signal drains, leaves nothing in doubt and says how to go on; the same command finishes the rest, once."""
    place = sandbox("--window", "off", "--latency", "20")
    command = ("run", hours(240), *TO, "--base-url", place.url, "--no-limits", "--no-bulk", "--concurrency", "4")
    process = begin(place, *command, cwd=tmp_path)
    wait_for_rows(place, 40, process)
    process.send_signal(number)
    ended = finish(process)
    assert ended.code == code
    assert "to go on: headrace run " in ended.err
    assert "Traceback" not in ended.err
    counts = finish(start("status", "hours.headrace", "--json", cwd=tmp_path)).json
    assert counts["in_doubt"] == 0
    assert 0 < counts["done"] == audit(place)["created"]["time_entries"] < 240
    again = run(place, *command, "--json", cwd=tmp_path)
    assert (again.code, again.json["done"], again.json["rows"]) == (0, 240, 240)
    seen = audit(place)
    assert (seen["created"]["time_entries"], seen["duplicates"]) == (240, 0)


def test_a_second_ctrl_c_ends_at_once(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """A second Ctrl-C does not wait for what is under way; the next run finds that in doubt, exit 4."""
    place = sandbox("--window", "off", "--latency", "4000")
    command = ("run", hours(10), *TO, "--base-url", place.url, "--no-limits")
    process = begin(place, *command, cwd=tmp_path)
    wait_for_status(tmp_path / "hours.headrace", process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    until_said(process.stderr, "Ctrl-C again stops at once")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert (ended.code, "Traceback" in ended.err) == (130, False)
    assert time.monotonic() - began < 2


def wait_for_status(checkpoint: Path, process: "subprocess.Popen[str]") -> None:
    """Return when the checkpoint tells of a load; `status` is read beside the run."""
    until = time.monotonic() + 20
    while True:
        told = finish(start("status", checkpoint.name, "--json", cwd=checkpoint.parent))
        if told.code == 0 and told.json["loads"]:
            return
        assert process.poll() is None
        assert time.monotonic() < until


def until_said(stream: Any, text: str) -> None:
    for line in stream:
        if text in line:
            return
    raise AssertionError(text)


def test_a_closed_stdout_ends_the_output_not_the_import(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """When the reader of stdout has gone, the import is finished all the same and nothing is complained about."""
    place = sandbox("--window", "off")
    process = begin(place, "run", hours(50), *TO, "--base-url", place.url, "--no-limits", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(20) == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert audit(place)["created"]["time_entries"] == 50
    process.stderr.close()


def test_the_token_shows_nowhere(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """Neither what is printed nor what is written holds the token, whichever way it came in."""
    place = sandbox("--window", "off")
    (tmp_path / "secret").write_text(TOKEN)
    environment = os.environ | {"HEADRACE_PRODUCTIVE_ORGANIZATION": place.organization}
    command = ("run", hours(10, r1="x,1,1,1,x"), *TO, "--base-url", place.url)
    ended = finish(start(*command, "--token-file", "secret", cwd=tmp_path, env=environment))
    assert (ended.code, "chmod 600" in ended.err) == (3, True)
    process = start(*command, "--token-stdin", cwd=tmp_path, env=environment, stdin=subprocess.PIPE)
    again = finish(process, text=f"{TOKEN}\n")
    assert again.code == 3
    assert TOKEN not in ended.out + ended.err + again.out + again.err
    (tmp_path / "secret").unlink()
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) > 3
    assert not [file for file in written if TOKEN.encode() in file.read_bytes()]


# --- what can be wrong with the target --------------------------------------------------------------------------


def test_a_wrong_token_is_exit_6(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """A token that the provider refuses ends the run before the first row."""
    place = sandbox()._replace(token="wrong")
    ended = run(place, "run", hours(5), *TO, "--base-url", place.url, "--json", cwd=tmp_path)
    assert ended.code == 6
    assert ended.json["error"]["code"] == "credentials"
    assert "wrong" not in ended.out.replace('"what is wrong"', "")


def test_a_wrong_address_is_exit_2(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """--base-url replaces the whole base: without the API's path the answer is a 404, which is said."""
    place = sandbox()
    root = place.url.removesuffix("/api/v2")
    ended = run(place, "run", hours(5), *TO, "--base-url", root, "--json", cwd=tmp_path)
    assert (ended.code, ended.json["error"]["code"]) == (2, "address")


def test_nobody_there_is_exit_7(hours: Hours, tmp_path: Path) -> None:
    """An address at which nothing listens: exit 7, and the same command goes on later."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api/v2"
    ended = run(Place(url, TOKEN, "948"), "run", hours(5), *TO, "--base-url", url, "--json", cwd=tmp_path)
    assert (ended.code, ended.json["error"]["code"]) == (7, "unreachable")


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://192.0.2.1/api/v2", ("--allow-host",)),  # plain http beyond this machine
        ("https://192.0.2.1/api/v2", ()),  # a host that is not the provider's
        ("https://192.0.2.1/api/v2", ("--allow-host", "--no-limits")),  # no limits beyond this machine
        ("api.productive.io", ()),
        ("ftp://127.0.0.1/", ()),
    ],
)
def test_addresses_that_must_not_get_the_token(hours: Hours, tmp_path: Path, url: str, more: tuple[str, ...]) -> None:
    """An address that must not be sent the token, or not without limits, is refused before anything is opened."""
    place = Place(url, TOKEN, "948")
    ended = run(place, "run", hours(5), *TO, "--base-url", url, *more, "--json", cwd=tmp_path)
    assert ended.code == 2
    assert ended.error["message"]
    assert not (tmp_path / "hours.headrace").exists()


def test_two_runs_at_once_are_exit_8(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """The second process to want a checkpoint is told who has it; `status` works beside the first."""
    place = sandbox("--window", "off", "--latency", "300")
    command = ("run", hours(60), *TO, "--base-url", place.url, "--no-limits", "--no-bulk", "--concurrency", "2")
    process = begin(place, *command, cwd=tmp_path)
    wait_for_rows(place, 1, process)
    ended = run(place, *command, "--json", cwd=tmp_path)
    assert (ended.code, ended.error["code"]) == (8, "locked")
    assert str(process.pid) in ended.error["message"]
    standing = finish(start("status", "hours.headrace", cwd=tmp_path))
    assert standing.code == 0
    assert f"process {process.pid}" in standing.out
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130


def test_a_checkpoint_of_another_target_is_exit_9(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """A checkpoint that belongs to another organization is refused."""
    place = sandbox()
    command = ("run", hours(5), *TO, "--base-url", place.url, "--json")
    assert run(place, *command, cwd=tmp_path).code == 0
    ended = run(place._replace(organization="1"), *command, cwd=tmp_path)
    assert (ended.code, ended.error["code"]) == (9, "changed")


# --- on a terminal ----------------------------------------------------------------------------------------------


def on_terminal(place: Place, *arguments: object, cwd: Path, typed: bytes = b"") -> tuple[int, str]:
    """Run the program on a terminal of its own; return its exit code and all that it showed."""
    master, slave = pty.openpty()
    if typed:
        os.write(master, typed)
    environment = os.environ | place.environment | LOOK
    process = start(*arguments, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    try:
        while block := os.read(master, 65536):
            shown += block
    except OSError:  # how Linux says that the last user of the terminal has gone
        pass
    os.close(master)
    return process.wait(20), shown.decode(errors="replace")


LOOK = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}


def test_the_live_display(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """On a terminal progress is drawn in place, with bars, and the cursor is back at the end."""
    place = sandbox("--window", "off", "--latency", "100")
    command = ("run", hours(60), *TO, "--base-url", place.url, "--no-bulk", "--concurrency", "4", "--yes")
    code, shown = on_terminal(place, *command, cwd=tmp_path)
    assert code == 0
    assert "rows/s" in shown
    assert "100/10s" in shown
    assert "━" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") >= 0


@pytest.mark.parametrize("typed", [b"n\n", b"\n"])
def test_nothing_is_sent_without_consent(hours: Hours, tmp_path: Path, typed: bytes) -> None:
    """On a terminal, and not to this machine: the target is shown; anything but yes sends nothing."""
    place = Place("https://192.0.2.1/api/v2", TOKEN, "948")
    command = ("run", hours(5), *TO, "--base-url", place.url, "--allow-host")
    code, shown = on_terminal(place, *command, cwd=tmp_path, typed=typed)
    assert code == 130
    assert "organization 948 (https://192.0.2.1/api/v2)?" in shown
    assert not (tmp_path / "hours.headrace").exists()
