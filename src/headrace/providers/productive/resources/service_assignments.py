"""Assignments: who may track time and expenses, where a budget is restricted to assigned people.

https://developer.productive.io/service_assignments.html: on services (a budget's `tracking_type_id` 2), or on all
services of a type (3).
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.vocabulary import DOCS, PersonId, ServiceId, ServiceTypeId

_BULK: Final = Bulk(operations=frozenset({"create", "delete"}))


class ServiceAssignment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That a person may track on a service."""

    service_id: ServiceId
    person_id: Annotated[PersonId, Meta(description="who may track on it")]


class ServiceTypeAssignment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That a person may track on the services of a type."""

    service_type_id: ServiceTypeId
    person_id: Annotated[PersonId, Meta(description="who may track on them")]


SERVICE_ASSIGNMENTS: Final = Resource(
    name="service_assignments",
    struct=ServiceAssignment,
    guarantee=NaturalKey(("service_id", "person_id")),
    doc=f"{DOCS}service-assignments",
    bulk=_BULK,
    filters=frozenset({"service_id", "person_id"}),
)

SERVICE_TYPE_ASSIGNMENTS: Final = Resource(
    name="service_type_assignments",
    struct=ServiceTypeAssignment,
    guarantee=NaturalKey(("service_type_id", "person_id")),
    doc=f"{DOCS}service-type-assignments",
    bulk=_BULK,
)
