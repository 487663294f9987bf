"""`Http`: one send is one physical request, and nothing foreign or secret comes out."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from headrace.dispatch import http
from headrace.dispatch.http import open_http
from headrace.errors import LostError, NotSentError
from headrace.model import Form, Request, Response, Secret
from headrace.sandbox.multipart import parts

TOKEN = "canary-7f3a"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"

Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A server on loopback that counts the requests it reads and answers each as the test says."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.heads: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"Content-Length: " in head:
                    await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                self.heads.append(head)
                await self._answer(len(self.heads), writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(answer: Answer) -> AsyncIterator[tuple[RawServer, str]]:
    raw = RawServer(answer)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    async with server:
        yield raw, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def reply(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def send(base: str, *requests: Request, time_limit: float = 5.0) -> list[Response | Exception]:
    answers: list[Response | Exception] = []
    async with open_http(base, {"X-Auth-Token": TOKEN}, connections=1, time_limit=time_limit) as sender:
        for request in requests:
            try:
                answers.append(await sender.send(request))
            except (LostError, NotSentError) as error:
                answers.append(error)
    return answers


def a_request(method: str = "GET") -> Request:
    body = b"{}" if method in {"POST", "PATCH", "PUT"} else None
    return Request(method=method, path="/things", body=body)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_a_dropped_connection_is_one_physical_request(method: str) -> None:
    """A kept-alive connection that dies under a request is reported as lost, never silently sent again."""

    async def answer(count: int, writer: asyncio.StreamWriter) -> None:
        if count == 1:
            await reply(writer, OK)
        else:
            writer.transport.abort()

    async def main() -> None:
        async with raw_server(answer) as (raw, base):
            first, second = await send(base, a_request(), a_request(method))
            assert isinstance(first, Response)
            assert isinstance(second, LostError)
            assert len(raw.heads) == 2

    anyio.run(main)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(status: int) -> None:
    """A redirect is not followed: it comes back as it is, and the token goes nowhere else."""

    async def answer(_count: int, writer: asyncio.StreamWriter) -> None:
        location = b"Location: http://127.0.0.1:1/elsewhere\r\n"
        await reply(writer, b"HTTP/1.1 %d Moved\r\n%sContent-Length: 0\r\n\r\n" % (status, location))

    async def main() -> None:
        async with raw_server(answer) as (raw, base):
            (response,) = await send(base, a_request("POST"))
            assert isinstance(response, Response)
            assert response.status == status
            assert len(raw.heads) == 1

    anyio.run(main)


def test_nothing_sent_is_told_apart_from_lost() -> None:
    """A refused connection proves that not a byte left."""

    async def main() -> None:
        async with raw_server(lambda _count, writer: reply(writer, OK)) as (_, base):
            pass
        (answer,) = await send(base, a_request("POST"))
        assert isinstance(answer, NotSentError)

    anyio.run(main)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
    ids=["short body", "bad chunk", "not HTTP", "nothing"],
)
def test_a_broken_answer_is_lost(data: bytes) -> None:
    """Whatever breaks after the first byte left is a `LostError` without the token, its cause cut off."""

    async def answer(_count: int, writer: asyncio.StreamWriter) -> None:
        await reply(writer, data)
        writer.close()

    async def main() -> None:
        async with raw_server(answer) as (_, base):
            (error,) = await send(base, a_request("POST"))
            assert isinstance(error, LostError)
            assert error.__cause__ is None
            assert error.__suppress_context__
            assert TOKEN not in repr(error) + str(error.args)

    anyio.run(main)


def test_a_long_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed answer that grows beyond the limit is given up at the limit, not after it is in memory."""
    monkeypatch.setattr(http, "MAX_BODY", 256 * 1024)
    bomb = gzip.compress(bytes(64 * 1024 * 1024))

    async def answer(_count: int, writer: asyncio.StreamWriter) -> None:
        await reply(
            writer, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
        )

    async def main() -> None:
        async with raw_server(answer) as (_, base):
            (error,) = await send(base, a_request())
            assert isinstance(error, LostError)
            assert "longer than" in str(error)

    anyio.run(main)


def test_the_token_is_in_every_request_and_the_query_is_encoded() -> None:
    """Credentials ride on the session; brackets and plus signs of a filter reach the server intact."""

    async def main() -> None:
        async with raw_server(lambda _count, writer: reply(writer, OK)) as (raw, base):
            request = Request(method="GET", path="/people", params=(("filter[email]", "a+b@c.de"),), is_read=True)
            await send(base, request)
            head = raw.heads[0].decode()
            assert f"X-Auth-Token: {TOKEN}" in head
            assert "%2B" in head.split("\r\n")[0]

    anyio.run(main)


def test_a_form_is_one_request_with_its_length_and_the_file_last(tmp_path: Path) -> None:
    """A multipart form says how long it is, as storages demand; its file is last, whole, and closed afterwards."""
    content = os.urandom(3_000_000)
    (tmp_path / "a.bin").write_bytes(content)
    heads: list[bytes] = []
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head)
        bodies.append(await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: https://x/y\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> Response:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/__storage"
            async with open_http(base, {}, connections=1, time_limit=5.0) as sender:
                fields = (("key", Secret("a/b")), ("Content-Type", Secret("image/png")))
                with (tmp_path / "a.bin").open("rb") as file:
                    form = Form(fields, file, "a.bin", "image/png")
                    return await sender.send(Request(method="POST", path="/", form=form))

    response = asyncio.run(main())
    assert (response.status, response.headers["location"]) == (201, "https://x/y")
    assert b"transfer-encoding" not in heads[0].lower()
    media_type = heads[0].split(b"Content-Type: ")[1].split(b"\r\n")[0].decode()
    assert [(part.name, part.content, part.filename) for part in parts(media_type, bodies[0])] == [
        ("key", b"a/b", None),
        ("Content-Type", b"image/png", None),
        ("File", content, "a.bin"),
    ]
