"""Mapping: rules and equal names bring cells to fields; what cannot be meant is refused before the first row."""

import contextlib
import datetime as dt
import random
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.errors import SourceError, UsageError
from headrace.identity import RecordKey, row_key, row_keys
from headrace.intake import Intake, Rule
from headrace.intake.amounts import cents, minutes_by, number, number_as
from headrace.intake.dates import date_as
from headrace.intake.fields import Kind
from headrace.intake.unfit import UnfitError
from headrace.model import Chunk, Fault
from headrace.provider import NoGuarantee, Resource, reference

FAST = settings(max_examples=80, deadline=None)


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    title: Annotated[str, Meta(min_length=1, max_length=40)]
    day: dt.date
    minutes: Annotated[int, Meta(gt=0, le=1440, description="minutes")] | UnsetType = UNSET
    kind_id: Annotated[Literal[1, 2], Meta(description="1 internal, 2 client")] | UnsetType = UNSET
    colour: Literal["red", "green"] | UnsetType = UNSET
    is_open: bool | UnsetType = UNSET
    price: float | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    begun_at: dt.datetime | UnsetType = UNSET
    wakes_at: dt.time | UnsetType = UNSET
    person_id: reference("people") | UnsetType = UNSET
    watcher_ids: list[int] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    custom_fields: dict[str, Any] | UnsetType = UNSET


JOBS = Resource(name="jobs", struct=Job, guarantee=NoGuarantee(), doc="")


def chunk_of(columns: tuple[str, ...], *rows: list[Any]) -> Chunk:
    return Chunk(columns, 0, range(2, 2 + len(rows)), list(rows))


def sifted(rules: dict[str, Any], columns: tuple[str, ...], *rows: list[Any]) -> tuple[list[Struct], list[list[Fault]]]:
    intake = Intake(JOBS, source="jobs.csv", rules=rules)
    chunk = chunk_of(columns, *rows)
    found = intake.sift(chunk, intake.rows(chunk))
    return [record.value for record in found.records], [list(bad.outcome.errors) for bad in found.invalid]


def value_of(field: str, rule: Any, cell: Any) -> Any:
    """Return what the field becomes, or the code and hint of its fault."""
    rule = rule if isinstance(rule, str) else {"column": "X", **rule}
    records, faults = sifted({field: rule}, ("title", "day", "X"), ["t", "2026-01-02", cell])
    return getattr(records[0], field) if records else (faults[0][0].code, faults[0][0].hint or "")


@pytest.mark.parametrize(
    ("field", "rule", "cell", "expected"),
    [
        ("minutes", {"as": "minutes"}, "1:30", 90),
        ("minutes", {"as": "minutes"}, " 1h 30m ", 90),
        ("minutes", {"as": "minutes"}, "1,5", 90),
        ("minutes", {"as": "minutes"}, "1.5 h", 90),
        ("minutes", {"as": "minutes"}, "45min", 45),
        ("minutes", {"as": "minutes"}, "0:29:30", 30),
        ("minutes", {"as": "minutes"}, 1.25, 75),
        ("minutes", {"as": "minutes"}, "0.3333", 20),
        ("minutes", {"as": "cents"}, "12.34", 1234),
        ("minutes", {"as": "cents", "format": "1.234,56"}, "1,20", 120),
        ("minutes", {"as": "int"}, "7.0", 7),
        ("minutes", {"format": "1.234"}, "1.234", 1234),
        ("minutes", "X", "60", 60),
        ("minutes", "X", 60, 60),
        ("is_open", "X", "yes", True),
        ("is_open", "X", "N", False),
        ("is_open", "X", "x", True),
        ("is_open", "X", False, False),
        ("price", "X", "1,5", 1.5),
        ("price", "X", "1234.56", 1234.56),
        ("price", {"format": "1.234,56"}, "1.234,56", 1234.56),
        ("price", {"format": "1 234,56"}, "1\u202f234,5", 1234.5),
        ("total", "X", "12,30", Decimal("12.30")),
        ("total", "X", 0.1, Decimal("0.1")),
        ("begun_at", {"format": "%d.%m.%Y %H:%M"}, "3.2.2026 9:05", dt.datetime.fromisoformat("2026-02-03T09:05")),
        ("wakes_at", {"format": "%H:%M"}, "09:05", dt.time(9, 5)),
        ("colour", {"as": "lower"}, "RED", "red"),
        ("colour", {"map": {"rot": "red", "Grün": "green"}}, "grün", "green"),
        ("kind_id", {"map": {"intern": 1, "Kunde": 2}}, "Kunde", 2),
        ("kind_id", {"map": {"none": ""}}, "none", UNSET),
        ("kind_id", "X", "2", 2),
        ("tags", {"split": ","}, " a, b ,,c", ["a", "b", "c"]),
        ("watcher_ids", {"split": ";"}, "1; 2", [1, 2]),
        ("watcher_ids", {"split": ";", "map": {"a": 5, "b": 6}}, "a;b", [5, 6]),
        ("tags", "X", ["a"], ["a"]),
        ("custom_fields", "X", {"1": 2}, {"1": 2}),
        ("title", {"as": "text"}, 12, "12"),
        ("title", {"as": "upper"}, "abc", "ABC"),
        ("minutes", "X", "", UNSET),
        ("minutes", "X", "  ", UNSET),
        ("minutes", "X", None, UNSET),
        ("minutes", "X", UNSET, UNSET),
        ("minutes", "X", float("nan"), UNSET),
        ("minutes", "X", " 60 ", 60),
    ],
)
def test_a_rule_gives_its_value(field: str, rule: Any, cell: Any, expected: Any) -> None:
    """Each transform, on what people write."""
    assert value_of(field, rule, cell) == expected


