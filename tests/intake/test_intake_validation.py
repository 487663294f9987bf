"""Validation and references: every fault of every row at once, and no good row lost to a bad one."""

import datetime as dt
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.intake import Ambiguous, Found, Intake, KeyTable, Missing, NameTable, key_of
from headrace.intake.source import Items
from headrace.model import Chunk, Fault, Invalid, Row, Sifted
from headrace.provider import NoGuarantee, Resource, reference
from headrace.providers.productive.resources.time_entries import TIME_ENTRIES

FAST = settings(max_examples=80, deadline=None)


class Shift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    day: dt.date
    person_id: reference("people")
    minutes: Annotated[int, Meta(gt=0, le=1440)]
    kind: Literal["work", "leave"]
    until: dt.date | UnsetType = UNSET
    others: list[int] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.until is not UNSET and self.until < self.day:
            raise ValueError("until: before the day")
        if self.kind == "leave" and self.until is UNSET:
            raise ValueError("until: required for leave")


SHIFTS = Resource(name="shifts", struct=Shift, guarantee=NoGuarantee(), doc="")
COLUMNS = ("day", "person_id", "minutes", "kind", "until")
GOOD = {"day": "2026-01-02", "person_id": "7", "minutes": "60", "kind": "work", "until": ""}
BAD = {
    "day": ("2.1.2026", "not_a_date"),
    "person_id": ("Jane", "not_an_integer"),
    "minutes": ("2000", "out_of_range"),
    "kind": ("party", "unknown_value"),
    "until": ("x", "not_a_date"),
}


def chunk_of(rows: list[dict[str, str]]) -> Chunk:
    return Chunk(COLUMNS, 0, range(2, 2 + len(rows)), [[row[name] for name in COLUMNS] for row in rows])


def codes(sifted: Sifted) -> dict[int, dict[str | None, str]]:
    return {
        bad.row.line: {fault.field: fault.code for fault in bad.outcome.errors}
        for bad in sifted.invalid
        if isinstance(bad.outcome, Invalid)
    }


def only_fault(sifted: Sifted) -> Fault:
    ((fault,),) = [bad.outcome.errors for bad in sifted.invalid if isinstance(bad.outcome, Invalid)]
    return fault


@FAST
@given(st.lists(st.tuples(st.sets(st.sampled_from(sorted(BAD))), st.sets(st.sampled_from(COLUMNS[:4]))), max_size=12))
def test_every_fault_of_every_row_is_found(plan: list[tuple[set[str], set[str]]]) -> None:
    """As many faults are named as were put in, wrong values and blanks alike; the other rows are records."""
    rows, expected = [], {}
    for line, (wrong, blank) in enumerate(plan, start=2):
        rows.append(GOOD | {name: BAD[name][0] for name in wrong} | dict.fromkeys(blank, ""))
        faults = {name: BAD[name][1] for name in wrong - blank} | dict.fromkeys(blank, "missing")
        if faults:
            expected[line] = faults
    intake, chunk = Intake(SHIFTS, source="x"), chunk_of(rows)
    found = intake.sift(chunk, intake.rows(chunk))
    assert codes(found) == expected
    assert [record.row.line for record in found.records] == [n for n in range(2, 2 + len(rows)) if n not in expected]


@FAST
@given(bad=st.sets(st.integers(0, 19)))
def test_a_chunk_is_judged_as_its_rows_are(bad: set[int]) -> None:
    """The fast path over a chunk and the slow one over single rows give the same records and faults."""
    rows = [GOOD | ({"minutes": "x"} if n in bad else {"minutes": str(n + 1)}) for n in range(20)]
    intake, chunk = Intake(SHIFTS, source="x"), chunk_of(rows)
    all_rows = intake.rows(chunk)
    whole = intake.sift(chunk, all_rows)
    single = [intake.sift(chunk, [row]) for row in all_rows]
    assert whole.records == [record for one in single for record in one.records]
    assert whole.invalid == [bad for one in single for bad in one.invalid]


def test_a_row_is_judged_as_a_whole_when_its_fields_are_fine() -> None:
    """What the Struct itself refuses is a fault of the field it names."""
    intake = Intake(SHIFTS, source="x")
    chunk = chunk_of([GOOD | {"until": "2025-01-01"}, GOOD | {"kind": "leave"}, GOOD])
    found = intake.sift(chunk, intake.rows(chunk))
    assert codes(found) == {2: {"until": "invalid"}, 3: {"until": "missing"}}
    assert len(found.records) == 1


