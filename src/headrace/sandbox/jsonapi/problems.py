"""The problems of a JSON:API server: every error body of the vendor's guides and recorded traffic, in one place.

https://developer.productive.io/guides/error-handling: guides show the status as a number, recorded answers as text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final


class RefusalError(Exception):
    """A request that is answered with errors instead of being executed."""

    def __init__(self, status: int, errors: list[dict[str, Any]]) -> None:
        super().__init__(status, errors)
        self.status = status
        self.document = {"errors": errors}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field (attribute or relationship) of one record of a request."""

    field: str
    detail: str
    index: int = 0


BLANK: Final = "can't be blank"
INVALID: Final = "attribute is invalid"
NOT_LISTED: Final = "is not included in the list"


def _guide(status: int, title: str, detail: str, **more: Any) -> RefusalError:
    return RefusalError(status, [{"status": status, "title": title, "detail": detail, **more}])


def unauthenticated() -> RefusalError:
    """Return 401."""
    return _guide(401, "Unauthenticated", "You are not authenticated")


def denied() -> RefusalError:
    """Return 403: also what the vendor answers to an id that is not a number."""
    return _guide(403, "Access Denied", "You are not authorized to access this resource")


def not_found() -> RefusalError:
    """Return 404, as recorded."""
    error = {
        "status": "404",
        "code": "record_not_found",
        "title": "Record Not Found",
        "detail": "The requested record was not found",
        "meta": {},
        "source": {},
    }
    return RefusalError(404, [error])


def not_acceptable() -> RefusalError:
    """Return 406."""
    return _guide(406, "Not Acceptable", "The request was not accepted")


def conflict(detail: str) -> RefusalError:
    """Return 409: the type or id of a document is not that of its URL (JSON:API 1.0)."""
    return _guide(409, "Conflict", detail)


def too_large(detail: str) -> RefusalError:
    """Return 413."""
    return _guide(413, "Payload Too Large", detail)


def unsupported_media() -> RefusalError:
    """Return 415."""
    return _guide(415, "Unsupported Media Type", "Unsupported content type")


def throttled(limit: int) -> RefusalError:
    """Return 429."""
    return _guide(429, "Too many requests", "Rate limit reached. Try again later", limit=limit)


def overworked(seconds: float, per: float) -> RefusalError:
    """Return 429 for the server's time, as the newer edition of the guide has it."""
    detail = "Server time limit reached. Try again later"
    return _guide(429, "Server time limit exceeded", detail, limit=seconds, period=per)


def failure() -> RefusalError:
    """Return 500, with the vendor's spelling."""
    return _guide(500, "Server Error", "An error occured on the server")


def bad_request() -> RefusalError:
    """Return 400 for a document that cannot be read."""
    return RefusalError(400, [{"status": "400", "title": "Bad Request", "meta": {}, "source": {}}])


def unsupported(what: str, detail: str) -> RefusalError:
    """Return 400 for a query parameter: `what` is Filter, Filter Value, Sort, Group or Include."""
    return _guide(400, f"Unsupported {what}", f"{detail} is not supported on this endpoint")


def invalid(faults: Iterable[Fault], *, indexed: bool) -> RefusalError:
    """Return 422 with one error per fault; `indexed` names the record of a bulk request in the pointer."""
    return RefusalError(422, [_invalid(fault, f"data/{fault.index}" if indexed else "data") for fault in faults])


def _invalid(fault: Fault, place: str) -> dict[str, Any]:
    return {
        "status": "422",
        "code": "invalid_attribute",
        "title": "Invalid Attribute",
        "detail": fault.detail,
        "meta": {},
        "source": {"pointer": f"{place}/attributes/{fault.field}"},
    }
