"""`--budget`: the command line with what is spent kept in Redis, and every way in which that can go wrong."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_program import Ended, Place

sys.path.append(str(Path(__file__).parents[1] / "budget"))
from budget_stores import RedisServer, needs_redis, redis_server

Program = Callable[..., Ended]
TO = ("--to", "productive:time_entries")
SECRET = "canary-9c41"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(folder, "--requirepass", SECRET) as running:
        yield running


def with_password(server: RedisServer, password: str = SECRET) -> str:
    return server.url.replace("redis://", f"redis://:{password}@")


def everything(ended: Ended, folder: Path) -> str:
    """Return all that was said and all that was left behind."""
    files = [file.read_bytes().decode(errors="replace") for file in folder.rglob("*") if file.is_file()]
    return "".join((ended.out, ended.err, *files))


@pytest.mark.real
@needs_redis
def test_a_run_keeps_its_budget_in_redis(
    headrace: Program,
    sandbox: Callable[..., Place],
    hours: Callable[..., Path],
    server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the address in HEADRACE_BUDGET a run and a plan spend from Redis; its password is nowhere to be seen."""
    monkeypatch.setenv("HEADRACE_BUDGET", with_password(server))
    place = sandbox()
    ended = headrace("run", hours(6), *TO, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.json["done"]) == (0, 6)
    planned = headrace("plan", hours(9, "more.csv"), *TO, "--base-url", place.url, "--json", at=place)
    spent = {one["name"]: one["used"] for one in planned.json["windows"]}
    assert spent["4000/1800s"] == ended.json["requests"] > 0
    assert SECRET not in everything(ended, tmp_path) + everything(planned, tmp_path)


@pytest.mark.real
@needs_redis
def test_a_wrong_password_is_a_matter_of_credentials(
    headrace: Program, hours: Callable[..., Path], server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6, the variable is named and the password is not."""
    monkeypatch.setenv("HEADRACE_BUDGET", with_password(server, "canary-wrong"))
    place = Place("http://127.0.0.1:9/api/v2", "token", "948")
    ended = headrace("run", hours(1), *TO, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.error["code"]) == (6, "credentials")
    assert "HEADRACE_BUDGET" in ended.error["hint"]
    assert "canary-wrong" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("url", "code", "word"),
    [
        ("redis://user:canary-9c41@127.0.0.1:1/0", 7, "unreachable"),
        ("redis://:canary-9c41@127.0.0.1:canary-9c41/0", 2, "usage"),
        ("redis://:canary-9c41@127.0.0.1:1/first", 2, "usage"),
        ("http://:canary-9c41@127.0.0.1:1/0", 2, "usage"),
    ],
)
def test_what_is_no_budget_is_said_at_once(
    headrace: Program,
    hours: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    url: str,
    code: int,
    word: str,
) -> None:
    """An address where no Redis is, or that is none: the right exit code, a remedy, no password and no checkpoint."""
    pytest.importorskip("redis", reason="pip install 'headrace[redis]'")
    monkeypatch.setenv("HEADRACE_BUDGET", url)
    place = Place("http://127.0.0.1:9/api/v2", "token", "948")
    ended = headrace("run", hours(1), *TO, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.error["code"]) == (code, word)
    assert ended.error["hint"]
    assert SECRET not in everything(ended, tmp_path)
    assert not list(tmp_path.glob("*.headrace*"))


def test_without_the_client_the_remedy_is_named(
    headrace: Program, hours: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Redis client is an extra: where it is missing, the error says how to get it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    place = Place("http://127.0.0.1:9/api/v2", "token", "948")
    command = ("run", hours(1), *TO, "--base-url", place.url, "--budget", "redis://127.0.0.1:1/0", "--json")
    ended = headrace(*command, at=place)
    assert ended.code == 2
    assert "pip install 'headrace[redis]'" in ended.error["hint"]


@pytest.mark.parametrize("given", ["redis://:canary-9c41@127.0.0.1/0", "redis://127.0.0.1/0?password=canary-9c41"])
def test_a_password_in_an_argument_is_refused(headrace: Program, hours: Callable[..., Path], given: str) -> None:
    """Wherever in the URL it is; it is not repeated."""
    ended = headrace("run", hours(1), *TO, "--budget", given)
    assert ended.code == 2
    assert "HEADRACE_BUDGET" in ended.err
    assert SECRET not in ended.out + ended.err
