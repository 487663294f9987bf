"""Standard streams that are closed, or whose disk is full."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Ended, Place

TO = ("--to", "productive:time_entries")


def _ended(command: tuple[object, ...], redirected: str, place: Place | None = None) -> Ended:
    """Run the program with its streams redirected by a shell."""
    told = () if place is None else ("--base-url", place.url)
    line = [sys.executable, "-m", "headrace", *map(str, command), *told]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *line],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **({} if place is None else place.environment)},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.real
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(
    sandbox: Callable[..., Place], hours: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """A program without standard streams, as some daemons start it, imports all the same."""
    file = hours(3)
    monkeypatch.chdir(file.parent)
    ended = _ended(("run", file, *TO), closed, sandbox())
    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert Path("hours.headrace").read_bytes()[:6] == b"SQLite"


@pytest.mark.real
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk to offer")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_below_stdout_is_not_success(hours: Callable[..., Path], options: tuple[str, ...]) -> None:
    """What was asked for is not there: exit code 5, and stderr says why."""
    ended = _ended(("check", hours(3), *TO, *options), "> /dev/full")
    assert ended.code == 5
    assert ended.err.startswith("error[stopped]: standard output cannot be written: No space left")
    assert _ended(("check", "gone.csv", *TO, *options), "> /dev/full").code == 2


@pytest.mark.real
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk to offer")
def test_an_export_to_a_full_disk_is_not_success(sandbox: Callable[..., Place]) -> None:
    """Records that went nowhere are not reported as read."""
    assert _ended(("export", "productive:people", "-o", "-"), "> /dev/full", sandbox()).code == 5