@pytest.mark.parametrize(
    ("field", "rule", "cell", "code", "hint"),
    [
        ("minutes", {"as": "minutes"}, "1:75", "not_a_duration", "1:30"),
        ("minutes", {"as": "minutes"}, "h", "not_a_duration", "1:30"),
        ("minutes", {"as": "minutes"}, "1,250", "ambiguous_number", 'format = "1,234.56"'),
        ("minutes", {"as": "minutes"}, "25:00", "out_of_range", "at most 1440"),
        ("minutes", {"as": "cents"}, "1.234", "too_precise", "cents"),
        ("minutes", {"as": "int"}, "7.5", "not_an_integer", ""),
        ("minutes", "X", "1:30", "not_an_integer", 'as = "minutes"'),
        ("minutes", "X", "0", "out_of_range", "at least 1"),
        ("price", "X", "1.234,56", "not_a_number", 'format = "1.234,56"'),
        ("price", "X", "1,234", "ambiguous_number", 'format = "1.234,56"'),
        ("price", "X", "nan", "not_a_number", ""),
        ("price", "X", "1e999999999", "not_a_number", ""),
        ("price", {"format": "1.234,56"}, "1,234.56", "not_a_number", ""),
        ("is_open", "X", "maybe", "not_a_boolean", "true or false"),
        ("day", "X", "03.02.2026", "not_a_date", 'declare it: format = "%d.%m.%Y"'),
        ("day", "X", "28/02/2026", "not_a_date", 'declare it: format = "%d/%m/%Y"'),
        (
            "day",
            "X",
            "03/02/2026",
            "not_a_date",
            'ambiguous, so declare which it is: format = "%d/%m/%Y" or format = "%m',
        ),
        ("day", {"format": "%d.%m.%Y"}, "2026-02-03", "not_a_date", "%Y-%m-%d"),
        ("day", "X", "soon", "not_a_date", "YYYY-MM-DD"),
        ("begun_at", "X", "2026-02-03 10:00", "not_a_datetime", "%Y-%m-%d %H:%M"),
        ("wakes_at", "X", "9:05", "not_a_time", "%H:%M"),
        ("colour", "X", "rde", "unknown_value", "did you mean 'red'? it is one of green, red"),
        ("kind_id", "X", "client", "unknown_value", "1 internal, 2 client"),
        ("kind_id", "X", "3", "unknown_value", "one of 1, 2"),
        ("kind_id", {"map": {"intern": 1}}, "inter", "unknown_value", "did you mean 'intern'?"),
        ("tags", "X", "a,b", "not_a_list", "split"),
        ("watcher_ids", {"split": ","}, "1,x", "not_an_integer", ""),
        ("title", "X", "x" * 41, "too_long", "at most 40"),
        ("title", "X", 12, "not_text", 'as = "text"'),
        ("person_id", "X", "Jane Doe", "not_an_integer", 'lookup = "people"'),
        ("custom_fields", "X", "a", "not_an_object", ""),
    ],
)
def test_what_does_not_fit_is_a_fault_with_a_remedy(field: str, rule: Any, cell: Any, code: str, hint: str) -> None:
    """A stable code, and a hint that can be followed; day and month are never guessed."""
    rules = {field: rule if isinstance(rule, str) else {"column": "X", **rule}}
    columns = tuple(name for name in ("title", "day") if name != field)
    cells = {"title": "t", "day": "2026-01-02"}
    records, faults = sifted(rules, (*columns, "X"), [*(cells[name] for name in columns), cell])
    assert not records
    (fault,) = faults[0]
    assert (fault.code, fault.field, fault.column, fault.value) == (code, field, "X", str(cell))
    assert hint in (fault.hint or "")