def test_a_fault_says_where_and_what() -> None:
    """Field, column, value cut to 200 characters, sentence and hint."""
    intake = Intake(SHIFTS, source="x", rules={"minutes": {"column": "Mins"}})
    chunk = Chunk(("day", "person_id", "Mins", "kind"), 0, [2], [["2026-01-02", "7", "y" * 999, "work"]])
    fault = only_fault(intake.sift(chunk, intake.rows(chunk)))
    assert (fault.field, fault.column, fault.code) == ("minutes", "Mins", "not_an_integer")
    assert (len(fault.value or ""), bool(fault.error), bool(fault.hint)) == (200, True, True)


def test_broken_rows_are_invalid_in_their_place() -> None:
    """With the source's own faults, in the order of the rows, and only those that are asked for."""
    chunk = chunk_of([GOOD, GOOD, GOOD | {"minutes": "x"}, GOOD])
    chunk = Chunk(chunk.columns, 10, chunk.lines, chunk.rows, {1: (Fault(code="extra_cells", error="!"),)})
    intake = Intake(SHIFTS, source="x")
    rows = intake.rows(chunk)
    assert [row.offset for row in rows] == [10, 11, 12, 13]
    found = intake.sift(chunk, rows)
    assert [bad.outcome.errors[0].code for bad in found.invalid] == ["extra_cells", "not_an_integer"]
    assert [record.row.offset for record in found.records] == [10, 13]
    assert not intake.sift(chunk, rows[2:]).invalid[1:]
    assert intake.sift(chunk, []) == Sifted([], [])


def test_a_first_chunk_of_broken_rows_only_does_not_end_the_load() -> None:
    """Nothing is known of the columns then, and nothing is needed."""
    items, intake = Items(), Intake(SHIFTS, source="x", has_open_columns=True)
    first, second = items.chunk([7, 8]), items.chunk([GOOD])
    assert len(intake.sift(first, intake.rows(first)).invalid) == 2
    assert len(intake.sift(second, intake.rows(second)).records) == 1


# --- references


PEOPLE = NameTable([("Jane Doe", 1), ("jane roe", 2), ("ACME", 3), ("Acme", 4), ("Twin", 5), ("Twin", 6), ("Twin", 6)])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Jane Doe", Found(1)),
        ("  JANE  doe ", Found(1)),
        ("ACME", Found(3)),
        ("Acme", Found(4)),
        ("acme", Ambiguous((3, 4))),
        ("Twin", Ambiguous((5, 6))),
        ("Jane Do", Missing(("Jane Doe", "jane roe"))),
        ("zzz", Missing()),
    ],
)
def test_names_are_found_and_doubts_are_told(text: str, answer: object) -> None:
    """Whatever the case and the blanks; where only the case differs, as written; several are never chosen between."""
    assert PEOPLE.find(text) == answer


@FAST
@given(st.lists(st.tuples(st.text(max_size=4), st.integers(1, 5)), max_size=12), st.text(max_size=4))
def test_a_name_table_never_makes_up_a_record(pairs: list[tuple[str, int]], text: str) -> None:
    """What is found is one of the records with that name, and only if there is no other."""
    same = {record for name, record in pairs if " ".join(name.split()).casefold() == " ".join(text.split()).casefold()}
    match NameTable(pairs).find(text):
        case Found(id=found):
            assert found in same
        case Ambiguous(ids=ids):
            assert len(ids) > 1
            assert set(ids) <= same
        case Missing():
            assert not same


RULES = {
    "person_id": {"column": "Who", "lookup": "people", "by": "name"},
    "others": {"column": "Team", "split": ",", "lookup": "people", "by": "name"},
    "minutes": {"column": "Parent", "from": "parents"},
}
"""`minutes` stands for any field that holds an id of an earlier load."""

REFERRING = Chunk(
    ("day", "kind", "Who", "Team", "Parent"),
    0,
    range(2, 7),
    [
        ["2026-01-02", "work", "Jane Doe", "jane roe, Jane Doe", "P-1"],
        ["2026-01-02", "work", "Jane Do", "", "P-1"],
        ["2026-01-02", "work", "Twin", "ACME,Nobody", "P-9"],
        ["", "work", "Jane Doe", "", "P-1"],
        ["2026-01-02", "work", "", "", "P-1"],
    ],
)


