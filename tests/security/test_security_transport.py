"""What would take the token elsewhere: netrc, proxies, cookies, and serialising it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

import canary
from headrace.dispatch.http import open_http
from headrace.model import Request, Response, Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Provider
from headrace.providers import PROVIDERS
from headrace.session import auth_headers, open_sender

TOKEN = canary.CANARIES[-1]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: session=theirs; Path=/\r\n\r\n{}"


@asynccontextmanager
async def server(answer: bytes, heads: list[bytes]) -> AsyncIterator[str]:
    """Give the base URL of a server that gives one answer to everything, and keeps what it was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def ask(answer: bytes, times: int = 1) -> tuple[list[bytes], list[Response]]:
    """Return the heads that a server saw, and what was made of its answers."""
    heads: list[bytes] = []
    answers: list[Response] = []

    async def main() -> None:
        async with (
            server(answer, heads) as base,
            open_http(base, {"X-Auth-Token": TOKEN}, connections=1, time_limit=5) as sender,
        ):
            request = Request(method="GET", path="/things", body=None)
            answers.extend([await sender.send(request) for _ in range(times)])

    anyio.run(main)
    return heads, answers


def test_netrc_proxies_and_cookies_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ~/.netrc nor a proxy of the environment is used, and no cookie is ever sent back."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login netrc-login password netrc-password\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    heads, answers = ask(OK, times=2)
    assert [answer.status for answer in answers] == [200, 200]
    for head in map(bytes.lower, heads):
        assert b"authorization:" not in head
        assert b"cookie:" not in head
        assert head.startswith(b"get /things ")


@pytest.mark.parametrize("provider", [one for one in PROVIDERS.values() if one.auth.headers])
def test_a_refusal_that_repeats_the_token_is_told_without_it(provider: Provider) -> None:
    """Of an answer that is no success the token is taken out, whatever is around it; a success stays as it is."""
    echo = b'{"errors": [{"detail": "the token %s is not valid"}]}' % TOKEN.encode()

    class Echo:
        status = 422

        async def send(self, request: Request) -> Response:
            del request
            return Response(status=self.status, headers={}, body=echo)

    async def main(status: int) -> bytes:
        inner = Echo()
        inner.status = status
        headers = auth_headers(provider, Secret(TOKEN), "948")
        outside = Outside(sender=lambda _: inner)
        async with open_sender(provider, "http://127.0.0.1", headers, settings=Settings(), outside=outside) as sender:
            return (await sender.send(Request(method="GET", path="/things", body=None))).body

    assert anyio.run(main, 200) == echo
    for status in (301, 401, 422, 500):
        told = anyio.run(main, status)
        assert not canary.found_in(told)
        assert b"is not valid" in told


def test_a_secret_shows_itself_to_nobody() -> None:
    """Its repr, str and format hide it, in containers too; it cannot be serialised or formatted by accident."""
    import copy
    import json
    import pickle

    import msgspec

    secret = Secret(TOKEN)
    shown = f"{secret} {secret!r} {[secret]} {{secret}} %s" % (secret,)
    assert not canary.found_in(shown.encode())
    for serialise in (pickle.dumps, json.dumps, msgspec.json.encode, copy.deepcopy):
        with pytest.raises(TypeError):
            serialise(secret)
    assert secret.reveal() == TOKEN
