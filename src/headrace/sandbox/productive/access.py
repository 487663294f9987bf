"""Memberships, teams and assignments: who may do what where, as Productive's pages describe it.

Memberships: https://developer.productive.io/reference/resources/memberships.

They are played without dashboards, task views, pulses and surveys, of which the sandbox has none. Which level of
access fits which target, and the filters: the schema of the vendor's own client (cli-toolbox). Assignments to services:
https://developer.productive.io/service_assignments.html, which lists filters and says that nothing is sorted by; of
those to types of services no page lists any filter.
"""

from collections.abc import Mapping
from typing import Final

from headrace.sandbox.jsonapi.checks import INTEGER, TEXT, choice
from headrace.sandbox.jsonapi.kind import Draft, Kind, To, exactly_one_of, words
from headrace.sandbox.jsonapi.problems import BLANK, NOT_LISTED
from headrace.sandbox.productive.rules import Finding
from headrace.sandbox.store import Store

_EMPLOYEES: Final = frozenset({2})
_LEVELS: Final[Mapping[str, frozenset[int]]] = {
    "project": frozenset({5}),
    "deal": frozenset({5}),
    "page": frozenset({1, 2, 3, 4}),
}
_GROUPS: Final[Mapping[str, frozenset[int]]] = {
    "project": _EMPLOYEES,
    "deal": frozenset({2, 6, 8, 9}),
    "page": frozenset({2, 6, 8, 10}),
}


def _who(draft: Draft, _: Store) -> Finding:
    """Want the person (type 1), group (2) or team (3) that gets access."""
    person, team = draft.link("person"), draft.link("team")
    named = {1: ("person", person), 2: ("dynamic_group_id", draft.value("dynamic_group_id")), 3: ("team", team)}
    field, value = named.get(draft.value("type_id"), ("", 0))
    if value is None:
        yield field, BLANK


def _what(draft: Draft, store: Store) -> Finding:
    """Want a level and a group that the target has; a page has the groups of a project only if it is in one."""
    target = _target(draft)
    if target is None:
        return
    level, group = draft.value("access_type_id"), draft.value("dynamic_group_id")
    if level is not None and level not in _LEVELS[target]:
        yield "access_type_id", NOT_LISTED
    page = store.get("pages", draft.link("page") or 0)
    is_alone = page is not None and page.links.get("project") is None
    if group is not None and group not in (_EMPLOYEES if is_alone else _GROUPS[target]):
        yield "dynamic_group_id", NOT_LISTED


def _target(draft: Draft) -> str | None:
    return next((name for name in _LEVELS if draft.link(name) is not None), None)


def _name_target(draft: Draft, _: Store) -> None:
    draft.attributes["target_type"] = _target(draft)


MEMBERSHIPS = Kind(
    "memberships",
    attributes={
        "type_id": choice(1, 2, 3),
        "access_type_id": choice(1, 2, 3, 4, 5),
        "dynamic_group_id": choice(2, 6, 8, 9, 10),
    },
    relations={
        "person": To("people"),
        "team": To("teams"),
        "project": To("projects"),
        "page": To("pages"),
        "deal": To("deals"),
    },
    required=("type_id", "access_type_id"),
    defaults={"options": None, "target_type": None},
    stamps=(),
    filters=words("type_id access_type_id dynamic_group_id person_id team_id project_id page_id"),
    sorts=words("id"),
    rules=(_who, exactly_one_of(*_LEVELS), _what),
    completions=(_name_target,),
)

SERVICE_ASSIGNMENTS = Kind(
    "service_assignments",
    attributes={},
    relations={"service": To("services"), "person": To("people")},
    required=("service", "person"),
    stamps=(),
    filters=words("service_id person_id"),
    bulk=frozenset({"create", "delete"}),
)

SERVICE_TYPE_ASSIGNMENTS = Kind(
    "service_type_assignments",
    attributes={},
    relations={"service_type": To("service_types"), "person": To("people")},
    required=("service_type", "person"),
    stamps=(),
    bulk=frozenset({"create", "delete"}),
)

TEAMS = Kind(
    "teams",
    attributes={"name": TEXT, "color_id": INTEGER, "icon_id": TEXT},
    required=("name",),
    stamps=(),
    filters=words("name query"),
    sorts=words("id name"),
    text=("name",),
)
