"""The vocabulary of a provider table: what an API is, as values. A provider is data, the engine its behaviour."""

from headrace.provider.guarantee import (
    REPEATABLE,
    UPSERT,
    Guarantee,
    IdempotencyKey,
    Marker,
    NaturalKey,
    NoGuarantee,
    NoteMarker,
    StoredMarker,
    effective,
    promise,
)
from headrace.provider.limit import Limit, Route, WorkLimit
from headrace.provider.setting import Setting, fitted
from headrace.provider.signin import Login, SignIn
from headrace.provider.steps import Create, Link, Locate, Step, Upload
from headrace.provider.table import (
    SOMETHING,
    Action,
    Auth,
    Bulk,
    Ids,
    Provider,
    Reports,
    Resource,
    reference,
    references,
)
from headrace.provider.verdict import DEFAULT_VERDICTS, Verdict, verdict
from headrace.provider.wire import Codec, Hit, Page, Refusal, Wire, ids_of

__all__ = [
    "DEFAULT_VERDICTS",
    "REPEATABLE",
    "SOMETHING",
    "UPSERT",
    "Action",
    "Auth",
    "Bulk",
    "Codec",
    "Create",
    "Guarantee",
    "Hit",
    "IdempotencyKey",
    "Ids",
    "Limit",
    "Link",
    "Locate",
    "Login",
    "Marker",
    "NaturalKey",
    "NoGuarantee",
    "NoteMarker",
    "Page",
    "Provider",
    "Refusal",
    "Reports",
    "Resource",
    "Route",
    "Setting",
    "SignIn",
    "Step",
    "StoredMarker",
    "Upload",
    "Verdict",
    "Wire",
    "WorkLimit",
    "effective",
    "fitted",
    "ids_of",
    "promise",
    "reference",
    "references",
    "verdict",
]