def test_equal_names_map_themselves() -> None:
    """Case, blanks, dashes and underscores do not matter; a rule goes first; other columns are left alone."""
    records, _ = sifted(
        {"title": "Name"},
        ("Title", "Name", "DAY", "Kind-ID", "is open", "unrelated", "custom_fields.7"),
        ["no", "yes", "2026-01-02", "1", "yes", "?", "5"],
    )
    assert records == [Job(title="yes", day=dt.date(2026, 1, 2), kind_id=1, is_open=True, custom_fields={"7": "5"})]


def test_own_fields_of_an_account_are_gathered() -> None:
    """`custom_fields.<id>` fills one key each, beside what a column brings, and dates in them become ISO text."""
    rules = {
        "custom_fields.7": {"column": "A", "format": "%d.%m.%Y"},
        "custom_fields.8": {"value": 3},
        "custom_fields.9": {"column": "B", "format": "1.234,56"},
    }
    records, _ = sifted(
        rules,
        ("title", "day", "A", "B", "custom_fields"),
        ["t", "2026-01-02", "03.02.2026", "1.234,50", {"1": "x"}],
        ["t", "2026-01-02", "", "", None],
    )
    assert [record.custom_fields for record in records] == [
        {"1": "x", "7": "2026-02-03", "8": 3, "9": 1234.5},
        {"8": 3},
    ]


def test_text_keeps_its_blanks_but_nothing_else_does() -> None:
    """Blanks around text may be meant; around a number or a date they are not."""
    records, _ = sifted({}, ("title", "day", "minutes"), [" a  b ", " 2026-01-02 ", " 5\t"])
    assert records == [Job(title=" a  b ", day=dt.date(2026, 1, 2), minutes=5)]


