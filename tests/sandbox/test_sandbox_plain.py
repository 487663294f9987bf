"""The APIs of plain JSON as the sandbox plays them, from the vendor's pages: asked directly, without the engine."""

from typing import Any, NamedTuple

import orjson
import pytest

from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.message import Reply
from headrace.sandbox.options import Options

START = 1_700_000_000.0
SHAPES = pytest.mark.parametrize("shape", ["wrapped", "bare"])


class Answer(NamedTuple):
    status: int
    document: Any
    reply: Reply


class Desk:
    """A client that knows nothing but HTTP."""

    def __init__(self, provider: str, *rules: Rule, **options: Any) -> None:
        chosen: dict[str, Any] = {"window": "off", "token": "t0ken", "faults": rules} | options
        self.sandbox = Sandbox(Options(provider=provider, **chosen), START)
        self.now = START
        self.headers = {"Authorization": "Bearer t0ken", "Content-Type": "application/json"}

    def call(self, method: str, path: str, document: Any = None, query: str = "", **headers: str) -> Answer:
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        whole = path if path.startswith("/__") else self.sandbox.api.prefix + path
        reply = self.sandbox.handle(method, whole, query, headers=self.headers | own, body=body, now=self.now)
        is_json = reply.headers.get("Content-Type", "").startswith("application/json")
        return Answer(reply.status, orjson.loads(reply.body) if is_json else None, reply)

    def id(self, kind: str, number: int) -> str:
        return self.sandbox.api.identify(kind, number)


# --- all of them ------------------------------------------------------------------------------------------------

EACH = pytest.mark.parametrize(
    ("provider", "path", "missing"),
    [
        ("agiled", "/projects", {"error": "Not found."}),
        ("bezala", "/cost_centers", {"error": "Not found"}),
        ("timemagic", "/projects", {"errors": "Not found"}),
    ],
)


@EACH
def test_credentials_come_first(provider: str, path: str, missing: Any) -> None:
    """A missing, wrong or revoked token is 401 in the API's own words, and counts in no limit."""
    del missing
    desk = Desk(provider, window="sliding")
    for token in ("", "Bearer", "Bearer other", "t0ken"):
        answer = desk.call("GET", path, Authorization=token)
        assert answer.status == 401
        assert set(answer.document) <= {"error", "errors"}
    assert all(worst == 0 for worst in desk.call("GET", "/__sandbox/audit").document["worst"].values())


@EACH
def test_what_there_is_not_is_404(provider: str, path: str, missing: Any) -> None:
    """Unknown paths and records, and paths outside the API."""
    desk = Desk(provider)
    for place in ("/nothing", f"{path}/4711", f"{path}/x"):
        assert desk.call("GET", place)[:2] == (404, missing)
    assert desk.sandbox.handle("GET", "/", "", headers=desk.headers, now=desk.now).status == 404


@EACH
def test_a_record_lives_and_dies(provider: str, path: str, missing: Any) -> None:
    """Created, listed, changed, read, deleted, gone."""
    desk = Desk(provider, shape="bare")
    root = {"agiled": None, "bezala": "cost_center", "timemagic": "project"}[provider]

    def wrap(record: Any) -> Any:
        return record if root is None else {root: record}

    made = desk.call("POST", path, wrap({"name": "Mine"}))
    assert made.status == 201
    place = f"{path}/{made.document.get('uuid') or made.document['id']}"
    assert desk.call("PUT", place, wrap({"name": "Yours"})).document["name"] == "Yours"
    assert desk.call("GET", place).document["name"] == "Yours"
    listed = desk.call("GET", path).document
    assert "Yours" in {one["name"] for one in (listed["data"] if isinstance(listed, dict) else listed)}
    assert desk.call("DELETE", place)[:2] == (204, None)
    assert desk.call("DELETE", place)[:2] == (404, missing)


@EACH
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"project": []}'])
def test_a_body_that_is_none_is_refused(provider: str, path: str, missing: Any, body: bytes) -> None:
    """What cannot be read is refused, and nothing is stored."""
    del missing
    desk = Desk(provider)
    assert desk.call("POST", path, body).status in {400, 422}
    assert desk.sandbox.store.created == {}


# --- Agiled -----------------------------------------------------------------------------------------------------


