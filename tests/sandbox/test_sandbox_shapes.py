"""The bytes on the wire: answers have the shape of the vendor's own examples."""

from sandbox_desk import BULK, Desk, entry, link

from headrace.sandbox.productive.fixture import rows

PROJECT_ATTRIBUTES = {
    "name": "test name",
    "number": "4",
    "project_number": "4",
    "project_type_id": 2,
    "project_color_id": None,
    "last_activity_at": "2023-11-14T22:13:20.000+00:00",
    "public_access": False,
    "time_on_tasks": False,
    "tag_colors": {},
    "archived_at": None,
    "created_at": "2023-11-14T22:13:20.000+00:00",
    "template": False,
    "custom_fields": None,
    "task_custom_fields_ids": None,
    "sample_data": False,
}

PROJECT = {
    "type": "projects",
    "attributes": {"name": "test name", "project_type_id": 2},
    "relationships": {
        "company": link("companies", 102),
        "project_manager": link("people", 201),
        "workflow": link("workflows", 728),
    },
}


def test_a_created_project_is_answered_as_on_the_vendors_page() -> None:
    """`POST /projects` has the attributes and relationships of the page of 19 April 2024, and no others."""
    answer = Desk().call("POST", "/projects", {"data": PROJECT})
    left_out = {"meta": {"included": False}}
    hidden = ("company", "project_manager", "last_actor", "workflow", "custom_field_people", "template_object")
    assert answer.status == 201
    assert answer.document == {
        "data": {
            "id": "504",
            "type": "projects",
            "attributes": PROJECT_ATTRIBUTES,
            "relationships": {
                "organization": {"data": {"type": "organizations", "id": "948"}},
                **dict.fromkeys(hidden, left_out),
            },
        },
        "meta": {},
    }


def test_answers_carry_the_vendors_headers() -> None:
    """Media type with charset also for bulk, a request id, and the runtime in seconds."""
    answer = Desk().bulk("POST", "/time_entries", [entry()])
    assert answer.reply.headers["Content-Type"] == "application/vnd.api+json; charset=utf-8"
    assert len(answer.reply.headers["X-Request-Id"]) == 32
    assert float(answer.reply.headers["X-Runtime"]) > 0


def test_the_vendors_bulk_example_is_stored_and_echoed_in_order() -> None:
    """`POST /time_entries` with two records answers 201 with both, in the request's order, ids as text."""
    answer = Desk().bulk("POST", "/time_entries", [entry("first note"), entry("second note")])
    assert answer.status == 201
    assert answer.ids == ["1", "2"]
    assert [each["attributes"]["note"] for each in answer.document["data"]] == ["first note", "second note"]


def test_the_recorded_422_of_an_empty_task() -> None:
    """`POST /tasks` without attributes answers exactly what was recorded from the vendor."""
    answer = Desk().create("tasks")
    fields = ("title", "project", "task_list")
    assert answer.status == 422
    assert answer.document == {
        "errors": [
            {
                "status": "422",
                "code": "invalid_attribute",
                "title": "Invalid Attribute",
                "detail": "can't be blank",
                "meta": {},
                "source": {"pointer": f"data/attributes/{field}"},
            }
            for field in fields
        ]
    }


def test_the_guides_error_bodies() -> None:
    """401, 403, 404, 406, 415 and 400 have the bodies of the vendor's guides and recordings."""
    desk = Desk()
    assert desk.get("/people", X_Auth_Token="wrong").document["errors"] == [
        {"status": 401, "title": "Unauthenticated", "detail": "You are not authenticated"}
    ]
    assert desk.get("/people", X_Organization_Id="949").document["errors"] == [
        {"status": 403, "title": "Access Denied", "detail": "You are not authorized to access this resource"}
    ]
    assert desk.get("/people/999999").document["errors"] == [
        {
            "status": "404",
            "code": "record_not_found",
            "title": "Record Not Found",
            "detail": "The requested record was not found",
            "meta": {},
            "source": {},
        }
    ]
    assert desk.get("/people", Accept="text/html").document["errors"] == [
        {"status": 406, "title": "Not Acceptable", "detail": "The request was not accepted"}
    ]
    assert desk.call("POST", "/tasks", {}, Content_Type="application/json").document["errors"] == [
        {"status": 415, "title": "Unsupported Media Type", "detail": "Unsupported content type"}
    ]
    assert desk.get("/people", "filter[undefined]=1").document["errors"] == [
        {
            "status": 400,
            "title": "Unsupported Filter",
            "detail": "Filter 'undefined' is not supported on this endpoint",
        }
    ]
    assert desk.call("POST", "/tasks", b"{").document["errors"] == [
        {"status": "400", "title": "Bad Request", "meta": {}, "source": {}}
    ]


def test_the_vendors_page_of_projects() -> None:
    """A list has `links` and `meta` as on the vendor's page."""
    answer = Desk().get("/projects")
    page = "http://127.0.0.1:8400/api/v2/projects?page%5Bnumber%5D=1&page%5Bsize%5D=30"
    assert answer.document["links"] == {"first": page, "last": page}
    assert answer.document["meta"] == {
        "current_page": 1,
        "total_pages": 1,
        "total_count": 3,
        "page_size": 30,
        "max_page_size": 200,
    }


def test_includes_and_sparse_fields_as_in_the_guide() -> None:
    """`include` adds identifiers and `included`, each record once; `fields` cuts attributes and relationships."""
    query = "include=creator,project.project_manager&fields[tasks]=title,creator&fields[people]=first_name,nonsense"
    document = Desk().get("/tasks", f"filter[id]=1001&{query}").document
    assert document["data"] == [
        {
            "id": "1001",
            "type": "tasks",
            "attributes": {"title": "Planning"},
            "relationships": {"creator": {"data": {"type": "people", "id": "201"}}},
        }
    ]
    included = {(each["type"], each["id"]): each for each in document["included"]}
    assert set(included) == {("people", "201"), ("projects", "501")}
    assert included["people", "201"]["attributes"] == {"first_name": "Ada"}
    assert included["projects", "501"]["relationships"]["project_manager"] == link("people", 201)
    assert included["projects", "501"]["relationships"]["workflow"] == {"meta": {"included": False}}


def test_the_fixture_holds_together() -> None:
    """Every relationship of the fixture leads to a record of the fixture, and its ids tell types apart."""
    from headrace.sandbox.productive import CATALOG

    store = Desk().sandbox.store
    for name in rows(948):
        kind = CATALOG.kinds[name]
        for record in store.table(name).values():
            assert set(record.links) <= set(kind.relations)
            assert set(record.attributes) <= set(kind.template) | set(kind.attributes)
            for relation, number in record.links.items():
                assert store.get(kind.relations[relation].target, number), (name, record, relation)


def test_a_time_entry_over_the_fixture_works_out_of_the_box() -> None:
    """Flat ids are accepted as well, for a single record under the plain media type."""
    answer = Desk().create("time_entries", date="2026-01-31", time=90, person_id=202, service_id="903", note="hi")
    assert answer.status == 201
    assert answer.document["data"]["attributes"]["billable_time"] == 90


def test_bulk_media_type_in_any_spacing() -> None:
    """`ext=bulk` counts however it is spaced or quoted, and with a charset."""
    for media_type in (
        BULK,
        "application/vnd.api+json;ext=bulk",
        'application/vnd.api+json;  EXT="bulk"; charset=utf-8',
    ):
        assert Desk().call("POST", "/tasks", {"data": []}, Content_Type=media_type).status == 400
