"""Pipes and standard input: read once, decided on as the bytes come."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.errors import SourceError, UsageError
from headrace.intake.source import open_source


@contextmanager
def piped(folder: Path, data: bytes) -> Iterator[Path]:
    """Give the path of a named pipe into which a thread writes `data`."""
    path = folder / "rows.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=_write, args=(path, data), daemon=True)
    writer.start()
    yield path
    writer.join(timeout=10)
    path.unlink()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 30_000):
            file.write(data[start : start + 30_000])


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """It may block, has no fingerprint and no end that is known, and a second reading is refused."""
    with piped(tmp_path, b"id,name\n" + b"1,a\n" * 50_000) as path:
        source = open_source(path)
        assert (source.is_replayable, source.may_block) == (False, True)
        assert (source.fingerprint(), source.fraction()) == (None, None)
        assert sum(len(chunk.rows) for chunk in source.chunks()) == 50_000
        with pytest.raises(SourceError, match="only once"):
            next(iter(source.chunks()))


def test_cp1252_is_taken_up_when_it_shows(tmp_path: Path) -> None:
    """As long as all before was ASCII, nothing was read wrongly."""
    data = b"id,name\n" + b"1,a\n" * 50_000 + "2,Zoë\n3,Ä€\n".encode("cp1252")
    with piped(tmp_path, data) as path:
        rows = [row for chunk in open_source(path).chunks() for row in chunk.rows]
    assert rows[-2:] == [["2", "Zoë"], ["3", "Ä€"]]


@pytest.mark.parametrize("between", [0, 50_000])
def test_a_mixture_in_a_pipe_is_refused_with_its_line(tmp_path: Path, between: int) -> None:
    """What was read as UTF-8 cannot be taken back, however far up; the rows before the place come first."""
    data = "id,name\n1,Zoë\n".encode() + b"2,b\n" * between + b"3,Ren\xe9\n"
    found: list[list[str]] = []
    with piped(tmp_path, data) as path:
        source = open_source(path)
        with pytest.raises(SourceError, match="mixes") as caught:
            found.extend(row for chunk in source.chunks() for row in chunk.rows)
    assert (len(found), found[0], caught.value.line) == (between + 1, ["1", "Zoë"], between + 3)


def test_an_open_quote_in_a_pipe_is_named_by_its_row(tmp_path: Path) -> None:
    """The text cannot be looked at again, so the row's first line has to do."""
    with piped(tmp_path, b'id,name,note\n1,"a\nb","open\n2,c\n') as path:
        source = open_source(path)
        with pytest.raises(SourceError, match="never closed") as caught:
            list(source.chunks())
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("form", "data"), [("csv", b"id,name\n1,\xc3\xa4\n"), ("jsonl", b'{"id": "1", "name": "\xc3\xa4"}\n')]
)
def test_standard_input_is_a_source(form: str, data: bytes) -> None:
    """Named `-`; its format must be said, and the host's own standard input stays open."""
    program = (
        "import sys; from headrace.intake.source import open_source\n"
        f"source = open_source('-', format='{form}')\n"
        "print(source.name, [chunk.rows for chunk in source.chunks()], sys.stdin.closed)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True, env=environment)
    assert done.stdout.decode().strip() == "standard input [[['1', 'ä']]] False"


def test_standard_input_needs_a_format() -> None:
    """There is no suffix to tell it; and a format may say that it is packed."""
    with pytest.raises(SourceError, match="does not tell") as caught:
        open_source("-")
    assert "csv" in (caught.value.hint or "")
    assert open_source("-", format="csv.gz").may_block
    with pytest.raises(UsageError, match="no format"):
        open_source("-", format="csv.zip")
