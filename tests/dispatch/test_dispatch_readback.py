"""Reading back: which records of a listing are which rows, and when nobody can say."""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Struct, field

from headrace.dispatch.parked import Parked, Quiet, Repeat
from headrace.dispatch.readback.marked import in_field, in_store, in_text
from headrace.dispatch.readback.matching import (
    ABSENT,
    ALWAYS,
    CONTESTED,
    Contested,
    Like,
    Likeness,
    Present,
    Unclear,
    conclude,
)
from headrace.dispatch.readback.natural import AT_ONCE, Natural, likeness, questions
from headrace.model import Record, Row
from headrace.provider import NaturalKey
from headrace.providers.productive.resources.time_entries import TIME_ENTRIES, TimeEntry

assert isinstance(TIME_ENTRIES.guarantee, NaturalKey)
FIELDS = TIME_ENTRIES.guarantee.fields
LIKE = likeness(TIME_ENTRIES, FIELDS)
SENT = 1_000_000.0


class Marker(Struct, frozen=True):
    """A record that carries a marker in a text and in a custom field."""

    here: str | None
    custom_fields: dict[str, str | None]


def entry(note: str | None, minutes: int = 30, **more: Any) -> TimeEntry:
    text = {} if note is None else {"note": note}
    return TimeEntry(date=dt.date(2026, 3, 2), time=minutes, person_id=1, service_id=9, **text, **more)


def parked(*values: Struct, since: float | None = SENT) -> list[Parked]:
    return [
        Parked(record=Record(Row(at, at + 2, b"", ()), value), intent=1, since=since, why="lost")
        for at, value in enumerate(values)
    ]


def item(number: int, value: TimeEntry, *, at: float = SENT + 1, note: str | None = None) -> dict[str, Any]:
    """Return a record as the provider lists it: ids as text, and the note as it has rewritten it."""
    made = dt.datetime.fromtimestamp(at, dt.UTC).isoformat()
    said = {"date": "2026-03-02", "time": value.time, "person_id": "1", "service_id": "9", "task_id": None}
    text = getattr(value, "note", None) or None
    return {"id": str(number), "created_at": made, "note": text if note is None else note, **said}


REWRITES = st.sampled_from(
    [
        lambda text: text,
        lambda text: f"<p>{text}</p>",
        lambda text: f" {text}\n",
        lambda text: text.replace(" ", "&nbsp;"),
    ]
)


@given(st.data())
def test_each_row_is_found_exactly_as_often_as_it_was_stored(data: st.DataObject) -> None:
    """Of k equal rows m were stored: m are present, under the ids of such records, and all others absent."""
    values = data.draw(
        st.lists(st.builds(entry, st.sampled_from(["call", "a b c", "visit no. 1"]), st.integers(1, 2)), max_size=8)
    )
    stored = data.draw(st.sets(st.sampled_from(range(len(values))))) if values else set()
    older = data.draw(st.lists(st.builds(entry, st.sampled_from(["call", "a b c"]), st.integers(1, 2)), max_size=3))
    items = [
        item(100 + at, values[at], note=data.draw(REWRITES)(values[at].note))
        for at in data.draw(st.permutations([*stored]))
    ]
    items += [item(at, value, at=SENT - 60) for at, value in enumerate(older)]
    found = conclude(parked(*values), items, LIKE)
    wanted = Counter(values[at] for at in stored)
    got, ids = Counter(), defaultdict(set)
    for value, finding in zip(values, found, strict=True):
        assert finding == ABSENT or (isinstance(finding, Present) and len(finding.ids) == 1)
        if isinstance(finding, Present):
            got[value] += 1
            ids[value] |= set(finding.ids)
    assert got == wanted
    assert all(ids[value] == {str(100 + at) for at in stored if values[at] == value} for value in wanted)


def test_what_is_there_too_often_is_named() -> None:
    """Two records for one row, both younger than its request: present under both ids."""
    (found,) = conclude(parked(entry("call")), [item(1, entry("call")), item(2, entry("call"))], LIKE)
    assert found == Present(("1", "2"))


