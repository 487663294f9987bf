"""A provider as a value: its address, credentials, limits and resources. No behaviour beyond looking things up."""

import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import Meta, Struct

from headrace.model import NO_MAPPING
from headrace.provider.guarantee import CREATE, REPEATABLE, UPSERT, Guarantee, NoGuarantee
from headrace.provider.limit import Limit, Route, WorkLimit
from headrace.provider.setting import Setting
from headrace.provider.signin import SignIn
from headrace.provider.steps import Step
from headrace.provider.verdict import DEFAULT_VERDICTS, Verdict
from headrace.provider.wire import Wire

REFERENCE: Final = "resource"
SOMETHING: Final = "<something>"
"""What a field is where it has a value, whichever (`Action.leaves`)."""
UUID: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
"""What an id of `Ids.UUID` looks like, as a pattern."""


class Ids(StrEnum):
    """What the ids of an API's records are: positive numbers, or UUIDs."""

    NUMBER = "number"
    UUID = "uuid"

    def of(self, number: int) -> str:
        """Return an id as text, made of a number from 1: every field of such ids takes it."""
        return str(number) if self is Ids.NUMBER else str(uuid.UUID(int=number))


_TYPES: Final[Mapping[Ids, tuple[type, Mapping[str, Any]]]] = MappingProxyType(
    {Ids.NUMBER: (int, {"ge": 1}), Ids.UUID: (str, {"pattern": UUID})}
)


def reference(resource: str, *, ids: Ids = Ids.NUMBER, description: str | None = None) -> Any:
    """Return the type of a field that holds the id of a record of `resource`."""
    kind, bounds = _TYPES[ids]
    return Annotated[kind, Meta(**bounds, description=description, extra={REFERENCE: resource})]


@lru_cache(maxsize=512)  # asked for every record of an export, and it evaluates every annotation of the type
def references(struct: type[Struct]) -> Mapping[str, str]:
    """Return the fields of `struct` that are ids of other resources, and those resources' names."""
    targets = {field.name: _reference_of(field.type) for field in msgspec.structs.fields(struct)}
    return MappingProxyType({name: target for name, target in targets.items() if target is not None})


