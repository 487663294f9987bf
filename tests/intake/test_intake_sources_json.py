"""JSON sources: streamed as they are, they hold what `json.loads` says, and every broken row is named."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct

from headrace.errors import SourceError
from headrace.intake.source import Items, Source, open_source
from headrace.intake.source.json_array import chunked, elements, enter
from headrace.intake.source.json_lines import JsonLinesReading
from headrace.intake.source.tape import Tape
from headrace.model import Chunk

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.one_of(st.sampled_from('{}[],:"\\\n ab'), st.characters(codec="utf-8")), max_size=6)
VALUE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(TEXT, VALUE, max_size=4), max_size=12)
INDENT = st.sampled_from([None, 0, 2])
BLOCK = st.sampled_from([1, 2, 3, 7, 64, 4_096])


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def as_dicts(chunks: list[Chunk]) -> list[dict[str, Any]]:
    return [
        {name: cell for name, cell in zip(chunk.columns, row, strict=True) if cell is not UNSET}
        for chunk in chunks
        for row in chunk.rows
    ]


def faults_of(chunks: list[Chunk]) -> dict[int, str]:
    return {chunk.lines[place]: faults[0].code for chunk in chunks for place, faults in chunk.broken.items()}


def streamed(text: str, size: int, path: tuple[str, ...] = ()) -> list[Chunk]:
    tape = Tape(cut(text.encode(), size))
    enter(tape, path)
    return list(chunked(elements(tape)))


def opened(folder: Path, data: bytes, name: str, **options: str) -> Source:
    (folder / name).write_bytes(data)
    return open_source(folder / name, name=name, **options)


@FAST
@given(rows=ROWS, indent=INDENT, size=BLOCK)
@example(rows=[{"": {"": [{}, {}]}}, {}, {"}": "},{"}], indent=2, size=4_096)
def test_an_array_is_what_it_is_as_a_whole(rows: list[dict[str, Any]], indent: int | None, size: int) -> None:
    """Cut into blocks of any size, with any blanks, nesting and brackets in strings, an array gives its elements."""
    chunks = streamed(json.dumps(rows, indent=indent, ensure_ascii=False), size)
    assert as_dicts(chunks) == rows
    assert not faults_of(chunks)


@FAST
@given(rows=ROWS, before=VALUE, size=BLOCK, indent=INDENT)
def test_an_array_is_found_under_its_path(
    rows: list[dict[str, Any]], before: Any, size: int, indent: int | None
) -> None:
    """What stands before the array, whatever it is, is passed over; what stands behind does not matter."""
    document = {"meta": before, "data": {"other": before, "items": rows, "more": before}, "links": {}}
    assert as_dicts(streamed(json.dumps(document, indent=indent), size, ("data", "items"))) == rows


@FAST
@given(
    rows=st.lists(st.dictionaries(TEXT, VALUE, max_size=3), min_size=1, max_size=12),
    indent=st.sampled_from([0, 2]),
    size=BLOCK,
)
def test_every_element_has_its_line(rows: list[dict[str, Any]], indent: int, size: int) -> None:
    """The line of an element is the one its opening brace is on."""
    expected, line = [], 2
    for row in rows:
        expected.append(line)
        line += json.dumps(row, indent=indent).count("\n") + 1
    body = ",\n".join(json.dumps(row, indent=indent) for row in rows)
    assert [at for chunk in streamed(f"[\n{body}\n]", size) for at in chunk.lines] == expected


@FAST
@given(rows=ROWS, bad=st.sets(st.integers(0, 11)), size=BLOCK)
def test_a_broken_element_spoils_no_other(rows: list[dict[str, Any]], bad: set[int], size: int) -> None:
    """NaN inside an element makes a broken row of it, whatever blocks it was read in."""
    texts = [json.dumps(row) for row in rows]
    texts = ['{"a": NaN}' if place in bad else text for place, text in enumerate(texts)]
    chunks = streamed("[" + ",\n".join(texts) + "]", size)
    assert set(faults_of(chunks)) == {place + 1 for place in bad if place < len(rows)}
    assert as_dicts(chunks) == [{} if place in bad else row for place, row in enumerate(rows)]


@FAST
@given(rows=ROWS, size=BLOCK, gaps=st.sets(st.integers(0, 11)), newline=st.sampled_from(["\n", "\r\n"]))
def test_json_lines_are_what_each_line_is(rows: list[dict[str, Any]], size: int, gaps: set[int], newline: str) -> None:
    """Lines come out whole of blocks of any size; blank ones are passed over but counted."""
    text, lines, line = "", [], 1
    for place, row in enumerate(rows):
        if place in gaps:
            text, line = text + newline, line + 1
        text += json.dumps(row) + newline
        lines.append(line)
        line += 1
    chunks = list(JsonLinesReading().chunks(cut(text.encode(), size)))
    assert as_dicts(chunks) == rows
    assert [at for chunk in chunks for at in chunk.lines] == lines


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.json", "rows.json.gz", "rows.jsonl.gz"])
def test_whole_files_are_read(tmp_path: Path, name: str) -> None:
    """An array, JSON Lines, JSON Lines called .json, and each of them packed; with columns that come up late."""
    rows = [{"id": n, "name": f"näme {n}"} | ({"late": True} if n > 500 else {}) for n in range(2_000)]
    text = json.dumps(rows) if name == "rows.json.gz" else "\n".join(map(json.dumps, rows))
    data = gzip.compress(text.encode()) if name.endswith("gz") else text.encode()
    source = opened(tmp_path, data, name)
    chunks = list(source.chunks())
    assert as_dicts(chunks) == rows
    assert (chunks[0].columns, chunks[-1].columns) == (("id", "name"), ("id", "name", "late"))
    assert max(len(chunk.rows) for chunk in chunks) == 100
    assert [chunk.offset for chunk in chunks] == [
        sum(len(before.rows) for before in chunks[:place]) for place in range(len(chunks))
    ]
    assert source.fraction() == 1.0
    assert as_dicts(list(source.chunks())) == rows


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_a_byte_order_mark_is_understood(tmp_path: Path, name: str, encoding: str) -> None:
    """JSON is UTF-8, but not every program knows."""
    text = '[{"a": "ö"}]' if name == "rows.json" else '{"a": "ö"}\n'
    assert as_dicts(list(opened(tmp_path, text.encode(encoding), name).chunks())) == [{"a": "ö"}]


DEEP = b'{"a":' * 2_000 + b"1" + b"}" * 2_000
BROKEN = {
    b'{"a": NaN}': "bad_json",
    b'{"a": "\\ud800"}': "bad_json",
    b'{"a": "\xff"}': "bad_json",
    b'{"a": 1e999}': "bad_json",
    b'{"a": ' + b"9" * 5_000 + b"}": "bad_json",
    b'{"a": 1, "b": {"c": 1, "c": 2}}': "double_key",
    b'{"a": 1, "\\u0061": 2}': "double_key",
    b"[1, 2]": "not_an_object",
    b"7": "not_an_object",
    b'{"a": ' + b"[" * 101 + b"]" * 101 + b"}": "bad_json",
    DEEP: "bad_json",
}


@pytest.mark.parametrize("array", [False, True])
def test_every_kind_of_broken_row_is_named(tmp_path: Path, array: bool) -> None:
    """Each by its line and code, between rows that are fine, the same in JSON Lines and in an array."""
    texts = [b'{"a": "1:30"}', *BROKEN, b'{"a": {"b": ":"}}']
    data = b"[" + b",\n".join(texts) + b"]" if array else b"\n".join(texts)
    chunks = list(opened(tmp_path, data, "rows.json" if array else "rows.jsonl").chunks())
    assert list(faults_of(chunks).items()) == [(line, code) for line, code in enumerate(BROKEN.values(), start=2)]
    assert as_dicts(chunks)[0] == {"a": "1:30"}
    assert as_dicts(chunks)[-1] == {"a": {"b": ":"}}


@pytest.mark.parametrize(
    ("data", "rows", "line", "says"),
    [
        (b'[{"a": 1},\n{"a": 2}', 2, 2, "found the end of the file"),
        (b'[{"a": 1},\n{"a": "x', 1, 2, "ends in the middle"),
        (b'[{"a": 1},]', 1, 1, "expected a value"),
        (b'[{"a": 1} {"a": 2}]', 1, 1, "expected ','"),
        (b'[{"a": 1}]\n[]', 1, 2, "expected the end"),
        (b"", 0, None, "is empty"),
        (b'{"data": [{"a": 1}]}', 0, None, "under 'data'"),
        (b'{\n "meta": {},\n "items": [{"a": 1}]\n}', 0, None, "under 'items'"),
        (b"42", 0, 1, "expected '['"),
    ],
)
def test_a_document_that_breaks_off_gives_its_rows_first(
    tmp_path: Path, data: bytes, rows: int, line: int | None, says: str
) -> None:
    """Then the error, with the line and what was expected."""
    found: list[Chunk] = []
    with pytest.raises(SourceError) as caught:
        found.extend(opened(tmp_path, data, "rows.json").chunks())
    assert (sum(len(chunk.rows) for chunk in found), caught.value.line) == (rows, line)
    assert says in caught.value.message
    assert caught.value.hint


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """With the part of it that is missing."""
    for path, says in (("data.rows", "nothing under 'data.rows'"), ("data", "no array under 'data'")):
        with pytest.raises(SourceError, match=says):
            list(opened(tmp_path, b'{"data": {"items": []}}', "rows.json", path=path).chunks())


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_memory_is_bounded_by_a_giant_row(tmp_path: Path, name: str) -> None:
    """A row of 80 MiB is refused after 16."""
    with (tmp_path / name).open("wb") as file:
        file.write(b'[{"a": "' if name == "rows.json" else b'{"a": "')
        for _ in range(80):
            file.write(b"x" * (1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="longer than 16 MiB"):
            list(open_source(tmp_path / name).chunks())
        assert tracemalloc.get_traced_memory()[1] < 48 << 20
    finally:
        tracemalloc.stop()
    (tmp_path / name).unlink()  # nobody need search 80 MiB for tokens


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    """Ten times the rows take the same memory, nested ones as well."""

    def peak(count: int) -> int:
        rows = [json.dumps({"id": n, "name": f"name {n}", "more": {"a": [{"b": n}]}}) for n in range(count)]
        (tmp_path / name).write_text("[" + ",".join(rows) + "]" if name == "rows.json" else "\n".join(rows))
        del rows
        tracemalloc.start()
        try:
            assert sum(len(chunk.rows) for chunk in open_source(tmp_path / name).chunks()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(10_000) < peak(2_000) * 1.3 + 100_000


# --- items from the library


class Entry(Struct):
    id: int
    note: str = ""


def test_items_are_rows_too() -> None:
    """Mappings and Structs, with columns that grow and places that go on from call to call."""
    items = Items()
    first = items.chunk([{"id": 1}, Entry(2, "two")])
    second = items.chunk([{"extra": True, "id": 3}])
    assert (first.columns, first.rows) == (("id", "note"), [[1, UNSET], [2, "two"]])
    assert (second.columns, second.offset, list(second.lines)) == (("id", "note", "extra"), 2, [3])
    assert second.rows == [[3, UNSET, True]]


def test_items_that_are_no_rows_are_broken_rows() -> None:
    """Wrong types, keys that are no text, and half a surrogate pair spoil their own row only."""
    chunk = Items().chunk([{"id": 1}, 7, {1: 2}, {"id": "\ud800"}, {"id": "ö"}])
    assert {place: faults[0].code for place, faults in chunk.broken.items()} == {
        1: "not_an_object",
        2: "not_an_object",
        3: "bad_text",
    }
    assert len(chunk.rows) == 5


def test_an_iterable_is_read_once_and_lazily() -> None:
    """A hundred items are taken for a chunk, no more; a second reading is refused."""
    taken = []
    source = open_source({"id": taken.append(n) or n} for n in range(250))
    assert len(next(iter(source.chunks())).rows) == 100
    assert len(taken) == 100
    assert (source.is_replayable, source.fingerprint(), source.fraction()) == (False, None, None)
    with pytest.raises(SourceError, match="only once"):
        next(iter(source.chunks()))
