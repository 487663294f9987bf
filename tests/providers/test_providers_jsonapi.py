"""Every JSON:API body, ours and the sandbox's, before an independent judge; see `jsonapi_referee.py`."""

from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonapi_referee import DEVIATIONS, SCHEMA, Judged, judge, judge_reply, judge_request, ours
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from providers_rows import MINIMAL, UNHURRIED
from providers_values import values
from test_providers_against_sandbox import ACTED
from test_providers_conformance import SUBJECTS

from headrace.importfile import single
from headrace.migration import Report
from headrace.model import Request
from headrace.pipeline import Settings
from headrace.provider import Resource
from headrace.provider.form import form
from headrace.providers import PROVIDERS
from headrace.sandbox.message import Reply
from headrace.sandbox.options import Options
from headrace.sandbox.productive import CATALOG
from headrace.testing import virtual_time
from headrace.testing.conformance import CHECKS
from headrace.testing.wire import simulated_client

PRODUCTIVE: Final = PROVIDERS["productive"]
WRITTEN: Final = [(resource.name, operation) for resource in PRODUCTIVE.resources for operation in resource.operations]


def table(name: str) -> Resource:
    found = PRODUCTIVE.resource(name)
    assert found is not None
    return found


def sandbox(**options: Any) -> Judged:
    return Judged(Options(token="secret", window="off", **options))


def test_the_schema_is_one() -> None:
    """The judge's own schema is valid JSON Schema."""
    Draft202012Validator.check_schema(SCHEMA)


# --- what we send -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "operation"), WRITTEN)
def test_every_request_is_json_api(name: str, operation: str) -> None:
    """Whatever values a Struct may hold, the single and the bulk request of every operation are without a fault."""
    resource = table(name)
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, operation)

    @settings(UNHURRIED, max_examples=8)
    @given(st.lists(values(form(resource, operation)), min_size=1, max_size=3))
    def check(several: list[msgspec.Struct]) -> None:
        numbered = [
            replace(each, id=place) if "id" in each.__struct_fields__ else each
            for place, each in enumerate(several, start=1)
        ]
        if resource.takes_bulk(operation):
            assert judge_request(codec.request(numbered, bulk=True)) == []
        assert judge_request(codec.request(numbered[:1], bulk=resource.takes_bulk(operation))) == []

    check()


# --- what the sandbox answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MINIMAL)
@pytest.mark.parametrize("pointers", ["plain", "indexed"])
def test_every_answer_is_json_api(name: str, pointers: str) -> None:
    """Created, changed, refused, listed with all that can be included, deleted, gone: no fault but the vendor's."""
    target, resource = sandbox(pointers=pointers), table(name)

    def write(operation: str, **fields: Any) -> Reply:
        codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, operation)
        value = msgspec.convert(fields, form(resource, operation), strict=False)
        return target.send(codec.request([value], bulk=resource.takes_bulk(operation)))

    made = write("create", **MINIMAL[name])
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, "create")
    (identity,) = codec.ids(made.body, [msgspec.convert(MINIMAL[name], resource.struct, strict=False)]) or ("none",)
    kept = {field: cell for field, cell in MINIMAL[name].items() if field not in resource.create_only}
    assert write("update", id=identity, **kept).status == (200 if "update" in resource.writes else 404)
    relations = CATALOG.kinds[resource.name].relations
    for include in ("", ",".join(relations)):
        for params in ((), (("page[after]", ""),), (("sort", "nonsense"),), (("filter[nonsense]", "1"),)):
            target.send(Request(method="GET", path=resource.path, params=(*params, ("include", include))))
    target.send(Request(method="GET", path=f"{resource.path}/{identity}"))
    assert write("delete", id=identity).status == (204 if "delete" in resource.writes else 404)
    assert write("delete", id=identity).status == 404
    target.send(Request(method="GET", path=f"{resource.path}/{identity}"))
    assert ours(target.found) == []
    assert target.judged >= 12


@pytest.mark.parametrize(("name", "action"), ACTED)
def test_every_action_is_json_api(name: str, action: str) -> None:
    """An action's request and its answer, done and refused, are without a fault but the vendor's."""
    target, resource = sandbox(), table(name)
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, action)
    for identity in (ACTED[name, action]["id"], 999_999):
        value = msgspec.convert({**ACTED[name, action], "id": identity}, form(resource, action), strict=False)
        target.send(codec.request([value], bulk=resource.takes_bulk(action)))
    assert (ours(target.found), target.judged) == ([], 2)


