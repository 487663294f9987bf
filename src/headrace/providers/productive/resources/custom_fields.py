"""Custom fields: fields of the organization's own, and the options of those that are selected from."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.resources.lifecycle import ARCHIVE, KEPT
from headrace.providers.productive.vocabulary import DOCS, CustomFieldId, Name, Position, ProjectId


class CustomField(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The definition of a custom field to create. The specification requires name, type and what has the field."""

    name: Name
    data_type_id: Annotated[
        Literal[1, 2, 3, 4, 5, 6, 7],
        Meta(description="1 text, 2 number, 3 select, 4 date, 5 multiple select, 6 person, 7 attachment"),
    ]
    # No time entries, task lists, folders, todos, comments or memberships: they have no custom fields.
    customizable_type: Annotated[
        Literal[
            "deals",
            "projects",
            "companies",
            "budgets",
            "invoices",
            "tasks",
            "bookings",
            "project_expenses",
            "services",
            "employees",
            "contacts",
            "pages",
            "survey_responses",
        ],
        Meta(description="what has the field"),
    ]
    description: Annotated[str, Meta(description="what it is for")] | UnsetType = UNSET
    project_id: Annotated[ProjectId, Meta(description="the only project that has it")] | UnsetType = UNSET
    global_: Annotated[bool, Meta(description="whether all projects have it; of task fields")] | UnsetType = field(
        default=UNSET, name="global"
    )
    required: Annotated[bool, Meta(description="whether it must be filled")] | UnsetType = UNSET
    sensitive: Annotated[bool, Meta(description="whether few may see it")] | UnsetType = UNSET
    show_in_add_edit_views: Annotated[bool, Meta(description="whether forms show it")] | UnsetType = UNSET
    quick_add_enabled: Annotated[bool, Meta(description="whether short forms show it")] | UnsetType = UNSET
    formatting_type_id: (
        Annotated[Literal[1, 2], Meta(description="of numbers: 1 decimal, 2 percentage")] | UnsetType
    ) = UNSET
    aggregation_type_id: Annotated[Literal[1, 2], Meta(description="of numbers: 1 sum, 2 average")] | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class CustomFieldOption(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A value to create, that a select field may have."""

    name: Name
    custom_field_id: CustomFieldId
    position: Position | UnsetType = UNSET
    color_id: Annotated[int, Meta(ge=1, description="number of its colour")] | UnsetType = UNSET


CUSTOM_FIELDS = Resource(
    name="custom_fields",
    writes=KEPT,
    struct=CustomField,
    guarantee=NaturalKey(("name", "customizable_type", "data_type_id", "project_id")),
    doc=f"{DOCS}custom-fields",
    lookups={"name": ("name",)},
    # https://developer.productive.io/custom_fields.html, which knows `archived` as well.
    filters=frozenset({"name", "project_id", "customizable_type", "global"}),
    # Neither fields nor options can be taken back: there is no page that restores them.
    actions=(ARCHIVE,),
)

CUSTOM_FIELD_OPTIONS = Resource(
    name="custom_field_options",
    writes=KEPT,
    struct=CustomFieldOption,
    guarantee=NaturalKey(("name", "custom_field_id")),
    doc=f"{DOCS}custom-field-options",
    lookups={"name": ("name",)},
    filters=frozenset({"name", "custom_field_id"}),
    actions=(ARCHIVE,),
)