def test_a_surplus_that_may_be_another_unknown_row_is_nobodys() -> None:
    """A second record belongs to an equal row that is unknown as well, and not asked for now."""
    others = [Record(Row(7, 9, b"", ()), entry("call"))]
    (found,) = conclude(parked(entry("call")), [item(1, entry("call")), item(2, entry("call"))], LIKE, others=others)
    assert found == Present(("1",))


def test_a_record_under_way_proves_nothing() -> None:
    """While an equal row is being sent, the record may be that one's: ask again. Absence stays absence."""
    rivals = [Record(Row(7, 9, b"", ()), entry("call"))]
    both = parked(entry("call"), entry("visit"))
    assert conclude(both, [item(1, entry("call"))], LIKE, rivals=rivals) == [CONTESTED, ABSENT]
    assert conclude(both, [], LIKE, rivals=rivals) == [ABSENT, ABSENT]


@pytest.mark.parametrize("note", ["a long description of", "a long description of the work in the", "🙂"])
def test_what_may_have_been_rewritten_is_unclear(note: str) -> None:
    """A text cut short may be the row's or another's: neither present nor absent, so never sent again blindly."""
    sent = "a long description of the work" if note.startswith("a") else "✅"
    (found,) = conclude(parked(entry(sent)), [item(1, entry(sent), note=note)], LIKE)
    assert isinstance(found, Unclear)
    assert "1" in found.why


def test_without_a_time_a_record_proves_nothing() -> None:
    """Where nobody knows when a row was sent, an equal record may be older; none at all is still none."""
    unsure = parked(entry("call"), since=None)
    assert isinstance(conclude(unsure, [item(1, entry("call"))], LIKE)[0], Unclear)
    assert conclude(unsure, [], LIKE) == [ABSENT]
    assert conclude(parked(entry("call"), since=ALWAYS), [item(1, entry("call"), at=0)], LIKE) == [Present(("1",))]


def test_what_a_row_does_not_say_is_no_difference() -> None:
    """A row without a note is the record whose note the provider has filled in, but first the one without."""
    rows = parked(entry("call"), entry(None))
    found = conclude(rows, [item(1, entry("call")), item(2, entry(None))], LIKE)
    assert found == [Present(("1",)), Present(("2",))]
    assert conclude(parked(entry(None)), [item(3, entry(None), note="default")], LIKE) == [Present(("3",))]
    assert not isinstance(found[0], Contested)


class Anything(Struct, frozen=True):
    """A record of any kind of values; `there` is called otherwise by the API."""

    here: Any = UNSET
    there: Any = field(default=UNSET, name="elsewhere")


NUMBERS = [5, 5.0, Decimal("5.00"), "5", " 5 ", "5.0", "05", 1, True, "true", "nan", "inf"]
LOCAL = dt.datetime(2026, 3, 2)  # noqa: DTZ001  # vendors leave the zone out
DAYS = [dt.date(2026, 3, 2), "2026-03-02", LOCAL, LOCAL.replace(tzinfo=dt.UTC), "2026-03-02T00:00:00Z"]
TEXTS = [
    "a",
    "A",
    "<b>a</b>",
    "a&amp;",
    "a long text",
    "A <i>long</i> text",
    "a long text, and so on",
    "a long text of",
]
SPELLINGS = st.sampled_from([*NUMBERS, *DAYS, *TEXTS, "", None, [1]])
ROWS = st.builds(Anything, *[SPELLINGS | st.text(max_size=12) | st.just(UNSET)] * 2)
ITEMS = st.fixed_dictionaries(
    {"id": st.just("1")}, optional={name: SPELLINGS | st.text(max_size=12) for name in ("here", "elsewhere")}
)