def test_reports_are_json_api() -> None:
    """A report's rows are resource objects."""
    target = sandbox()
    for group in ("person", "nonsense"):
        target.send(Request(method="GET", path="/reports/time_reports", params=(("group", group),)))
    assert (ours(target.found), target.judged) == ([], 2)


CHECKED: Final = (
    "every_row_is_created_once",
    "a_refusal_names_its_field",
    "a_record_is_changed_and_deleted",
    "every_page_is_read",
    "a_429_is_sat_out",
    "what_is_lost_is_settled_or_in_doubt",
    "the_sample_runs",
)


@pytest.mark.parametrize("check", CHECKED)
def test_whole_runs_speak_json_api(check: str, tmp_path: Path) -> None:
    """What the engine and the sandbox say to each other in the conformance suite is without a fault but the vendor's.

    With batches, lookups, pages, read-backs, repetitions, refusals and 429s, as they come up in runs.
    """
    made: list[Judged] = []

    def judged(**options: Any) -> Judged:
        made.append(Judged(Options(**options), virtual_time.START))
        return made[-1]

    CHECKS[check](replace(SUBJECTS["productive"], sandbox=judged), tmp_path)
    assert sum(each.judged for each in made) > 0
    assert [fault for each in made for fault in ours(each.found)] == []


def test_files_are_attached_in_json_api(tmp_path: Path) -> None:
    """The steps of an attachment beside its upload, with lists that are read and replaced, are without a fault."""
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "rows.csv").write_text("file,task_id\na.txt,1001\na.txt,1001\na.txt,999999\n")
    judged = Judged(Options(token="secret"), virtual_time.START)
    spec = single(str(tmp_path / "rows.csv"), "productive", "attachments")

    async def main() -> Report:
        async with simulated_client(judged, Settings(attachments_dir=tmp_path)) as client:
            return await client.run(spec, checkpoint=None, results=None)

    assert virtual_time.run(main).summary.done == 2
    assert judged.judged == 1 + 2 * 4 + 3
    assert ours(judged.found) == []


# --- the judge --------------------------------------------------------------------------------------------------

ONE: Final = {"type": "tasks", "id": "1", "attributes": {"title": "T"}}
LINKED: Final = {**ONE, "relationships": {"project": {"data": {"type": "projects", "id": "5"}}}}
PROJECT: Final = {"type": "projects", "id": "5", "attributes": {"name": "P"}}
SOUND: Final[dict[str, Any]] = {
    "answer": {"data": [LINKED], "included": [PROJECT], "links": {"first": "/tasks"}, "meta": {"total_count": 1}},
    "create": {"data": {"type": "tasks", "attributes": {"title": "T"}}},
    "update": {"data": ONE},
    "bulkCreate": {"data": [{"type": "tasks", "attributes": {"title": "T"}}]},
    "bulkUpdate": {"data": [ONE]},
    "bulkDelete": {"data": [{"type": "tasks", "id": "1"}]},
    "errors": {"errors": [{"status": "422", "source": {"pointer": "/data/attributes/title"}}]},
}
BROKEN: Final[dict[str, tuple[str, Any, str]]] = {
    "a number for an id": ("update", {"data": {**ONE, "id": 1}}, "type"),
    "no type": ("create", {"data": {"attributes": {}}}, "required"),
    "no id": ("bulkUpdate", {"data": [{"type": "tasks"}]}, "required"),
    "attributes beside the data": ("create", {"data": {"type": "tasks"}, "attributes": {}}, "additionalProperties"),
    "an attribute beside attributes": ("create", {"data": {"type": "tasks", "title": "T"}}, "additionalProperties"),
    "an attribute called id": ("create", {"data": {"type": "tasks", "attributes": {"id": 1}}}, "not"),
    "a list without the extension": ("create", {"data": [{"type": "tasks"}]}, "type"),
    "one without a list": ("bulkCreate", {"data": {"type": "tasks"}}, "type"),
    "an empty list": ("bulkDelete", {"data": []}, "minItems"),
    "a bare id as relationship": ("create", {"data": {"type": "t", "relationships": {"p": 5}}}, "type"),
    "a relationship of nothing": ("create", {"data": {"type": "t", "relationships": {"p": {}}}}, "minProperties"),
    "linkage without type": (
        "create",
        {"data": {"type": "t", "relationships": {"p": {"data": {"id": "5"}}}}},
        "required",
    ),
    "a name with a bracket": ("create", {"data": {"type": "t", "attributes": {"a[b]": 1}}}, "pattern"),
    "a name that ends in an underscore": ("create", {"data": {"type": "t", "attributes": {"a_": 1}}}, "pattern"),
    "attributes to delete": ("bulkDelete", {"data": [ONE]}, "additionalProperties"),
    "neither data nor errors": ("answer", {"meta": {}}, "required"),
    "data and errors": ("answer", {"data": None, "errors": []}, "additionalProperties"),
    "a status that is a number": ("errors", {"errors": [{"status": 422}]}, "type"),
    "a pointer without its slash": ("errors", {"errors": [{"source": {"pointer": "data"}}]}, "pattern"),
    "a field twice": ("answer", {"data": {**LINKED, "attributes": {"project": 5}}}, "fields"),
    "a record twice": ("answer", {"data": [ONE, {**ONE, "attributes": {}}]}, "unique"),
    "included, not linked": ("answer", {"data": [ONE], "included": [PROJECT]}, "full linkage"),
}


