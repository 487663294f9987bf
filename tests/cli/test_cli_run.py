"""`headrace run`, `status` and `retry` against the sandbox; what is about signals and terminals as processes."""

import csv
import io
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
from cli_program import TOKEN, Ended, Place, finish, start

from headrace.errors import UsageError
from headrace.ledger.view import read

Program = Callable[..., Ended]
Sandbox = Callable[..., Place]
Hours = Callable[..., Path]
TO = ("--to", "productive:time_entries")
COUNTS = ("rows", "done", "rejected", "invalid", "skipped", "in_doubt", "duplicated", "not_attempted")
KEYS = {"import", "provider", *COUNTS, "requests", "throttled", "seconds", "checkpoint", "loads"}
NOWHERE = Place("https://192.0.2.1/api/v2", TOKEN, "948")


def audit(place: Place) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urljoin(place.url, "/__sandbox/audit"), timeout=5) as answer:
        return json.load(answer)


def adds_up(counted: Any) -> bool:
    return bool(counted["rows"] == sum(counted[name] for name in COUNTS[1:]))


def test_a_whole_run(headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """All rows arrive once; --json is one object with the documented keys, which add up; the talk is on stderr."""
    place = sandbox(window="sliding")
    ended = headrace("run", hours(250), *TO, "--base-url", place.url, "--json", at=place)
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
    again = headrace("run", "hours.csv", *TO, "--base-url", place.url, "--json", "--quiet", at=place)
    assert (again.code, again.err, again.json["done"]) == (0, "", 250)


def test_refused_rows_are_told_and_retried(headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """Rows that we or the provider refuse: exit 3, the reasons in the report, the rows in the reject file; retry."""
    place = sandbox()
    file = hours(30, r3="2026-02-31,60,201,901,bad date", r9="2026-02-01,60,201,990,no such service")
    to = ("--base-url", place.url, "--no-limits")
    ended = headrace("run", file, *TO, *to, at=place)
    assert ended.code == 3
    assert "2 rows of time_entries refused" in ended.out
    assert f"error[not_a_date] {file}:5 date: " in ended.out
    assert "attribute is invalid" in ended.out
    assert "headrace retry hours.headrace" in ended.out
    repair(tmp_path / "hours.results" / "time_entries.rejects.csv", {"2026-02-31": "2026-02-27", "990": "902"})
    again = headrace("retry", "hours.headrace", *to, "--json", at=place)
    assert (again.code, again.json["done"], again.json["rejected"], again.json["invalid"]) == (0, 30, 0, 0)
    assert audit(place)["created"]["time_entries"] == 30
    standing = headrace("status", "hours.headrace", "--json")
    assert (standing.code, standing.json["done"], set(standing.json)) == (0, 30, KEYS)


def test_rows_that_were_taken_out_or_put_into_a_reject_file(
    headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path
) -> None:
    """What was taken out is still refused, and how it is listed anew is told; a record without a reason tells none."""
    place = sandbox()
    file = hours(5, r1="2026-02-31,60,201,901,one", r3="2026-02-31,60,201,901,two")
    to = ("--base-url", place.url, "--no-limits")
    assert headrace("run", file, *TO, *to, at=place).code == 3
    rejects = tmp_path / "hours.results" / "time_entries.rejects.csv"
    refused = rejects.read_text(encoding="utf-8")
    rejects.write_text(refused + "2026-01-01,5,201,901,mine,2,,,,\r\n", encoding="utf-8")
    added = headrace("retry", "hours.headrace", *to, at=place)
    assert (added.code, "error[]" in added.out) == (2, False)
    rejects.write_text(refused.splitlines(keepends=True)[0], encoding="utf-8")
    emptied = headrace("retry", "hours.headrace", *to, at=place)
    assert (emptied.code, "`headrace run` lists them anew" in emptied.out) == (3, True)
    assert headrace("run", file, *TO, *to, at=place).code == 3
    assert rejects.read_text(encoding="utf-8") == refused


def repair(file: Path, repairs: dict[str, str]) -> None:
    with file.open(newline="") as opened:
        rows = [[repairs.get(cell, cell) for cell in row] for row in csv.reader(opened)]
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(rows)


def test_options_reach_the_engine(headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """--limit, --batch-size and --checkpoint do what they say; what is left of the rows is not an error."""
    place = sandbox()
    how = ("--base-url", place.url, "--checkpoint", "deep.headrace", "--share", "50%", "--deadline", "1h")
    ended = headrace("run", hours(40), *TO, *how, "--limit", "20", "--batch-size", "5", "--json", at=place)
    assert (ended.code, ended.json["done"], ended.json["checkpoint"]) == (0, 20, "deep.headrace")
    assert audit(place)["methods"]["POST"] == 4
    assert (tmp_path / "deep.results" / "summary.json").exists()


def test_too_many_errors_stop_the_run(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """With --max-errors the run stops with exit 5 and says how to go on."""
    place = sandbox()
    bad = {f"r{n}": f"2026-01-01,{n + 1},201,990,{n}" for n in range(10, 30)}
    how = ("--base-url", place.url, "--no-limits", "--max-errors", "3", "--batch-size", "10", "--concurrency", "1")
    ended = headrace("run", hours(60, **bad), *TO, *how, at=place)
    assert ended.code == 5
    assert "error[stopped]" in ended.err
    assert "to go on: " in ended.err


def test_the_token_shows_nowhere(
    headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is printed nor what is written holds the token, whichever way it came in."""
    place = sandbox()
    (tmp_path / "secret").write_text(TOKEN)
    (tmp_path / "secret").chmod(0o644)
    monkeypatch.setenv("HEADRACE_PRODUCTIVE_ORGANIZATION", place.organization)
    command = ("run", hours(10, r1="x,1,1,1,x"), *TO, "--base-url", place.url)
    ended = headrace(*command, "--token-file", "secret")
    assert (ended.code, "chmod 600" in ended.err) == (3, True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    again = headrace(*command, "--token-stdin")
    assert again.code == 3
    assert TOKEN not in ended.out + ended.err + again.out + again.err
    (tmp_path / "secret").unlink()
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) > 3
    assert not [file for file in written if TOKEN.encode() in file.read_bytes()]


# --- what can be wrong with the target --------------------------------------------------------------------------


def test_a_wrong_token_is_exit_6(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """A token that the provider refuses ends the run before the first row."""
    place = sandbox()._replace(token="mistaken")
    ended = headrace("run", hours(5), *TO, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.json["error"]["code"]) == (6, "credentials")
    assert "mistaken" not in ended.out + ended.err


def test_a_wrong_address_is_exit_2(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """--base-url replaces the whole base: without the API's path the answer is a 404, which is said."""
    place = sandbox()
    root = place.url.removesuffix("/api/v2")
    ended = headrace("run", hours(5), *TO, "--base-url", root, "--json", at=place)
    assert (ended.code, ended.json["error"]["code"]) == (2, "address")


@pytest.mark.real
def test_nobody_there_is_exit_7(headrace: Program, hours: Hours) -> None:
    """An address at which nothing listens: exit 7, and the same command goes on later."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = Place(f"http://127.0.0.1:{free.getsockname()[1]}/api/v2", TOKEN, "948")
    ended = headrace("run", hours(5), *TO, "--base-url", place.url, "--json", at=place)
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
def test_addresses_that_must_not_get_the_token(
    headrace: Program, hours: Hours, tmp_path: Path, url: str, more: tuple[str, ...]
) -> None:
    """An address that must not be sent the token, or not without limits, is refused before anything is opened."""
    ended = headrace("run", hours(5), *TO, "--base-url", url, *more, "--json", at=NOWHERE)
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert not (tmp_path / "hours.headrace").exists()


def test_a_checkpoint_of_another_target_is_exit_9(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """A checkpoint that belongs to another base URL is refused."""
    first, second = sandbox(), sandbox()
    file = hours(5)
    assert headrace("run", file, *TO, "--base-url", first.url, at=first).code == 0
    ended = headrace("run", file, *TO, "--base-url", second.url, "--json", at=second)
    assert (ended.code, ended.error["code"]) == (9, "changed")


# --- as a process: signals and pipes ----------------------------------------------------------------------------


def begin(place: Place, *arguments: object, cwd: Path, **options: Any) -> "subprocess.Popen[str]":
    return start(*arguments, "--base-url", place.url, cwd=cwd, env=os.environ | place.environment, **options)


def wait_until(process: "subprocess.Popen[str]", holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)


def has_rows(place: Place, count: int) -> Callable[[], bool]:
    return lambda: audit(place)["created"].get("time_entries", 0) >= count


@pytest.mark.real
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on(
    headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A signal drains, leaves nothing in doubt and says how to go on; the same command finishes the rest, once."""
    place = sandbox(latency=(20.0, 20.0))
    command = ("run", hours(120), *TO, "--no-limits", "--no-bulk", "--concurrency", "2")
    process = begin(place, *command, cwd=tmp_path)
    wait_until(process, has_rows(place, 10))
    process.send_signal(number)
    ended = finish(process)
    assert ended.code == code
    assert "to go on: headrace run " in ended.err
    assert "Traceback" not in ended.err
    counts = headrace("status", "hours.headrace", "--json").json
    assert counts["in_doubt"] == 0
    assert 0 < counts["done"] == audit(place)["created"]["time_entries"] < 120
    again = headrace(*command[:4], "--base-url", place.url, "--json", at=place)
    assert (again.code, again.json["done"], again.json["rows"]) == (0, 120, 120)
    seen = audit(place)
    assert (seen["created"]["time_entries"], seen["duplicates"]) == (120, 0)


@pytest.mark.real
def test_a_second_ctrl_c_ends_at_once(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """A second Ctrl-C does not wait for what is under way, so that no report is printed, and no traceback either."""
    place = sandbox(latency=(2000.0, 2000.0))
    process = begin(place, "run", hours(10), *TO, "--no-limits", cwd=tmp_path)
    wait_until(process, lambda: has_load(tmp_path / "hours.headrace"))
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("Ctrl-C again stops at once" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert (ended.code, ended.out, "Traceback" in ended.err) == (130, "", False)


def has_load(checkpoint: Path) -> bool:
    try:
        with read(checkpoint) as view:
            return bool(view.loads)
    except UsageError:
        return False


@pytest.mark.real
def test_a_closed_stdout_ends_the_output_not_the_import(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """When the reader of stdout has gone, the import is finished all the same and nothing is complained about."""
    place = sandbox()
    process = begin(place, "run", hours(50), *TO, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert audit(place)["created"]["time_entries"] == 50


@pytest.mark.real
def test_two_runs_at_once_are_exit_8(headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """The second process to want a checkpoint is told who has it; `status` works beside the first."""
    place = sandbox(latency=(100.0, 100.0))
    command = ("run", hours(300), *TO, "--no-limits", "--no-bulk", "--concurrency", "2")
    process = begin(place, *command, cwd=tmp_path)
    wait_until(process, has_rows(place, 1))
    ended = headrace(*command, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.error["code"]) == (8, "locked")
    assert str(process.pid) in ended.error["message"]
    standing = headrace("status", "hours.headrace")
    assert standing.code == 0
    assert f"process {process.pid}" in standing.out
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130


# --- on a terminal ----------------------------------------------------------------------------------------------


def on_terminal(place: Place, *arguments: object, cwd: Path, typed: bytes = b"") -> tuple[int, str]:
    """Run the program on a terminal of its own; return its exit code and all that it showed."""
    master, slave = pty.openpty()
    if typed:
        os.write(master, typed)
    look = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    environment = os.environ | place.environment | look
    process = start(
        *arguments, "--base-url", place.url, cwd=cwd, env=environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    shown = b""
    try:
        while block := os.read(master, 65536):
            shown += block
    except OSError:  # how Linux says that the last user of the terminal has gone
        pass
    os.close(master)
    return process.wait(20), shown.decode(errors="replace")


@pytest.mark.real
def test_the_live_display(sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """On a terminal progress is drawn in place, with bars, and the cursor is back at the end."""
    place = sandbox(latency=(100.0, 100.0))
    command = ("run", hours(20), *TO, "--no-bulk", "--concurrency", "4", "--yes")
    code, shown = on_terminal(place, *command, cwd=tmp_path)
    assert code == 0
    assert "rows/s" in shown
    assert "100/10s" in shown
    assert "━" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") >= 0


@pytest.mark.real
def test_nothing_is_sent_without_consent(hours: Hours, tmp_path: Path) -> None:
    """On a terminal, and not to this machine: the target is shown; anything but yes sends nothing."""
    code, shown = on_terminal(NOWHERE, "run", hours(5), *TO, "--allow-host", cwd=tmp_path, typed=b"\n")
    assert code == 130
    assert "organization 948 (https://192.0.2.1/api/v2)?" in shown
    assert not (tmp_path / "hours.headrace").exists()