@given(st.lists(ROWS, max_size=6), st.lists(ITEMS, max_size=8))
def test_a_sieve_lets_everything_pass_that_may_be_the_row(values: list[Anything], items: list[dict[str, Any]]) -> None:
    """However a value is spelt or left out, what is not compared would not have been alike; places are in order."""
    like = Natural((("here", "here"), ("there", "elsewhere")))
    sieve = like.sieve(items)
    for one in parked(*values):
        places = [*sieve(one.record)]
        assert places == sorted({*places})
        assert {at for at, item in enumerate(items) if like(one.record, item) > Likeness.NO} <= {*places}


def test_rows_are_not_compared_with_every_record() -> None:
    """Of thousands of records a row is compared with those that say the same, also where only the texts differ."""
    minutes, notes = ([entry(f"{at} is its name", at * many) for at in range(3_000)] for many in (1, 0))
    for values in (minutes, notes):
        sieve = LIKE.sieve([item(at, value) for at, value in enumerate(values)])
        assert all(len(sieve(one.record)) < 12 for one in parked(*values))


@pytest.mark.parametrize("like", [in_field("7"), in_text("here"), in_store("here")])
def test_markers_are_found_without_comparing(like: Like) -> None:
    """What a sieve by marker lets pass is what is alike, glued to another marker as well, and nothing else."""
    markers = [f"hr-{letter * 24}hr" for letter in "abc"]
    values = [Anything(UNSET), *(Marker(one, {"7": one}) for one in (*markers, f"text {markers[0]}", "none", None))]
    texts = [None, "none", *markers, f"{markers[0]}{markers[1]}", f"{markers[0][:-2]}{markers[1]}"]
    items: list[Any] = [{"id": "1", "here": one, "custom_fields": {"7": one}} for one in texts]
    items += [{"id": "2"}, {"id": "3", "custom_fields": None}]
    sieve = like.sieve(items)
    for one in parked(*values):
        assert [*sieve(one.record)] == [at for at, item in enumerate(items) if like(one.record, item)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=3 * AT_ONCE))
def test_questions_cover_every_row_and_filter_by_no_text(rows: list[tuple[int, int]]) -> None:
    """Each row is in one question, whose filters let it pass; a text that may have been rewritten filters nothing."""
    records = [
        Record(
            Row(at, 0, b"", ()), TimeEntry(date=dt.date(2026, 1, day), time=5, person_id=person, service_id=9, note="x")
        )
        for at, (person, day) in enumerate(rows)
    ]
    asked = questions(TIME_ENTRIES, FIELDS, records, None)
    assert sorted(place for question in asked for place in question.places) == [*range(len(records))]
    for question in asked:
        assert "note" not in question.filters
        assert len(question.places) <= AT_ONCE
        for place in question.places:
            value: Any = records[place].value
            assert value.person_id in question.filters["person_id"]
            assert value.date in question.filters["date"]


def test_rows_of_equal_values_are_asked_for_together() -> None:
    """Rows of many days, in any order, are asked for by a few days at a time: their answers take fewer pages."""
    days = [dt.date(2026, 1, 1 + at * 11 % 28) for at in range(7 * AT_ONCE)]
    values = [TimeEntry(date=day, time=at, person_id=1, service_id=9) for at, day in enumerate(days)]
    asked = questions(TIME_ENTRIES, FIELDS, [one.record for one in parked(*values)], None)
    assert [len(question.filters["date"]) for question in asked] == [28 // 7] * 7


def test_a_key_is_believed_within_its_window_only() -> None:
    """In the run itself always; for what an earlier run sent by the server's time, a day less than promised."""
    month = 30 * 86_400.0
    repeat = Repeat(month, lambda: SENT + month - 86_400)
    (mine,) = parked(entry("call"))
    assert repeat.covers(mine)
    (old,) = [Parked(record=mine.record, intent=1, since=SENT, why="", is_recalled=True)]
    assert not repeat.covers(old)
    assert Repeat(month, lambda: SENT + month - 86_401).covers(old)
    assert not Repeat(month, lambda: None).covers(old)
    assert Quiet(120, 60, repeat).after(mine) < Quiet(120, 60).after(mine) == 180