@pytest.mark.parametrize("role", SOUND)
def test_the_judge_accepts_what_is_sound(role: str) -> None:
    """A document as the specification shows it is without a fault."""
    assert judge(role, SOUND[role]) == []


@pytest.mark.parametrize("what", BROKEN)
def test_the_judge_finds_what_is_broken(what: str) -> None:
    """A document that breaks one rule is found to break that rule."""
    role, document, rule = BROKEN[what]
    assert rule in {fault.rule for fault in judge(role, document)}


@settings(UNHURRIED, max_examples=60)
@given(st.data())
def test_no_part_of_a_document_may_be_anything(data: st.DataObject) -> None:
    """Whatever part of our request is replaced by a number, but an attribute's value: the judge notices."""
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, table("tasks"), "create")
    value = msgspec.convert(MINIMAL["tasks"], table("tasks").struct, strict=False)
    document = msgspec.json.decode(codec.request([value], bulk=False).body or b"")
    broken: Any = deepcopy(document)
    places = [path for path in _places(document) if path[:2] != ("data", "attributes") or len(path) == 2]
    *above, last = data.draw(st.sampled_from(places))
    inner = broken
    for name in above:
        inner = inner[name]
    inner[last] = 7
    assert judge("create", broken)


def _places(document: Any, *above: str) -> list[tuple[str, ...]]:
    if not isinstance(document, dict):
        return []
    return [each for name, below in document.items() for each in ((*above, name), *_places(below, *above, name))]


def test_media_types_are_judged() -> None:
    """Another media type, a bulk one over a single record and an answer of another kind are faults."""
    body = msgspec.json.encode(SOUND["create"])
    for media_type in ("application/json", "application/vnd.api+json; ext=bulk"):
        assert judge_request(Request(method="POST", path="/tasks", headers={"Content-Type": media_type}, body=body))
    answer = Reply(200, {"Content-Type": "application/json"}, msgspec.json.encode(SOUND["answer"]))
    assert [fault.rule for fault in ours(judge_reply(answer))] == ["media type"]


def test_every_deviation_of_the_vendor_is_seen() -> None:
    """None of the exceptions is stale: the sandbox, which plays the vendor, shows each."""
    target = Judged(Options(token="secret"), 1.0)
    task = PRODUCTIVE.wire.codec(PRODUCTIVE, table("tasks"), "create")
    wrong = MINIMAL["tasks"] | {"project_id": "999999"}
    target.send(task.request([msgspec.convert(wrong, table("tasks").struct, strict=False)], bulk=False))
    for _ in range(101):
        target.send(Request(method="GET", path="/tasks"))
    assert ours(target.found) == []
    for deviation in DEVIATIONS:
        assert any(deviation.covers(fault) for fault in target.found), deviation
