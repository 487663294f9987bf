"""Did you mean: close matches for what a user wrote, for the hints of every stage of intake."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

MAX_CANDIDATES: Final = 1_000
"""Names compared per miss; comparing is slow, and a hint is only a hint."""


def close_to(word: str, names: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Return up to `count` of `names` that `word` may have been meant to be, the closest first."""
    wanted = word[:200].strip().casefold()
    known = {name.casefold(): name for name in _likely(wanted, names)}
    return tuple(known[near] for near in difflib.get_close_matches(wanted, known, n=count, cutoff=0.6))


def did_you_mean(word: str, names: Iterable[str]) -> str | None:
    """Return the hint "did you mean ...?", None where nothing is close."""
    found = close_to(word, names)
    return f"did you mean {listed(found, last='or')}?" if found else None


def listed(names: Sequence[str], *, last: str = "and", limit: int = 20) -> str:
    """Return `names` in quotes, as a sentence has them; beyond `limit` only how many more there are."""
    if len(names) > limit:
        return ", ".join(f"'{name}'" for name in names[:limit]) + f" and {len(names) - limit} more"
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if quoted else "none"


def _likely(wanted: str, names: Iterable[str]) -> list[str]:
    """Return at most `MAX_CANDIDATES` of `names`, those of similar length that share a word or initial first."""
    near = [name for name in names if abs(len(name) - len(wanted)) <= max(3, len(wanted) // 2)]
    if len(near) <= MAX_CANDIDATES:
        return near
    words = set(wanted.split())
    kin = [name for name in near if name[:1].casefold() == wanted[:1] or words & set(name.casefold().split())]
    return kin[:MAX_CANDIDATES]


def shown(value: object, *, limit: int = 200) -> str:
    """Return a cell's value as a fault quotes it: as text, at most `limit` characters."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