def test_references_become_ids_or_faults() -> None:
    """Names by lookup, lists of them, keys of an earlier load; each fault beside the row's others."""
    intake = Intake(SHIFTS, source="x", rules=RULES)
    rows = intake.rows(REFERRING)
    parents = KeyTable({key_of("P-1"): "30"})
    resolvers = {"person_id": PEOPLE, "others": PEOPLE, "minutes": parents}
    found = intake.sift(REFERRING, rows, resolvers)
    assert [record.value for record in found.records] == [
        Shift(day=dt.date(2026, 1, 2), person_id=1, minutes=30, kind="work", others=[2, 1])
    ]
    assert codes(found) == {
        3: {"person_id": "unknown_reference"},
        4: {"person_id": "ambiguous_reference", "others": "unknown_reference", "minutes": "unknown_reference"},
        5: {"day": "missing"},
        6: {"person_id": "missing"},
    }
    faults = {(bad.row.line, fault.field): fault for bad in found.invalid for fault in bad.outcome.errors}
    assert "did you mean 'Jane Doe'" in (faults[3, "person_id"].hint or "")
    assert "5, 6" in (faults[4, "person_id"].hint or "")
    assert "the load 'parents'" in faults[4, "minutes"].error
    assert faults[4, "minutes"].column == "Parent"


def test_what_a_chunk_refers_to_is_known_beforehand() -> None:
    """So that it can be looked up in one go, a chunk ahead."""
    intake = Intake(SHIFTS, source="x", rules=RULES)
    rows = intake.rows(REFERRING)
    assert intake.wanted(REFERRING, rows[:2]) == {
        "person_id": {"Jane Doe", "Jane Do"},
        "others": {"jane roe", "Jane Doe"},
        "minutes": {"P-1"},
    }
    assert [(found.field, found.kind, found.target, found.by) for found in intake.references] == [
        ("person_id", "lookup", "people", "name"),
        ("others", "lookup", "people", "name"),
        ("minutes", "from", "parents", None),
    ]


def test_a_constant_may_be_looked_up() -> None:
    """The same name for every row."""
    rules = {"person_id": {"value": "Jane Doe", "lookup": "people", "by": "name"}}
    intake = Intake(SHIFTS, source="x", rules=rules)
    chunk = Chunk(("day", "minutes", "kind"), 0, [2], [["2026-01-02", "5", "work"]])
    rows = intake.rows(chunk)
    assert intake.wanted(chunk, rows) == {"person_id": {"Jane Doe"}}
    (record,) = intake.sift(chunk, rows, {"person_id": PEOPLE}).records
    assert record.value.person_id == 1


def test_without_resolvers_references_are_taken_to_be_right() -> None:
    """For checking offline: everything else is judged."""
    intake = Intake(SHIFTS, source="x", rules=RULES)
    found = intake.sift(REFERRING, intake.rows(REFERRING))
    assert codes(found) == {5: {"day": "missing"}, 6: {"person_id": "missing"}}


def test_productive_time_entries_pass_through() -> None:
    """The real Struct with the real rules of the design's example."""
    rules = {
        "date": {"column": "Day", "format": "%d.%m.%Y"},
        "time": {"column": "Hours", "as": "minutes"},
        "person_id": {"column": "Who", "lookup": "people", "by": "email"},
        "service_id": {"column": "Service no"},
        "note": "Comment",
    }
    columns = ("Day", "Hours", "Who", "Service no", "Comment")
    good = ["3.2.2026", "1,5", "jane@acme.test", "12", "did <b>it</b>"]
    bad = ["31.2.2026", "25:00", "nobody", "x", ""]
    intake = Intake(TIME_ENTRIES, source="hours.csv", rules=rules)
    chunk = Chunk(columns, 0, [2, 3], [good, bad])
    found = intake.sift(chunk, intake.rows(chunk), {"person_id": NameTable([("jane@acme.test", "9")])})
    (record,) = found.records
    assert (record.value.date, record.value.time, record.value.person_id) == (dt.date(2026, 2, 3), 90, 9)
    assert isinstance(record.row, Row)
    assert codes(found) == {
        3: {
            "date": "not_a_date",
            "time": "out_of_range",
            "person_id": "unknown_reference",
            "service_id": "not_an_integer",
        }
    }


def test_values_of_the_library_pass_as_they_are() -> None:
    """Dates and numbers that are dates and numbers already."""
    items: list[dict[str, Any]] = [{"day": dt.date(2026, 1, 2), "person_id": 7, "minutes": 60.0, "kind": "work"}]
    intake = Intake(SHIFTS, source="x", has_open_columns=True)
    chunk = Items().chunk(items)
    (record,) = intake.sift(chunk, intake.rows(chunk)).records
    assert record.value == Shift(day=dt.date(2026, 1, 2), person_id=7, minutes=60, kind="work")
