"""`headrace sandbox` as a process: its greeting, its options, its quiet end."""

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_program import Ended, finish, start

Program = Callable[..., Ended]


def fetch(url: str, **headers: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return json.load(answer)


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_quietly(tmp_path: Path, number: signal.Signals) -> None:
    """The first line is JSON with url, token and organization; they work; a signal ends it with exit 0, silently."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "throttle"\npath = "/people"\n')
    options = ("--token", "t0k", "--organization", "77", "--latency", "1-2", "--seed", "3", "--faults", faults)
    process = start("sandbox", "productive", *options)
    assert process.stdout is not None
    greeting = json.loads(process.stdout.readline())
    assert set(greeting) == {"url", "token", "organization"}
    assert (greeting["token"], greeting["organization"]) == ("t0k", "77")
    credentials = {"X-Auth-Token": "t0k", "X-Organization-Id": "77"}
    assert fetch(f"{greeting['url']}/companies", **credentials)["data"]
    with pytest.raises(urllib.error.HTTPError) as refusal:
        fetch(f"{greeting['url']}/people", **credentials)
    refusal.value.close()
    assert refusal.value.code == 429
    process.send_signal(number)
    ended = finish(process)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_port_that_is_taken_is_exit_2(headrace: Program) -> None:
    """Two servers cannot share a port, which is said with the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = headrace("sandbox", "productive", "--port", taken.getsockname()[1])
    assert (ended.code, ended.out) == (2, "")
    assert "--port 0" in ended.err


def test_faults_that_make_no_sense_are_exit_2(headrace: Program, tmp_path: Path) -> None:
    """A faults file with an unknown key is refused, with its name."""
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "slow"\nsecnods = 3\n')
    ended = headrace("sandbox", "productive", "--faults", "faults.toml")
    assert ended.code == 2
    assert "faults.toml" in ended.err
    assert "secnods" in ended.err