@pytest.mark.parametrize(
    ("rules", "error", "says", "hint"),
    [
        ({"titel": "Name"}, UsageError, "no field 'titel'", "did you mean 'title'"),
        ({"title": "Nmae"}, SourceError, "no column 'Nmae'", "did you mean 'Name'?"),
        ({"minutes": {}}, SourceError, "no column 'minutes'", "the columns are"),
        ({}, SourceError, "fills 'title'", "title = "),
        ({"title": {"value": ""}}, UsageError, "'title' does not fit", "at least 1"),
        ({"title": "Name", "kind_id": {"value": 3}}, UsageError, "'kind_id' does not fit", "one of 1, 2"),
        ({"title": {"columm": "Name"}}, UsageError, "the rule for 'title'", "did you mean 'column'?"),
        ({"title": {"column": "Name", "value": 1}}, UsageError, "either column or value", ""),
        ({"title": {"column": "Name", "as": "uper"}}, UsageError, "did you mean 'upper'?", ""),
        ({"person_id": {"column": "Name", "lookup": "people"}}, UsageError, "needs by", ""),
        ({"title": "Name", "day": {"format": "dd.mm.yyyy"}}, UsageError, "not a date format", "%d.%m.%Y"),
        ({"title": "Name", "price": {"column": "Name", "format": "x"}}, UsageError, "how numbers are", "1.234,56"),
        ({"title": "Name", "is_open": {"column": "Name", "format": "%d"}}, UsageError, "a format says nothing", ""),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(rules: Any, error: type[Exception], says: str, hint: str) -> None:
    """Before the first row, with the name that is wrong and the one that may have been meant."""
    with pytest.raises(error) as caught:
        sifted(rules, ("Name", "day", "Day 2"), ["a", "2026-01-02", ""])
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_two_columns_of_the_same_kind_of_name_are_not_guessed_between() -> None:
    """A rule must say which one is meant."""
    with pytest.raises(SourceError, match="both called like the field 'is_open'"):
        sifted({}, ("title", "day", "Is open", "is-open"), ["t", "2026-01-02", "1", "0"])


def test_columns_of_json_may_come_late() -> None:
    """A rule's column that is absent at first is no error; what never comes is told at the end."""
    intake = Intake(JOBS, rules={"minutes": "Mins", "price": "Prcie"}, has_open_columns=True)
    first = chunk_of(("title", "day"), ["a", "2026-01-02"])
    second = Chunk(("title", "day", "Mins"), 1, [2], [["b", "2026-01-02", 5]])
    records = [record for chunk in (first, second) for record in intake.sift(chunk, intake.rows(chunk)).records]
    assert [record.value for record in records] == [
        Job(title="a", day=dt.date(2026, 1, 2)),
        Job(title="b", day=dt.date(2026, 1, 2), minutes=5),
    ]
    assert intake.unseen() == {"Prcie"}
    assert intake.columns == {"title": "title", "day": "day", "minutes": "Mins"}


def test_the_digest_of_a_mapping_changes_with_it() -> None:
    """However it is written: the same rules have the same digest, other ones another."""
    same = [Intake(JOBS, rules=rules).digest for rules in ({"title": "A"}, {"title": Rule(column="A")})]
    other = [Intake(JOBS, rules={"title": "B"}).digest, Intake(JOBS, rules={"title": "A"}, key=["A"]).digest]
    assert len({*same, *other}) == 3


# --- numbers and dates


@FAST
@given(
    value=st.decimals(-(10**9), 10**9, places=2),
    example=st.sampled_from(["1.234,56", "1,234.56", "1 234,56", "1'234.56"]),
)
def test_a_number_is_read_as_its_example_shows(value: Decimal, example: str) -> None:
    """Written with the example's separators, a number comes back equal, grouped or not."""
    group, point = example[1], example[5]
    for form in (f"{value:,.2f}", f"{value:.2f}"):
        text = form.translate({ord(","): group, ord("."): point})
        assert number_as(example)(text) == value


@FAST
@given(st.text(max_size=12))
def test_numbers_and_durations_never_fail_otherwise(text: str) -> None:
    """Whatever is written, it is a number or a fault."""
    for read in (number, number_as("1.234,56"), minutes_by(number), lambda cell: cents(number(cell))):
        with contextlib.suppress(UnfitError):
            assert isinstance(read(text), int | Decimal)


@FAST
@given(minutes=st.integers(0, 5_000))
def test_every_way_to_write_a_duration_means_the_same(minutes: int) -> None:
    """Hours and minutes, units, or decimal hours with enough digits."""
    read = minutes_by(number)
    hours, rest = divmod(minutes, 60)
    texts = [f"{hours}:{rest:02}", f"{hours}h {rest}m", f"{hours} h {rest} min", f"{minutes}m", f"{minutes / 60:.4f}"]
    assert {read(text) for text in texts} == {minutes}


@FAST
@given(day=st.dates(dt.date(1000, 1, 1)), form=st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"]))
def test_a_date_is_read_in_its_format_only(day: dt.date, form: str) -> None:
    """It comes back equal, and ISO is refused under another format."""
    assert date_as(form, Kind.DATE)(day.strftime(form)) == day
    with pytest.raises(UnfitError):
        date_as(form, Kind.DATE)(day.isoformat())


# --- identity


CELL = st.one_of(st.text(max_size=6), st.integers(), st.none(), st.just(UNSET), st.booleans())


@FAST
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=8))
@example(rows=[("a\x1fb", "c", "d"), ("e", "", "f")])
def test_keys_of_many_rows_are_those_of_each(rows: list[tuple[Any, ...]]) -> None:
    """The fast way over columns and the plain way over rows agree, whatever is in the cells."""
    assert row_keys(rows) == [row_key(row) for row in rows]
    keys = RecordKey(("a", "b", "c"))
    assert keys.of_rows(rows) == [keys.of(row) for row in rows]


@FAST
@given(rows=st.lists(st.tuples(*[st.text("ab\x1f=%[]\" '", max_size=4)] * 3), min_size=2, max_size=2, unique=True))
@example(rows=[("a\x1fb", "c", "d"), ("a", "b\x1fc", "d")])
@example(rows=[("x\x1fb=y", "", "z"), ("x", "y", "z")])
def test_different_rows_have_different_keys(rows: list[tuple[str, ...]]) -> None:
    """Also where cells hold what separates them."""
    first, second = ([cell.strip() for cell in row] for row in rows)
    assert (row_key(first) == row_key(second)) == (first == second)
    keys = RecordKey(("a", "b", "c"))
    assert (keys.of(first) == keys.of(second)) == (first == second)


@FAST
@given(count=st.integers(1, 40), seed=st.randoms(use_true_random=False))
def test_identity_survives_sorting_new_columns_and_another_format(count: int, seed: random.Random) -> None:
    """The same rows in another order, with columns moved, renamed in case, added, or as JSON, have the same keys."""
    plain = [{"title": f"t{n % 7}", "day": "2026-01-02", "minutes": n % 5 + 1} for n in range(count)]

    def keys(rows: list[dict[str, Any]], spell: Any = str) -> list[bytes]:
        columns = tuple(rows[0])
        intake = Intake(JOBS, source="x", has_open_columns=spell is not str)
        chunk = chunk_of(tuple(map(str.title, columns)), *([spell(row[name]) for name in columns] for row in rows))
        return [row.key for row in intake.rows(chunk)]

    expected = sorted(keys(plain))
    shuffled = seed.sample(plain, count)
    moved = [dict(sorted({**row, "unrelated": n, "price": ""}.items(), reverse=True)) for n, row in enumerate(shuffled)]
    assert sorted(keys(moved)) == expected
    assert sorted(keys(shuffled, spell=lambda cell: cell)) == expected
    assert len(set(expected)) == len({(row["title"], row["minutes"]) for row in plain})


def test_a_blank_key_is_a_fault() -> None:
    """A row without its key could not be told from others; the key is found whatever else is in the row."""
    intake = Intake(JOBS, source="x", key=["Code"])
    chunk = chunk_of(("Code", "title", "day"), ["7", "a", "2026-01-02"], [" ", "b", "2026-01-02"])
    rows = intake.rows(chunk)
    found = intake.sift(chunk, rows)
    assert rows[0].key == row_key(["7"])
    assert len(found.records) == 1
    assert [(fault.code, fault.column) for fault in found.invalid[0].outcome.errors] == [("missing", "Code")]
    with pytest.raises(SourceError, match="no column 'Cod' for the key"):
        Intake(JOBS, source="x", key=["Cod"]).rows(chunk)


def test_rules_are_read_from_an_import_file() -> None:
    """A rule is what TOML gives, with `as` and `from`, and unknown keys are errors."""
    rule = msgspec.convert({"column": "A", "as": "minutes", "from": None}, Rule)
    assert (rule.column, rule.as_) == ("A", "minutes")
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"colum": "A"}, Rule)


