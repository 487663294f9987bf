"""What a status means: a closed set, and the table that every provider starts from (RELIABILITY.md 1.5)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Verdict(StrEnum):
    """What an answer says about the request, before its body is read."""

    ACCEPTED = "accepted"
    """Executed, if the body bears it out: media type, count, type and ids."""
    REFUSED = "refused"
    """Not executed, if the body is the provider's own error envelope: the rows are at fault."""
    FORBIDDEN = "forbidden"
    """As refused, but either a row or the whole token may be at fault: batches are bisected, three in a row stop."""
    TOO_LARGE = "too large"
    """Not executed: the batch holds too many rows or bytes; halve it."""
    THROTTLED = "throttled"
    """Not executed: the budget was spent, by us or by another user of the token; pause the gate, send again."""
    UNAUTHORIZED = "unauthorized"
    """Not executed, and nothing else will be until the credentials change: stop."""
    MISDIRECTED = "misdirected"
    """A redirect: not the API. Stop; whether the target executed it is unknown."""
    UNKNOWN = "unknown"
    """It may have been executed. Only a read-back can tell."""


DEFAULT_VERDICTS: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        200: Verdict.ACCEPTED,
        201: Verdict.ACCEPTED,
        204: Verdict.ACCEPTED,
        400: Verdict.REFUSED,
        401: Verdict.UNAUTHORIZED,
        402: Verdict.UNAUTHORIZED,
        403: Verdict.FORBIDDEN,
        404: Verdict.REFUSED,
        405: Verdict.REFUSED,
        406: Verdict.REFUSED,
        409: Verdict.REFUSED,
        410: Verdict.REFUSED,
        413: Verdict.TOO_LARGE,
        415: Verdict.REFUSED,
        422: Verdict.REFUSED,
        429: Verdict.THROTTLED,
    }
)

_BY_CLASS: Final[Mapping[int, Verdict]] = MappingProxyType({3: Verdict.MISDIRECTED})


def verdict(status: int, verdicts: Mapping[int, Verdict] = DEFAULT_VERDICTS) -> Verdict:
    """Return what `status` means: the table first, then its class of a hundred, then unknown."""
    return verdicts.get(status) or _BY_CLASS.get(status // 100, Verdict.UNKNOWN)
