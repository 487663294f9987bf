"""The canary: a token that shows nowhere, whatever happens; and that the search for it finds it."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st

import canary
from headrace.sandbox.options import Options
from headrace.sandbox.server import serve

TOKEN = canary.CANARIES[-1]


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_the_search_finds_every_form(before: bytes, after: bytes) -> None:
    """A token is found raw, in a URL and anywhere inside base64 text; without it nothing is."""
    for secret in canary.CANARIES:
        raw = before + secret.encode() + after
        assert canary.found_in(raw)
        assert canary.found_in(base64.b64encode(raw))
        assert canary.found_in(base64.urlsafe_b64encode(raw))
        assert canary.found_in(quote(secret, safe="").encode())
        assert not canary.found_in(base64.b64encode(before + after))


def test_the_search_looks_into_every_file(tmp_path: Path) -> None:
    """A token in a file, or in a file's name, is found in any depth."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    leak = tmp_path / "a" / "b" / "summary.json"
    leak.write_bytes(b"\0" * 70_000 + TOKEN.encode() + b"\n")
    named = tmp_path / f"x{canary.CANARIES[0]}"
    named.touch()
    assert sorted(canary.found_below(tmp_path)) == sorted([leak, named])
    leak.unlink()
    named.unlink()


@pytest.fixture
def sandbox() -> Iterator[Callable[..., str]]:
    """Return what starts a sandbox whose token is the canary, and gives its URL."""
    with start_blocking_portal() as portal, ExitStack() as running:
        yield (
            lambda **options: (
                running.enter_context(
                    portal.wrap_async_context_manager(serve(Options(token=TOKEN, window="off", **options)))
                ).url
            )
        )


class Shell:
    """The program in processes of their own, with the token in its environment; keeps all that it printed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.said = b""

    def __call__(self, *arguments: str, python: tuple[str, ...] = ("-X", "dev", "-m", "headrace")) -> int:
        ended = subprocess.run(
            [sys.executable, *python, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.said += ended.stdout + ended.stderr
        return ended.returncode

    @property
    def environment(self) -> dict[str, str]:
        return dict(
            os.environ,
            HEADRACE_PRODUCTIVE_TOKEN=TOKEN,
            HEADRACE_PRODUCTIVE_ORGANIZATION="948",
            HEADRACE_PRODUCTIVE_BASE_URL=self.url,
            HEADRACE_STATE_DIR=str(self.folder / "state"),
            PYTHONASYNCIODEBUG="1",
        )

    @property
    def is_clean(self) -> bool:
        return not canary.found_in(self.said) and not canary.found_below(self.folder)


CRASH = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from headrace.dispatch import {module}
def broken(*arguments, **options):
    raise RuntimeError("a bug")
setattr({place}, {name!r}, broken)
from headrace.__main__ import main
sys.exit(main())
"""
BUGS = (("http", "http.Http", "_exchange"), ("writer", "writer.Writer", "run"), ("budget", "budget.Budget", "permit"))


@pytest.mark.real
def test_no_command_shows_the_token(sandbox: Callable[..., str], tmp_path: Path) -> None:
    """Runs, plans, retries, what is refused, and crashes inside us with all logging on: the token is in no output."""
    rows = [f"2026-01-{1 + n % 28:02},60,{999_999 if n == 3 else 201},901,row {n}" for n in range(30)]
    (tmp_path / "hours.csv").write_text("\n".join(["date,time,person_id,service_id,note", *rows]) + "\n")
    shell = Shell(tmp_path, sandbox())
    to = ("--to", "productive:time_entries")
    for module, place, name in BUGS:
        code = CRASH.format(module=module, place=place, name=name)
        shell("run", "hours.csv", *to, "--checkpoint", "crashed.headrace", python=("-X", "dev", "-c", code))
    assert shell("doctor", "productive", "--json") in {0, 3}
    assert shell("plan", "hours.csv", *to) == 0
    assert shell("run", "hours.csv", *to) == 3
    assert shell("status", "hours.headrace") in {0, 3}
    assert shell("retry", "hours.headrace") in {0, 3}
    assert shell("run", "hours.csv", "--token", TOKEN, *to) == 2
    assert shell("run", "hours.csv", f"--token={TOKEN}", *to) == 2
    assert b"Traceback" in shell.said
    assert shell.is_clean
    shell.url = "http://127.0.0.1:9/api/v2"
    assert shell("run", "hours.csv", *to, "--checkpoint", "other.headrace") == 7
    assert shell.is_clean


@pytest.mark.real
def test_a_run_that_is_killed_leaves_no_token(sandbox: Callable[..., str], tmp_path: Path) -> None:
    """SIGKILL and SIGABRT in the middle of a run, with a faulthandler's dump: neither file nor output holds it."""
    rows = [f"2026-01-{1 + n % 28:02},{15 + n},201,901,row {n}" for n in range(300)]
    (tmp_path / "hours.csv").write_text("\n".join(["date,time,person_id,service_id,note", *rows]) + "\n")
    shell = Shell(tmp_path, sandbox(latency=(300.0, 300.0)))
    command = [sys.executable, "-X", "faulthandler", "-m", "headrace", "run", "hours.csv"]
    for number in (signal.SIGABRT, signal.SIGKILL):
        with subprocess.Popen(
            [*command, "--to", "productive:time_entries", "--no-bulk"],
            cwd=tmp_path,
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            while not (tmp_path / "hours.headrace").exists() and process.poll() is None:
                os.sched_yield()
            process.send_signal(number)
            shell.said += process.communicate(timeout=30)[0]
    assert shell.is_clean


def _refused_connection(server: Any) -> str:
    return f"https://localhost:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("names", [("localhost",), ("other.example",)])
def test_a_certificate_that_is_not_trusted_gets_nothing(names: tuple[str, ...]) -> None:
    """A server with a certificate of an unknown authority, or for another host, never sees a request."""
    trustme = pytest.importorskip("trustme")
    import ssl

    from headrace.dispatch.http import open_http
    from headrace.errors import NotSentError
    from headrace.model import Request

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(*names).configure_cert(context)
    seen: list[bytes] = []

    async def main() -> None:
        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.read(1000))
            writer.close()

        server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=context)
        async with (
            server,
            open_http(_refused_connection(server), {"X-Auth-Token": TOKEN}, connections=1, time_limit=5) as http,
        ):
            with pytest.raises(NotSentError, match="certificate") as refusal:
                await http.send(Request(method="GET", path="/things", body=None))
            assert not canary.found_in(repr(refusal.value).encode())
            assert refusal.value.__cause__ is None
            assert refusal.value.__suppress_context__

    asyncio.run(main())
    assert not b"".join(seen)