SPAN = {"day": {"column": "From", "format": "%Y-%m-%dT%H:%M:%S%z"}, "minutes": {"column": "From", "until": "Until"}}


def spanned(rows: list[list[Any]], **rule: Any) -> Any:
    struct = msgspec.defstruct("Span", [("day", dt.date), ("minutes", int)])
    resource = Resource(name="spans", struct=struct, guarantee=NoGuarantee(), doc="")
    intake = Intake(resource, rules={**SPAN, "minutes": {**SPAN["minutes"], **rule}})
    chunk = Chunk(("From", "Until"), 0, range(2, 2 + len(rows)), rows, {})
    return intake.sift(chunk, intake.rows(chunk))


@given(st.integers(0, 10**9), st.integers(0, 3_000), st.integers(-14, 14))
def test_minutes_between_two_times(since: int, minutes: int, zone: int) -> None:
    """Two columns make a duration, whatever the zones that they are written in; the day is that of the first."""
    begin = dt.datetime.fromtimestamp(10**9 + since, dt.UTC)
    end = (begin + dt.timedelta(minutes=minutes)).astimezone(dt.timezone(dt.timedelta(hours=zone)))
    (record,) = spanned([[begin.isoformat(), end.isoformat()]]).records
    assert (record.value.day, record.value.minutes) == (begin.date(), minutes)


@pytest.mark.parametrize(
    ("begin", "end", "hint"),
    [
        ("2026-01-01T10:00:00+00:00", "", "both columns need one"),
        ("2026-01-01T10:00:00+00:00", "2026-01-01T09:00:00+00:00", "swap them"),
        ("2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00", "in one form"),
        ("2026-01-01T10:00:00+00:00", "01.01.2026 11:00", "declare"),
    ],
)
def test_times_that_make_no_duration(begin: str, end: str, hint: str) -> None:
    """A time that is missing, earlier, without a zone or in another form is a fault with its remedy."""
    (row,) = spanned([[begin, end]]).invalid
    (fault,) = row.outcome.errors
    assert (fault.field, fault.column) == ("minutes", "From")
    assert hint in (fault.hint or "")


def test_a_span_goes_with_nothing_else() -> None:
    """What contradicts it is an error; the second column is one that the mapping takes."""
    with pytest.raises(UsageError, match="between two columns"):
        spanned([["a", "b"]], map={"a": 1})
    with pytest.raises(SourceError, match="no column 'Till'"):
        spanned([["a", "b"]], until="Till")