def _reference_of(annotation: Any) -> str | None:
    """Return the resource that a field's type refers to, looking through unions."""
    for meta in getattr(annotation, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra and REFERENCE in meta.extra:
            return str(meta.extra[REFERENCE])
    return next(filter(None, map(_reference_of, get_args(annotation))), None)


class Auth(Struct, frozen=True, kw_only=True):
    """Which headers carry the credentials: header name to a template over `{token}` and `{organization}`.

    `sign_in` says how somebody without a token gets one, None where there is no way.
    """

    headers: Mapping[str, str]
    sign_in: SignIn | None = None

    @property
    def needs_organization(self) -> bool:
        """Whether an organization must be given beside the token."""
        return any("{organization}" in template for template in self.headers.values())


class Bulk(Struct, frozen=True, kw_only=True):
    """Which operations take many records in one request, and what a refusal of such a request means.

    `atomicity` is `atomic` (all or nothing), `per_item` or `unknown`. `size` is the default number of records per
    request. `ordered` says that the API promises answers in request order. `only` are the operations that there is no
    other form of: one record too is sent as a list.
    """

    operations: frozenset[str]
    size: int = 100
    atomicity: str = "atomic"
    ordered: bool = False
    only: frozenset[str] = frozenset()


class Action(Struct, frozen=True, kw_only=True):
    """A named operation on one record that is there: `method` on the record's path with `tail` behind it.

    `params` are its query. `struct` has the fields that it takes beside the record's id, None where it takes none;
    they go into the body. `description` says, in a few words, what becomes of the record. `is_repeatable` says that
    doing it twice is doing it once. One that is `collective` goes to the resource's path with `tail`, names many
    records and is answered with nothing. One that makes a record of another goes there too; `source` is the field that
    names the other one, and `as_list` says that its document is a bulk one even so. `leaves` says what can be seen of
    the record afterwards: fields and their values.
    """

    name: str
    description: str
    method: str = "PATCH"
    tail: str = ""
    params: tuple[tuple[str, str], ...] = ()
    struct: type[Struct] | None = None
    is_repeatable: bool = False
    collective: bool = False
    source: str | None = None
    as_list: bool = False
    leaves: Mapping[str, Any] = NO_MAPPING


# --- the table --------------------------------------------------------------------------------------------------


class Resource(Struct, frozen=True, kw_only=True):
    """One kind of record that the API stores.

    `struct` holds the fields of a create, each described; fields made by `reference()` are ids of other resources.
    `path` is below the base URL, by default `/` and the name. `lookups` says by what names a record can be found: name
    to the attributes that, joined by a space, spell it; those that are `askable` can be asked for. `writes` are the
    operations that exist, `bulk` those that take many records. `note` is the text field that a marker may be appended
    to, where the user wants one, and `customizable` what the API calls the type in its list of custom fields.
    `create_only` names the fields that an update cannot change, `always` those that it must carry, `ids` says what the
    ids of its records are. `doc` is the vendor page that the facts were taken from.

    A path may hold fields of a create, as in `/projects/{project_id}/tasks`; they are `create_only` and in no body.
    `names` are the vendor's names of fields where they differ from ours, and `renamable` the fields whose names the
    vendor does not publish, or contradicts itself about: for these the user may say the right one. `actions` are what
    else can be done to a record; `instead` says for fields that an update does not take which action sets them.
    `conversions` makes of a text what the API takes, by what `as` says: `markdown`, `html`;
    one that needs an extra package raises `ImportError`, and the extra has its name.
    `page_size` is how many records a page holds where that is not the provider's number. `whole` are filters without
    which a listing leaves some records out: they go with every one that does not name them. `steps` are the requests
    that a create takes where it takes several. `includes` are the related records that a listing brings along, where
    the API ignores the names of others.
    """

    name: str
    struct: type[Struct]
    guarantee: Guarantee
    doc: str
    path: str = ""
    writes: frozenset[str] = frozenset({"create", "update", "delete"})
    bulk: Bulk | None = None
    lookups: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    filters: frozenset[str] = frozenset()
    askable: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()
    note: str | None = None
    customizable: str | None = None
    ids: Ids = Ids.NUMBER
    always: frozenset[str] = frozenset()
    names: Mapping[str, str] = NO_MAPPING
    renamable: frozenset[str] = frozenset()
    actions: tuple[Action, ...] = ()
    instead: Mapping[str, str] = NO_MAPPING
    conversions: Mapping[str, Callable[[str], str]] = MappingProxyType({})
    page_size: int | None = None
    whole: Mapping[str, Any] = NO_MAPPING
    steps: tuple[Step, ...] = ()
    includes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.path:
            msgspec.structs.force_setattr(self, "path", f"/{self.name}")

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that there are: in the order of a record's life, then the actions."""
        written = (name for name in ("create", "update", "delete") if name in self.writes)
        return (*written, *(action.name for action in self.actions))

    @property
    def load_operations(self) -> tuple[str, ...]:
        """What a load may do: the operations, and `upsert` where records can be both made and changed."""
        upsert = (UPSERT,) if {"create", "update"} <= self.writes else ()
        return (*self.operations, *upsert)

    def action(self, name: str) -> Action | None:
        """Return the action called `name`, or None."""
        return next((action for action in self.actions if action.name == name), None)

    def name_of(self, field: str) -> str:
        """Return what the vendor calls our `field`."""
        return self.names.get(field, field)

    def takes_bulk(self, operation: str) -> bool:
        """Whether `operation` may carry many records in one request."""
        action = self.action(operation)
        is_collective = action is not None and action.collective
        return self.bulk is not None and (is_collective or operation in self.bulk.operations)

    def requests(self, operation: str) -> int:
        """Return how many requests `operation` sends for what goes into one body."""
        return sum(step.requests for step in self.steps) if self.steps and operation == CREATE else 1

    def repeats(self, operation: str) -> bool:
        """Whether `operation` may be repeated without a look, because doing it twice is doing it once."""
        action = self.action(operation)
        return operation in REPEATABLE if action is None else action.is_repeatable


class Reports(Struct, frozen=True, kw_only=True):
    """The reports of an API: rows that it works out when they are asked for, below `path`, each by its name."""

    path: str
    names: frozenset[str]
    doc: str


class _Unwritten(Struct, frozen=True):
    """The fields of what cannot be written: none."""


class Provider(Struct, frozen=True, kw_only=True):
    """One API. `hosts` are the only hosts that may be sent its token (besides loopback).

    `commit_within` and `visible_within` are D and L of RELIABILITY.md 1.7, in seconds: how long after we gave up the
    API may still commit, and how long until a new record shows in a search. `reset_header` names the header of a 429
    that holds the seconds until the window resets. `work` are the limits on the server's own time, `runtime_header`
    names the header that says how many seconds of it an answer took. `headers` go with every request.

    `base_url` is empty where every customer has an own one; `address` then says where it is found, and `base_path` how
    it ends, in case it is given without that. `settings` are what the vendor does not publish. `reports` can be read
    like resources, and not written.
    """

    name: str
    base_url: str
    hosts: frozenset[str]
    auth: Auth
    wire: Wire
    limits: tuple[Limit, ...]
    resources: tuple[Resource, ...]
    doc: str
    headers: Mapping[str, str] = NO_MAPPING
    routes: tuple[Route, ...] = ()
    """The classes of requests that limits tell apart; a request is of the first that covers it."""
    reset_header: str | None = None
    work: tuple[WorkLimit, ...] = ()
    runtime_header: str | None = None
    max_page_size: int = 100
    account: str | None = None
    """The resource in which the organization of the credentials can be read, None where there is none."""
    commit_within: float = 120.0
    visible_within: float = 60.0
    verdicts: Mapping[int, Verdict] = DEFAULT_VERDICTS
    address: str = ""
    base_path: str = ""
    settings: tuple[Setting, ...] = ()
    reports: Reports | None = None

    def resource(self, name: str) -> Resource | None:
        """Return the resource called `name`, or None."""
        return next((resource for resource in self.resources if resource.name == name), None)

    def report(self, name: str) -> Resource | None:
        """Return the report called `name` as a resource that can only be read, or None."""
        if self.reports is None or name not in self.reports.names:
            return None
        path, doc = f"{self.reports.path}/{name}", self.reports.doc
        return Resource(name=name, struct=_Unwritten, guarantee=NoGuarantee(), doc=doc, path=path, writes=frozenset())

    def page_size(self, resource: Resource) -> int:
        """Return how many records of `resource` a page of a listing holds at most."""
        return resource.page_size or self.max_page_size

    def route(self, method: str, path: str) -> str | None:
        """Return the class that a request to `path` (below the base URL) is counted in, None for the general one."""
        return next((route.name for route in self.routes if route.covers(method, path)), None)