def test_agiled_counts_reads_and_writes_apart() -> None:
    """30 writes a minute, 60 reads a minute, each 429 with the seconds to wait."""
    desk = Desk("agiled", window="sliding")
    assert [desk.call("POST", "/projects", {"name": "x"}).status for _ in range(31)] == [201] * 30 + [429]
    assert [desk.call("GET", "/projects").status for _ in range(61)] == [200] * 60 + [429]
    refused = desk.call("POST", "/projects", {"name": "x"})
    assert (refused.reply.headers["Retry-After"], refused.document) == ("60", {"error": "Too many requests."})
    desk.now += 60
    assert desk.call("POST", "/projects", {"name": "x"}).status == 201


def test_agiled_keeps_an_answer_under_its_key_for_thirty_days() -> None:
    """The same body is answered as before, another one is 409; another path or a month later it is a new key."""
    desk = Desk("agiled")
    first = desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k")
    again = desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k")
    assert (first.status, again.document) == (201, first.document)
    assert desk.call("POST", "/projects", {"name": "y"}, Idempotency_Key="k").status == 409
    assert desk.call("POST", "/tasks", {"title": "x"}, Idempotency_Key="k").status == 201
    assert desk.sandbox.store.created == {"projects": 1, "tasks": 1}
    desk.now += 30 * 86_400
    assert desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k").status == 201
    assert desk.sandbox.store.created["projects"] == 2


def test_agiled_keeps_no_refusals_under_a_key() -> None:
    """Only what succeeded is stored: a repaired row may use its key again."""
    desk = Desk("agiled")
    assert desk.call("POST", "/projects", {"name": ""}, Idempotency_Key="k").status == 422
    assert desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k").status == 201


def test_agiled_late_commit_and_repetition_make_one_record() -> None:
    """A repetition that overtakes the first request executes it; the first one then changes nothing."""
    desk = Desk("agiled", Rule(kind=FaultKind.LATE_COMMIT, seconds=5, at=(1,)))
    assert desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k").status == 504
    assert desk.call("POST", "/projects", {"name": "x"}, Idempotency_Key="k").status == 201
    desk.now += 10
    desk.call("GET", "/projects")
    assert desk.sandbox.store.created == {"projects": 1}


def test_agiled_pages_filters_and_sorts() -> None:
    """25 by default, at most 100; meta counts; an unknown sort falls back."""
    desk = Desk("agiled")
    desk.call("POST", "/__sandbox/seed", {"tasks": 240})
    page = desk.call("GET", "/tasks").document
    assert len(page["data"]) == 25
    assert page["meta"] == {"current_page": 1, "last_page": 10, "per_page": 25, "total": 242}
    last = desk.call("GET", "/tasks", query="per_page=500&page=3").document
    assert (len(last["data"]), last["meta"]["per_page"], last["meta"]["last_page"]) == (42, 100, 3)
    assert [one["id"] for one in desk.call("GET", "/tasks", query="project_id=502").document["data"]] == [1002]
    down = desk.call("GET", "/tasks", query="sort_by=title&sort_direction=desc&per_page=1").document["data"]
    assert down[0]["title"] == "task 99"
    assert desk.call("GET", "/tasks", query="sort_by=nothing&per_page=1").document["data"][0]["id"] == 1001


def test_agiled_names_the_field_or_only_the_sentence() -> None:
    """A 422 has the `error` that the pages promise; which field it is about depends on the shape that is chosen."""
    for shape, more in (("wrapped", {"errors"}), ("bare", set())):
        answer = Desk("agiled", shape=shape).call("POST", "/time-entries", {"date": "x", "project_id": 999})
        assert answer.status == 422
        assert set(answer.document) == {"error", *more}
    fields = Desk("agiled").call("POST", "/time-entries", {"date": "x", "project_id": 999}).document["errors"]
    assert set(fields) == {"duration_minutes", "date", "project_id"}


# --- Time Magic -------------------------------------------------------------------------------------------------


def test_timemagic_refuses_the_sixth_request_and_does_not_say_for_how_long() -> None:
    """All methods count together; a 429 carries no header."""
    desk = Desk("timemagic", window="sliding")
    statuses = [desk.call("GET", "/projects").status for _ in range(3)]
    statuses += [desk.call("POST", "/projects", {"project": {"name": "x"}}).status for _ in range(3)]
    assert statuses == [200, 200, 200, 200, 200, 429]
    refused = desk.call("GET", "/projects")
    assert refused.document == {"info": "Rate limit exceeded. Try again later."}
    assert not {"Retry-After", "X-RateLimit-Reset"} & set(refused.reply.headers)


