"""What goes over the wire to the script of a shared permit log, and what comes back: whole microseconds, and lists."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headrace.dispatch.permits.step import Step, Told, View

_MICRO: Final = 1e6
_IN_MICROSECONDS: Final = frozenset({"keep", "lease", "linger", "age", "not_before"})
_encode: Final = msgspec.json.Encoder().encode


def encoded(step: Step) -> bytes:
    """Return the step as JSON, its durations and instants in whole microseconds as the script counts them."""
    return _encode(_in_microseconds(msgspec.to_builtins(step)))


def _in_microseconds(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {key: _in_microseconds(inner, key) for key, inner in value.items()}
        case list() | tuple():
            return [_in_microseconds(inner) for inner in value]
        case float() if name in _IN_MICROSECONDS:
            return round(value * _MICRO)
        case _:
            return value


def told(reply: Sequence[Any]) -> Told:
    """Return what the script has answered."""
    now, is_granted, views, work = reply
    return Told(
        now=int(now) / _MICRO,
        is_granted=bool(is_granted),
        views=tuple(map(_view, views)),
        work=tuple(_hours(flat) for flat in work),
    )


def _view(fields: Sequence[Any]) -> View:
    marker, grants, under_way, spent, seen, is_more, counted = fields
    return View(
        marker=marker.decode(),
        grants=int(grants),
        under_way=int(under_way),
        spent_at=int(spent) / _MICRO,
        seen=seen.decode(),
        is_more=bool(is_more),
        counted=tuple(int(at) / _MICRO for at in counted),
    )


def _hours(flat: Any) -> dict[int, int]:
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {int(hour): int(amount) for hour, amount in pairs}
