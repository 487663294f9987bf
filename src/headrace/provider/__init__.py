"""The vocabulary of a provider table: what an API is, as values. A provider is data, the engine its behaviour."""

from headrace.provider.table import (
    Auth,
    Bulk,
    Guarantee,
    IdempotencyKey,
    Limit,
    Marker,
    NaturalKey,
    NoGuarantee,
    Provider,
    Resource,
    StoredMarker,
    WorkLimit,
    reference,
    references,
)
from headrace.provider.verdict import DEFAULT_VERDICTS, Verdict, verdict
from headrace.provider.wire import Codec, Hit, Page, Refusal, Wire

__all__ = [
    "DEFAULT_VERDICTS",
    "Auth",
    "Bulk",
    "Codec",
    "Guarantee",
    "Hit",
    "IdempotencyKey",
    "Limit",
    "Marker",
    "NaturalKey",
    "NoGuarantee",
    "Page",
    "Provider",
    "Refusal",
    "Resource",
    "StoredMarker",
    "Verdict",
    "Wire",
    "WorkLimit",
    "reference",
    "references",
    "verdict",
]