def test_timemagic_wants_a_subscription_for_reads_only() -> None:
    """On the free plan every GET is 402; writes go through."""
    desk = Desk("timemagic", plan="free")
    assert desk.call("GET", "/projects")[:2] == (402, {"info": "Subscription required for GET requests."})
    assert desk.call("POST", "/projects", {"project": {"name": "x"}}).status == 200


def test_timemagic_answers_in_the_shape_of_the_pages_or_of_the_skill() -> None:
    """Wrapped with `id` and a word for a delete, or bare with `uuid`, 201 and 204."""
    pages, skill = Desk("timemagic", shape="wrapped"), Desk("timemagic", shape="bare")
    path = f"/projects/{pages.id('projects', 1)}/tasks"
    made = pages.call("POST", path, {"task": {"name": "x"}})
    assert made[:2] == (200, {"task": {"id": pages.id("tasks", 3), "name": "x", "task_type": "default"}})
    assert set(pages.call("GET", path).document) == {"tasks"}
    assert pages.call("DELETE", f"/tasks/{pages.id('tasks', 3)}")[:2] == (200, {"status": "deleted"})
    bare = skill.call("POST", path, {"task": {"name": "x"}})
    assert (bare.status, bare.document["uuid"], bare.document["status"]) == (201, skill.id("tasks", 3), "pending")
    assert bare.document["project_uuid"] == skill.id("projects", 1)
    assert isinstance(skill.call("GET", path).document, list)
    assert skill.call("DELETE", f"/tasks/{skill.id('tasks', 3)}")[:2] == (204, None)


def test_timemagic_drops_an_unknown_resource_without_a_word() -> None:
    """As the skill says: the entry is stored, about nothing."""
    desk = Desk("timemagic", shape="bare")
    entry = {"begin_time": "2026-03-02T09:00:00Z", "resource_type": "task", "resource_id": desk.id("tasks", 99)}
    made = desk.call("POST", "/time_entries", {"time_entry": entry})
    assert (made.status, made.document["resource_id"]) == (201, None)
    known = entry | {"resource_id": desk.id("tasks", 1)}
    shown = desk.call("POST", "/time_entries", {"time_entry": known}).document
    assert (shown["resource_id"], shown["resource_type"]) == (desk.id("tasks", 1), "Task")


def test_timemagic_tracks_tasks() -> None:
    """Events move a task on and open and close its entry; what makes no sense is 422, an unknown event 500."""
    desk = Desk("timemagic", shape="bare")
    desk.call("POST", "/__sandbox/seed", {"tasks": [{"name": "third", "project_id": 1}]})
    first, second, third = (f"/tasks/{desk.id('tasks', number)}" for number in (1, 2, 3))

    def event(place: str, name: str) -> Answer:
        return desk.call("PUT", place, query=f"event={name}")

    assert event(first, "start_tracking").document["status"] == "in_progress"
    assert event(first, "start_tracking").status == 422
    assert event(second, "start_tracking").status == 200
    assert event(third, "start_tracking").status == 422  # two at most
    assert event(third, "start_without_tracking").document["status"] == "in_progress"
    assert len(desk.call("GET", "/tasks/tracking").document) == 2
    desk.now += 3_600
    assert event(first, "stop_tracking").document["status"] == "pending"
    assert event(second, "finish").document["status"] == "completed"
    assert event(second, "finish").status == event(third, "no_such").status - 78 == 422
    entries = desk.call("GET", "/time_entries").document
    assert [one["end_time"] is not None for one in entries] == [True, True]


def test_timemagic_deletes_what_a_project_owns() -> None:
    """A project takes its tasks along, and these their entries."""
    desk = Desk("timemagic", shape="bare")
    entry = {"begin_time": "2026-03-02T09:00:00Z", "resource_type": "task", "resource_id": desk.id("tasks", 1)}
    desk.call("POST", "/time_entries", {"time_entry": entry})
    assert desk.call("DELETE", f"/projects/{desk.id('projects', 1)}").status == 204
    assert desk.call("GET", "/time_entries").document == []
    assert desk.call("GET", f"/tasks/{desk.id('tasks', 1)}").status == 404


