"""Rules between the fields of one record, which types cannot say. They raise `ValueError("field: message")`."""

from msgspec import UNSET, Struct


def given(value: Struct, *fields: str) -> list[str]:
    """Return those of `fields` that `value` has."""
    return [field for field in fields if getattr(value, field) is not UNSET]


def exactly_one(value: Struct, *fields: str) -> None:
    """Require one of `fields` and no other. The fault is the second that is given, or the first that may be."""
    present = given(value, *fields)
    if len(present) != 1:
        raise ValueError(f"{(*present[1:2], *fields)[0]}: give exactly one of {', '.join(fields)}")


def one_of(value: Struct, *fields: str, because: str) -> None:
    """Require at least one of `fields`."""
    if not given(value, *fields):
        raise ValueError(f"{fields[0]}: required {because}")
