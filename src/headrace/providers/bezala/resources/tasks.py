"""Tasks: work on a cost center, billed or not."""

import datetime as dt
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource, StoredMarker
from headrace.providers.bezala.vocabulary import DOCS, CostCenterId, ExternalId, Minutes, Name


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task to create."""

    name: Name
    cost_center_id: CostCenterId | UnsetType = UNSET
    notes: Annotated[str, Meta(description="additional notes")] | UnsetType = UNSET
    start_date: Annotated[dt.date, Meta(description="first day")] | UnsetType = UNSET
    end_date: Annotated[dt.date, Meta(description="last day")] | UnsetType = UNSET
    state: (
        Annotated[Literal["in_progress", "completed", "not_started"], Meta(description="state; by default in_progress")]
        | UnsetType
    ) = UNSET
    external_id: ExternalId | UnsetType = UNSET
    monthly_limit_minutes: Annotated[Minutes, Meta(description="minutes that a month allows")] | UnsetType = UNSET
    is_time_limit_hard: (
        Annotated[bool, Meta(description="whether the limit stops entries; by default not")] | UnsetType
    ) = UNSET
    is_billable: Annotated[bool, Meta(description="whether it is billed; by default not")] | UnsetType = UNSET
    billable_amount_cents: (
        Annotated[int, Meta(ge=0, description="cents to bill per unit; for billable tasks")] | UnsetType
    ) = UNSET
    billable_amount_currency: (
        Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code; by default EUR")] | UnsetType
    ) = UNSET
    billable_amount_unit: (
        Annotated[Literal["hour", "day", "fixed"], Meta(description="unit; by default hour")] | UnsetType
    ) = UNSET


TASKS = Resource(
    name="tasks",
    struct=Task,
    guarantee=StoredMarker(
        "external_id",
        otherwise=NaturalKey(("cost_center_id", "name", "notes", "start_date", "end_date", "external_id")),
    ),
    note="notes",
    doc=f"{DOCS}tasks.html",
    lookups={"name": ("name",), "external_id": ("external_id",)},
    filters=frozenset({"cost_center_id", "state", "q"}),
    always=frozenset({"name"}),  # PUT requires it as POST does
)
