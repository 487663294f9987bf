"""CSV sources: whatever was written is read back, in place, or refused with its place."""

import bz2
import csv
import gzip
import io
import lzma
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from headrace.errors import SourceError, UsageError
from headrace.intake.source import Source, compression, open_source
from headrace.intake.source.encoding import texts
from headrace.intake.source.lines import Lines
from headrace.ledger.cells import render
from headrace.model import Chunk, Fault

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

CELL = st.text(
    st.one_of(st.sampled_from(",;\t|\"\n\r 'äöß€é"), st.characters(codec="cp1252", exclude_characters="\0")), max_size=8
)
"""Cells that every encoding under test can hold, with much of what makes CSV hard."""


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Draw a header and rows that are as wide as it, none of them blank."""
    names = draw(st.lists(st.text("abcdefgxyz", min_size=1, max_size=5), min_size=2, max_size=5, unique=True))
    row = st.lists(CELL, min_size=len(names), max_size=len(names)).filter(any)
    return names, draw(st.lists(row, max_size=12))


def opened(folder: Path, data: bytes, name: str = "rows.csv", **options: str) -> Source:
    path = folder / name
    path.write_bytes(data)
    return open_source(path, name=name, **options)


def read(source: Source) -> list[Chunk]:
    return list(source.chunks())


def rows_of(chunks: list[Chunk]) -> list[list[str]]:
    return [row for chunk in chunks for row in chunk.rows]


def faults_of(chunks: list[Chunk]) -> dict[int, tuple[Fault, ...]]:
    return {chunk.lines[place]: faults for chunk in chunks for place, faults in chunk.broken.items()}


def written(names: list[str], rows: list[list[str]], **dialect: object) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([names, *rows])
    return out.getvalue()


def refused(source: Source) -> SourceError:
    with pytest.raises(SourceError) as caught:
        for _ in source.chunks():
            pass
    return caught.value


@FAST
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    style=st.sampled_from(
        # Python's writer leaves a lone carriage return bare unless it is part of its own line end.
        [(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\r")]
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
)
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path: Path,
    table: tuple[list[str], list[list[str]]],
    delimiter: str,
    style: tuple[int, str],
    encoding: str,
) -> None:
    """Any cells in any dialect and encoding come back equal, when encoding and delimiter are said."""
    names, rows = table
    text = written(names, rows, delimiter=delimiter, quoting=style[0], lineterminator=style[1])
    source = opened(tmp_path, text.encode(encoding), encoding=encoding, delimiter=delimiter)
    chunks = read(source)
    assert rows_of(chunks) == rows
    assert not faults_of(chunks)
    assert all(chunk.columns == tuple(names) for chunk in chunks)


@FAST
@given(table=tables(), newline=st.sampled_from(["\n", "\r\n", "\r"]))
@example(table=(["a", "b"], [["x\r", "\ny"], ["1", "2"]]), newline="\n")
def test_every_row_has_the_line_it_starts_on(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], newline: str
) -> None:
    """Lines are exact whatever line ends there are in cells, and blank lines between rows are counted."""
    names, rows = table
    line, expected, out = 2, [], written(names, [], lineterminator=newline)
    for place, row in enumerate(rows):
        if place % 3 == 2:
            out += newline
            line += 1
        text = written(row, [], lineterminator=newline, quoting=csv.QUOTE_ALL)
        expected.append(line)
        line += len(io.StringIO(text, newline="").readlines())
        out += text
    chunks = read(opened(tmp_path, out.encode(), delimiter=","))
    assert [line for chunk in chunks for line in chunk.lines] == expected
    assert rows_of(chunks) == rows


@FAST
@given(
    rows=st.lists(st.lists(st.text("abcä 1", min_size=1, max_size=6), min_size=4, max_size=4), min_size=1, max_size=9),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_delimiter_and_encoding_are_found_out(
    tmp_path: Path, rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    """Without being told, the reader finds the delimiter in the header and the encoding in the bytes."""
    text = written(["a", "bb", "c c", "d"], rows, delimiter=delimiter)
    assert rows_of(read(opened(tmp_path, text.encode(encoding)))) == rows


@FAST
@given(text=st.text(st.sampled_from("ab\r\n\n\r"), max_size=60), size=st.integers(1, 9))
def test_lines_do_not_depend_on_how_the_text_is_cut(text: str, size: int) -> None:
    r"""Whole lines come out of blocks of any size, a `\\r\\n` that is cut in two included."""
    blocks = (text[at : at + size] for at in range(0, len(text), size))
    fed = [line for block in Lines(blocks) for line in block]
    assert fed == io.StringIO(text, newline="").readlines()


@FAST
@given(text=st.text(st.characters(codec="utf-8"), max_size=40), size=st.integers(1, 7))
def test_text_does_not_depend_on_how_the_bytes_are_cut(text: str, size: int) -> None:
    """A letter that is cut in two comes out whole, with and without a look ahead."""
    assume(not text.startswith("\ufeff"))
    data = ("x" * 8 + text).encode()
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    for scan in (None, lambda: iter(blocks)):
        assert "".join(texts(iter(blocks), encoding=None, scan=scan)) == "x" * 8 + text


def test_a_late_byte_that_is_not_utf8_makes_the_whole_file_cp1252(tmp_path: Path) -> None:
    """The only accent may stand at the end of a big file."""
    rows = "".join(f"{place},plain\n" for place in range(50_000))
    chunks = read(opened(tmp_path, f"id,name\n{rows}1,Zoë\n".encode("cp1252")))
    assert chunks[-1].rows[-1] == ["1", "Zoë"]


def test_a_mixture_of_encodings_is_refused_with_its_line(tmp_path: Path) -> None:
    """Neither reading would be right, so none is chosen."""
    data = "id,name\n1,Zoë\n2,Jürgen\n".encode() + b"3,Ren\xe9\n"
    error = refused(opened(tmp_path, data))
    assert (error.line, "mixes" in error.message) == (4, True)
    assert "cp1252" in (error.hint or "")


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_files_are_read(tmp_path: Path, suffix: str, pack: object) -> None:
    """A packed file holds what it was packed from, also when it was packed in two pieces."""
    rows = [[str(place), f"name {place}"] for place in range(5_000)]
    text = written(["id", "name"], rows).encode()
    data = pack(text[:3_000]) + pack(text[3_000:])
    assert rows_of(read(opened(tmp_path, data, f"rows.csv{suffix}"))) == rows


def test_rows_before_a_truncation_are_delivered(tmp_path: Path) -> None:
    """A gzip file that breaks off gives the rows up to there, then the error with the line."""
    shuffled = random.Random(1)
    rows = [[str(place), str(shuffled.random())] for place in range(20_000)]
    data = gzip.compress(written(["id", "name"], rows).encode())
    source, found = opened(tmp_path, data[: len(data) // 2], "rows.csv.gz"), []
    with pytest.raises(SourceError) as caught:
        found.extend(row for chunk in source.chunks() for row in chunk.rows)
    assert 5_000 < len(found) < 20_000
    assert found == rows[: len(found)]
    assert caught.value.line == len(found) + 2
    assert "truncated" in (caught.value.hint or "")


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than 200 times its size, beyond what is free, is not read on; memory stays flat."""
    monkeypatch.setattr(compression, "FREE", 16 << 20)
    data = gzip.compress(b"id,name\n" + (b"1," + b"x" * 10_000 + b"\n") * 2_500, 9)
    tracemalloc.start()
    try:
        error = refused(opened(tmp_path, data, "rows.csv.gz"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "bomb" in error.message
    assert peak < 8 << 20


def test_faults_of_form_are_broken_rows_and_the_others_go_on(tmp_path: Path) -> None:
    """Too many cells, too few, a stray quote and a NUL spoil their own row only."""
    data = b'id,name\n1,a,b\n2\n3,"x"y\n4,\0\n5,fine\n6,fine,,\n'
    chunks = read(opened(tmp_path, data))
    codes = {line: [fault.code for fault in faults] for line, faults in faults_of(chunks).items()}
    assert codes == {2: ["extra_cells"], 3: ["missing_cells"], 4: ["stray_quote"], 5: ["nul"]}
    assert rows_of(chunks)[-2:] == [["5", "fine"], ["6", "fine"]]
    assert [offset for chunk in chunks for offset in range(chunk.offset, chunk.offset + len(chunk.rows))] == [*range(6)]


def test_an_open_quote_is_named_by_the_line_it_opens_on(tmp_path: Path) -> None:
    """Not the end of the file, and not the row's first line, but the line of the quote; rows before it come first."""
    data = b'id,name,note\n1,a,b\n2,"two\nlines","open\n' + b"3,c,d\n" * 200_000
    source, found = opened(tmp_path, data), []
    with pytest.raises(SourceError) as caught:
        found.extend(row for chunk in source.chunks() for row in chunk.rows)
    assert (caught.value.line, found) == (4, [["1", "a", "b"]])


def test_a_row_that_swallows_others_says_which(tmp_path: Path) -> None:
    """A quote that is closed by the next one far below is a broken row that names the lines it took."""
    chunks = read(opened(tmp_path, b'id,name\n1,"open\n2,b\n3,"c"\n4,d\n'))
    (fault,) = faults_of(chunks)[2]
    assert (fault.code, "lines 3 to 4" in fault.error) == ("stray_quote", True)
    assert rows_of(chunks)[-1] == ["4", "d"]


def test_memory_is_bounded_by_a_giant_cell(tmp_path: Path) -> None:
    """A cell of 64 MiB is refused after about one."""
    path = tmp_path / "rows.csv"
    with path.open("wb") as file:
        file.write(b'id,name\n1,"')
        for _ in range(1_024):
            file.write(b"some words in here\n" * 3_449)
    tracemalloc.start()
    try:
        error = refused(open_source(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (error.line, "longer than 1 MiB" in error.message) == (2, True)
    assert peak < 24 << 20
    path.unlink()  # nobody need search 64 MiB for tokens


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Ten times the rows take the same memory."""

    def peak(count: int) -> int:
        path = tmp_path / f"{count}.csv"
        path.write_text("id,name,note\n" + "".join(f"{n},name {n},some words\n" for n in range(count)))
        tracemalloc.start()
        try:
            assert sum(len(chunk.rows) for chunk in open_source(path).chunks()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(50_000) < peak(5_000) * 1.3 + 100_000


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", None, "is empty"),
        (b"\n\n\n", 4, "no header"),
        (b"a,b,a\n", 1, "'a' more than once"),
        (b"a,,b\n1,2,3\n", 1, "no name for column 2"),
        (b"a;b,c\n1;2,3\n", None, "comma or semicolon"),
        (b"PK\x03\x04rest", None, "ZIP archive or an Excel"),
        (b"\x1f\x8brest", None, "gzip"),
        ("a,b\n1,ä\n".encode("utf-16-le"), 1, "NUL"),
        (b"a," + b",".join(b"c%d" % n for n in range(5_000)) + b"\n", 1, "more than 4,096 columns"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, data: bytes, line: int | None, says: str) -> None:
    """One clear error with the place and a remedy, never a traceback of csv."""
    error = refused(opened(tmp_path, data))
    assert (error.line, error.file) == (line, "rows.csv")
    assert says in error.message
    if "column" not in says:
        assert error.hint


def test_header_quirks_of_spreadsheets_are_tolerated(tmp_path: Path) -> None:
    """Nameless empty columns at the end, blanks around names, rows of delimiters only, and Excel's `sep=`."""
    chunks = read(opened(tmp_path, b"sep=;\r\n id ; name ;;\r\n1;a,b;;\r\n;;;\r\n2;c;;\r\n"))
    assert chunks[0].columns == ("id", "name")
    assert rows_of(chunks) == [["1", "a,b"], ["2", "c"]]
    assert [*chunks[0].lines] == [3, 5]


def test_a_header_alone_is_a_source_without_rows(tmp_path: Path) -> None:
    """Whether that is an error is for the caller to say."""
    assert read(opened(tmp_path, b"id,name\n")) == []


HARMLESS = st.text(st.sampled_from("'=+-@\t\rab1,;\"\n"), max_size=6)


@FAST
@given(rows=st.lists(st.lists(HARMLESS, min_size=2, max_size=2).filter(any), min_size=1, max_size=8))
def test_our_own_reject_files_are_read_back(tmp_path: Path, rows: list[list[str]]) -> None:
    """The five columns at the end and one `'` before what a spreadsheet could run are taken away again."""
    names = ["id", "=name", "line", "field", "code", "error", "hint"]
    tail = ["17", "date", "not_a_date", "not a date", ""]
    data = b"".join(render([names, *([*row, *tail] for row in rows)]))
    chunks = read(opened(tmp_path, data, delimiter=","))
    assert chunks[0].columns == ("id", "=name")
    assert rows_of(chunks) == rows


def test_a_source_can_be_read_again_and_tells_how_far_it_is(tmp_path: Path) -> None:
    """A regular file starts afresh at every call, also after a pass that was given up; the fraction ends at one."""
    data = written(["id", "name"], [[str(n), "x" * 50] for n in range(20_000)]).encode()
    source = opened(tmp_path, data)
    first = next(iter(source.chunks()))
    middle = source.fraction()
    assert middle is not None
    assert 0 < middle < 0.5
    whole = read(source)
    assert (whole[0].rows, source.fraction()) == (first.rows, 1.0)
    assert source.is_replayable
    assert not source.may_block
    assert source.fingerprint() == opened(tmp_path, data, "copy.csv").fingerprint()
    assert source.fingerprint() != opened(tmp_path, data + b"1,2\n", "more.csv").fingerprint()
    source.close()


def test_what_is_appended_while_reading_is_for_the_next_run(tmp_path: Path) -> None:
    """A file is read as long as it was when it was opened."""
    source = opened(tmp_path, b"id,name\n1,a\n")
    with (tmp_path / "rows.csv").open("ab") as file:
        file.write(b"2,b\n")
    assert rows_of(read(source)) == [["1", "a"]]


def test_missing_files_and_wrong_options_have_a_remedy(tmp_path: Path) -> None:
    """A misspelt name suggests the right one; an option that means nothing is refused."""
    opened(tmp_path, b"id,name\n", "hours.csv")
    with pytest.raises(SourceError) as missing:
        open_source(tmp_path / "huors.csv")
    assert "hours.csv" in (missing.value.hint or "")
    with pytest.raises(SourceError, match="directory"):
        open_source(tmp_path, format="csv")
    for options in ({"path": "data"}, {"delimiter": "ab"}, {"encoding": "utf-77"}, {"format": "cvs"}):
        with pytest.raises(UsageError) as wrong:
            open_source(tmp_path / "hours.csv", **options)
        assert wrong.value.hint
    with pytest.raises(SourceError, match="does not tell") as unread:
        open_source(tmp_path / "hours.xlsx")
    assert "CSV" in (unread.value.hint or "")
