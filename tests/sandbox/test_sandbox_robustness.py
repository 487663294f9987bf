"""Robustness: whatever arrives is answered in JSON with a status below 500, and a refusal changes nothing."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_desk import BULK, SINGLE, Desk, link, many

from headrace.sandbox.productive import CATALOG, KINDS

scalars = st.none() | st.booleans() | st.integers(-5, 3000) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
identifiers = st.fixed_dictionaries({"type": scalars | st.sampled_from(["people", "tasks"]), "id": scalars})
pointers = values | st.fixed_dictionaries({"data": identifiers | st.none() | st.lists(identifiers, max_size=2)})


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a path and a body that are nearly right: known names with values of any kind."""
    kind = draw(st.sampled_from(KINDS))
    attributes = draw(st.dictionaries(st.sampled_from(sorted(kind.writable)), values, max_size=5))
    relationships = draw(st.dictionaries(st.sampled_from(sorted(kind.pointers) or ["x"]), pointers, max_size=3))
    item = {"type": draw(st.just(kind.type) | values), "id": draw(st.just(1001) | scalars)}
    item |= {"attributes": attributes, "relationships": relationships}
    data = draw(st.sampled_from([item, [item], [item, item]]) | values)
    return f"/{kind.type}", orjson.dumps({"data": data})


@many
@given(
    what=documents(),
    method=st.sampled_from(["POST", "PATCH", "DELETE"]),
    media_type=st.sampled_from([SINGLE, BULK]),
    member=st.sampled_from(
        ["", "/501", "/1001", "/801", "/²", "/501/change_workflow", "/501/map_to_workflow", "/copy"]
    ),
)
def test_no_document_breaks_the_server(what: tuple[str, bytes], method: str, media_type: str, member: str) -> None:
    """Any document on any route is answered; what is refused leaves the number of records as it was."""
    desk = Desk()
    before = desk.sandbox.store.counts
    path, body = what
    answer = desk.call(method, path + member, body, Content_Type=media_type)
    assert answer.status < 500
    if answer.status >= 400:
        assert answer.document["errors"]
        assert desk.sandbox.store.counts == before


@many
@given(body=st.binary(max_size=40), path=st.sampled_from(["audit", "seed", "faults", "records/x", ""]))
def test_no_control_request_breaks_the_server(body: bytes, path: str) -> None:
    """Any bytes to the control routes are answered."""
    for method in ("GET", "POST"):
        assert Desk().sandbox.handle(method, f"/__sandbox/{path}", now=0.0, body=body).status in {200, 201, 400, 404}


@pytest.mark.parametrize(
    "query",
    ["filter[", "filter[$op][x]=1", "filter[0]=1", "filter[custom_fields]=1", "filter[]=1", "filter[id][eq][eq]=x"],
)
def test_odd_filters_are_refused(query: str) -> None:
    """Filters without the shape of one are 400, never an error of the server or a silent "all"."""
    assert Desk().get("/companies", query).status == 400


def test_a_project_cannot_be_created_without_a_workflow_by_null() -> None:
    """A null workflow is as invalid as a missing one, when it is created and when it is changed."""
    desk = Desk()
    fields = {"name": "x", "project_type_id": 2, "company_id": 102, "project_manager_id": 201}
    invalid = [("data/attributes/workflow", "attribute is invalid")]
    assert desk.create("projects", **fields, workflow_id=None).faults == invalid
    document = {"data": {"type": "projects", "attributes": {"map": "x"}, "relationships": {"workflow": {"data": None}}}}
    assert desk.call("PATCH", "/projects/501/change_workflow", document).faults == invalid
    document["data"]["relationships"] = {"workflow": link("workflows", 729)}
    changed = desk.call("PATCH", "/projects/501/change_workflow", document)
    assert changed.faults == [("data/attributes/map", "attribute is invalid")]


def test_seeded_rows_take_ids_as_text() -> None:
    """A seeded relationship is found again, however its id was spelled."""
    desk = Desk()
    desk.call("POST", "/__sandbox/seed", {"services": [{"name": "x", "deal_id": "802"}]})
    assert "906" in desk.get("/services", "filter[deal_id]=802").ids


def test_every_relationship_leads_to_a_type_that_is_served() -> None:
    """The tables hang together: targets exist, filters, sorts, rules and required names mean something."""
    for kind in KINDS:
        assert {to.target for to in kind.relations.values()} <= set(CATALOG.kinds)
        fields = set(kind.attributes) | set(kind.relations)
        assert set(kind.required) <= fields
        assert set(kind.text) <= set(kind.template)
        assert kind.unseen <= set(kind.attributes)
        for name in kind.sorts:
            assert Desk().get(f"/{kind.type}", f"sort=-{name}").status == 200
        for name in set(kind.filters) - {"custom_fields"}:
            assert Desk().get(f"/{kind.type}", f"filter[{name}]=").status == 200
