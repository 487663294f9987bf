"""What several Bezala resources share: ids of other records, and values."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from headrace.provider.table import REFERENCE

DOCS: Final = "https://app.bezala.com/apipie/1.0/"
"""The vendor's own pages, one a resource."""

CostCenterId: TypeAlias = Annotated[
    int, Meta(ge=1, description="the cost center, which is the project", extra={REFERENCE: "cost_centers"})
]
TaskId: TypeAlias = Annotated[int, Meta(ge=1, description="the task", extra={REFERENCE: "tasks"})]
Name: TypeAlias = Annotated[str, Meta(min_length=1, description="name; not blank")]
Minutes: TypeAlias = Annotated[int, Meta(ge=0, description="minutes")]
ExternalId: TypeAlias = Annotated[
    str, Meta(description='id in another system; with marker = "external_id" we write our own, to find the row by')
]
