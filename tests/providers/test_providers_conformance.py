"""Every provider that ships does what every provider must: the conformance suite, against its sandbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from providers_rows import MINIMAL

from headrace.errors import HeadraceError
from headrace.provider import IdempotencyKey, Limit, Verdict, fitted
from headrace.provider.plain_json import Pages, PlainJson
from headrace.providers import PROVIDERS
from headrace.sandbox.core import Sandbox
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.conformance import CHECKS, Subject
from headrace.testing.conformance.bench import MakeRow, MakeSandbox

SAMPLES = Path(__file__).parents[2] / "samples"

NUMBERED = ("name", "title", "description", "note", "notes", "body", "last_name")
"""Texts that a number is put into, so that rows differ."""


def sandbox_of(provider: str) -> MakeSandbox:
    def make(**options: Any) -> Sandbox:
        return Sandbox(Options(provider=provider, **options), virtual_time.START)

    return make


def row_of(row: Mapping[str, Any]) -> MakeRow:
    """Return a maker of rows like `row`, told apart by a text; `TYPE:NUMBER` stands for the id of such a record."""

    def make(sandbox: Sandbox, number: int) -> Mapping[str, Any]:
        made = {name: _id(sandbox, value) for name, value in row.items()}
        text = next(name for name in NUMBERED if name in made)
        return {**made, text: f"{made[text]} {number}"}

    return make


def timesheet(_: Sandbox, number: int) -> Mapping[str, Any]:
    """Return a timesheet, which has no text: rows differ in their day."""
    return MINIMAL["timesheets"] | {"date": f"2026-01-{number + 1:02}"}


def _id(sandbox: Sandbox, value: Any) -> Any:
    kind, colon, number = value.partition(":") if isinstance(value, str) else ("", "", "")
    return sandbox.api.identify(kind, int(number)) if colon and number.isdigit() else value


ASSIGNED = ("memberships", "service_assignments", "service_type_assignments")
"""What has no text, and puts one person somewhere."""


def assignment(name: str) -> MakeRow:
    """Return a maker of assignments; rows differ in who is assigned."""
    return lambda _, number: MINIMAL[name] | {"person_id": f"{201 + number}"}


PRODUCTIVE_ROWS = MINIMAL | {
    "people": MINIMAL["people"] | {"last_name": "P"},
    "time_entries": MINIMAL["time_entries"] | {"note": "N"},
    "bookings": MINIMAL["bookings"] | {"note": "N"},
    "invoices": MINIMAL["invoices"] | {"note": "N"},
}

WRONG_KEY = IdempotencyKey(window=86_400.0, header="X-Key")
"""Repeated without a look, under a header that the API does not know: every repetition is a duplicate."""

SUBJECTS = {
    "productive": Subject(
        provider=PROVIDERS["productive"],
        sandbox=sandbox_of("productive"),
        rows={name: row_of(row) for name, row in PRODUCTIVE_ROWS.items()}
        | {name: assignment(name) for name in ASSIGNED}
        | {"timesheets": timesheet},
        wrong={"time_entries": {"person_id": "999999"}, "tasks": {"project_id": "999999"}},
        changes={"time_entries": {"note": "new"}, "tasks": {"title": "new"}},
        many=("people", "people"),
        sample=SAMPLES / "productive",
    ),
    "agiled": Subject(
        provider=PROVIDERS["agiled"],
        sandbox=sandbox_of("agiled"),
        rows={
            "projects": row_of({"name": "P", "status": "active", "account_id": 21, "owner_id": 12}),
            "tasks": row_of({"title": "T", "project_id": 501, "due_date": "2026-03-02", "assigned_user_id": 11}),
            "time_entries": row_of(
                {"date": "2026-03-02", "duration_minutes": 90, "project_id": 501, "task_id": 1001, "notes": "N"}
            ),
        },
        wrong={
            "projects": {"account_id": 999},
            "tasks": {"project_id": 999},
            "time_entries": {"project_id": 999, "user_id": 999},
        },
        changes={
            "projects": {"name": "new"},
            "tasks": {"status": "done", "due_date": "2026-04-01"},
            "time_entries": {"duration_minutes": 30},
        },
        many=("tasks", "tasks"),
        sample=SAMPLES / "agiled",
    ),
    "timemagic": Subject(
        provider=PROVIDERS["timemagic"],
        sandbox=sandbox_of("timemagic"),
        rows={
            "projects": row_of({"name": "P", "project_type": "salary", "rate_cents": 8500, "rate_currency": "EUR"}),
            "tasks": row_of({"project_id": "projects:1", "name": "T", "task_type": "permanent"}),
            "time_entries": lambda sandbox, number: {
                "begin_time": f"2026-03-{1 + number % 28:02}T09:00:00+02:00",
                "end_time": f"2026-03-{1 + number % 28:02}T10:30:00+02:00",
                "comment": f"C {number}",
                "resource_type": "task",
                "resource_id": sandbox.api.identify("tasks", 1),
            },
        },
        wrong={"tasks": {"project_id": "11111111-2222-4333-8444-555555555555"}, "time_entries": {"resource_type": "x"}},
        changes={"projects": {"name": "new"}, "tasks": {"task_type": "default"}, "time_entries": {"comment": "new"}},
        many=("projects", "projects"),
        sample=SAMPLES / "timemagic",
    ),
    "bezala": Subject(
        provider=PROVIDERS["bezala"],
        sandbox=sandbox_of("bezala"),
        rows={
            "cost_centers": row_of({"name": "C", "dimension_name": "Projects", "deactivated": False}),
            "tasks": row_of({"name": "T", "cost_center_id": 501, "state": "completed", "is_billable": True}),
            "time_entries": row_of({"task_id": 1001, "date": "2026-03-02", "description": "D", "minutes": 90}),
        },
        wrong={"tasks": {"cost_center_id": 999}, "time_entries": {"task_id": 999}},
        changes={
            "cost_centers": {"name": "new"},
            "tasks": {"name": "T", "state": "in_progress"},
            "time_entries": {"minutes": 5},
        },
        many=("cost_centers", "cost_centers"),
        sample=SAMPLES / "bezala",
    ),
}


def test_every_provider_is_examined() -> None:
    """A provider that ships is a subject, and so is each of its resources that can be written."""
    assert set(SUBJECTS) == set(PROVIDERS)
    for name in ("agiled", "bezala", "timemagic"):
        assert set(SUBJECTS[name].rows) == {resource.name for resource in PROVIDERS[name].resources}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("provider", SUBJECTS)
def test_conformance(provider: str, check: str, tmp_path: Path) -> None:
    """The check holds; see its docstring."""
    CHECKS[check](SUBJECTS[provider], tmp_path)


# --- the suite itself -------------------------------------------------------------------------------------------

AGILED, BEZALA = SUBJECTS["agiled"], SUBJECTS["bezala"]


def with_wire(subject: Subject, **changes: Any) -> Subject:
    """Return the subject with another envelope for all its resources."""
    wire = subject.provider.wire
    assert isinstance(wire, PlainJson)
    own = {name: replace(envelope, **changes) for name, envelope in wire.own.items()}
    return with_table(subject, wire=PlainJson(replace(wire.envelope, **changes), own))


def with_table(subject: Subject, **changes: Any) -> Subject:
    return replace(subject, provider=replace(subject.provider, **changes))


MISTAKES = {
    "limits_are_kept_by_writes": with_table(BEZALA, limits=(Limit(200, 60.0, "user"),)),
    "limits_are_kept_by_reads": with_table(AGILED, limits=(Limit(90, 60.0),), routes=()),
    "every_row_is_created_once": with_table(
        AGILED, resources=fitted(AGILED.provider, None, {"tasks": {"due_date": "deadline"}}).resources
    ),
    "a_record_is_changed_and_deleted": with_wire(AGILED, update="POST"),
    "every_page_is_read": with_wire(BEZALA, pages=Pages(number=None, size=None)),
    "a_refusal_names_its_field": replace(AGILED, wrong={"tasks": {"status": "done"}}),
    "the_table_is_sound": with_table(AGILED, routes=()),
    "what_is_lost_is_settled_or_in_doubt": with_table(
        AGILED, resources=tuple(replace(one, guarantee=WRONG_KEY) for one in AGILED.provider.resources)
    ),
    "a_refused_token_ends_the_run": with_table(AGILED, verdicts={**AGILED.provider.verdicts, 401: Verdict.REFUSED}),
}


@pytest.mark.parametrize("check", MISTAKES)
def test_a_mistake_in_a_table_is_noticed(check: str, tmp_path: Path) -> None:
    """A limit too high, a wrong name, method, header or verdict: the check that is about it fails."""
    with pytest.raises((AssertionError, HeadraceError)):
        CHECKS[check](MISTAKES[check], tmp_path)