# --- Bezala -----------------------------------------------------------------------------------------------------


def test_bezala_gives_a_token_for_a_password() -> None:
    """Signing in needs no token; a wrong password is 401; the token that comes back is good."""
    desk = Desk("bezala")
    given = {"email": "ada.lovelace@northwind.example", "password": "rehearsal"}
    answer = desk.call("POST", "/auth/token", given, Authorization="")
    assert (answer.status, answer.document["token"]) == (200, "t0ken")
    assert set(answer.document) == {"token", "user_id", "receipts_email"}
    assert desk.call("POST", "/auth/token", given | {"password": "x"}, Authorization="").status == 401
    assert desk.call("POST", "/auth/token", b"{", Authorization="").status == 400


def test_bezala_lists_each_resource_in_its_own_way() -> None:
    """Cost centers bare, up to 1000 or all of them; tasks in a collection with counts, 50 by default."""
    desk = Desk("bezala")
    desk.call("POST", "/__sandbox/seed", {"cost_centers": 1200, "tasks": 118})
    assert len(desk.call("GET", "/cost_centers").document) == 500
    assert len(desk.call("GET", "/cost_centers", query="per_page=5000").document) == 1000
    assert len(desk.call("GET", "/cost_centers", query="per_page=1000&page=2").document) == 202
    assert len(desk.call("GET", "/cost_centers", query="skip_pagination=true").document) == 1202
    page = desk.call("GET", "/tasks", query="page=3").document
    assert len(page["collection"]) == 20
    assert page["pagination"] == {"current_page": 3, "total_pages": 3, "total_count": 120}


def test_bezala_tasks_are_as_the_page_shows_them() -> None:
    """Every member of the page's example is there, with its defaults; filters and order do what they say."""
    desk = Desk("bezala")
    shown = desk.call("GET", "/tasks/1001").document
    assert shown == {
        "id": 1001,
        "cost_center_id": 501,
        "cost_center_name": "Apollo",
        "name": "Bookkeeping",
        "notes": None,
        "start_date": None,
        "end_date": None,
        "state": "in_progress",
        "external_id": "42",
        "monthly_limit_minutes": None,
        "is_time_limit_hard": False,
        "is_billable": False,
        "billable_amount_cents": 0,
        "billable_amount_currency": "EUR",
        "billable_amount_unit": "hour",
    }
    for query, ids in (("cost_center_id=502", [1002]), ("q=book", [1001]), ("sort_by=name&order=desc", [1002, 1001])):
        assert [one["id"] for one in desk.call("GET", "/tasks", query=query).document["collection"]] == ids
    assert desk.call("GET", "/tasks", query="state=nonsense").status == 400


def test_bezala_is_strict_about_values_and_names() -> None:
    """Enums, booleans in the four spellings, dates, references; a name also on an update."""
    desk = Desk("bezala")
    wrong = {"name": "x", "state": "open", "is_billable": "yes", "end_date": "2.3.2026", "cost_center_id": 9}
    answer = desk.call("POST", "/tasks", {"task": wrong})
    assert (answer.status, set(answer.document["errors"])) == (
        422,
        {"state", "is_billable", "end_date", "cost_center_id"},
    )
    for truth in (True, False, 1, 0, "true", "0"):
        assert desk.call("POST", "/tasks", {"task": {"name": "x", "is_billable": truth}}).status == 201
    assert desk.call("PUT", "/tasks/1001", {"task": {"notes": "n"}}).document["errors"] == {"name": ["can't be blank"]}
    assert desk.call("PUT", "/tasks/1001", {"task": {"name": "n", "notes": "n"}}).document["notes"] == "n"
    assert desk.call("POST", "/tasks", {"name": "x"}).status == 400


def test_bezala_filters_entries_by_dates() -> None:
    """A range of days, both ends included."""
    desk = Desk("bezala")
    for day in (1, 2, 3):
        entry = {"task_id": 1001, "date": f"2026-03-0{day}", "description": "d", "minutes": 5}
        assert desk.call("POST", "/time_entries", {"time_entry": entry}).status == 201
    found = desk.call("GET", "/time_entries", query="start_date=2026-03-02&end_date=2026-03-03").document
    assert [one["date"] for one in found["collection"]] == ["2026-03-02", "2026-03-03"]
