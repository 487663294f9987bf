"""The faults: rules that say which requests go wrong, and how. Read from TOML or built in code, seeded.

A faults file holds any number of rules; all that fire on one request are played together:

    [[fault]]
    kind = "drop_after_commit"    # required, see FaultKind
    method = ["POST", "PATCH"]    # which requests: a method or several; all by default
    path = "/time_entries*"       # which requests: a glob over the path below the base URL; all by default
    probability = 0.05            # how often: by chance, or
    every = 7                     #   every 7th matching request, or
    at = [3, 9]                   #   the 3rd and the 9th matching request; always if none of the three is given
    after = 100                   # not before so many requests have matched
    times = 3                     # at most so often

and the parameters of its kind: `status` (error_before_commit, error_after_commit, redirect, late_commit), `seconds`
(slow, late_commit, search_lag, throttle), `header` and `value` (throttle: the header's name, or `none`, and its text),
`location` (redirect), `calls` (crowd). Anything else is an error.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, Final

from headrace.sandbox.message import Call

MAX_SECONDS: Final = 3600.0


class FaultsError(ValueError):
    """The faults as given make no sense; the message says what is wrong."""


class FaultKind(StrEnum):
    """What can go wrong. "Before commit" means that nothing is executed."""

    DROP_BEFORE_COMMIT = "drop_before_commit"
    DROP_AFTER_COMMIT = "drop_after_commit"
    DROP_MID_ANSWER = "drop_mid_answer"
    """Executed; the connection breaks half-way through the answer."""
    ERROR_BEFORE_COMMIT = "error_before_commit"
    ERROR_AFTER_COMMIT = "error_after_commit"
    LATE_COMMIT = "late_commit"
    """Answered with 504 at once, executed `seconds` later."""
    HTML = "html"
    """A login page with status 200, nothing executed."""
    HTML_AFTER_COMMIT = "html_after_commit"
    TRUNCATED_JSON = "truncated_json"
    """Executed; the answer is complete for HTTP, but its JSON ends half-way."""
    REDIRECT = "redirect"
    SLOW = "slow"
    """Executed at once, answered `seconds` later."""
    DRIP = "drip"
    """Executed; the body comes one byte a second."""
    THROTTLE = "throttle"
    """A 429 although there is room."""
    CROWD = "crowd"
    """Someone else with the same token makes `calls` requests just after this one."""
    REVOKE_TOKEN = "revoke_token"  # noqa: S105  # a name, not a password
    """This request and all later ones are answered with 401."""
    SEARCH_LAG = "search_lag"
    """What this request creates is missing from lists for `seconds`."""
    PARTIAL = "partial"
    """A bulk request with a bad record stores the good ones, then answers 422."""
    SHUFFLED = "shuffled"
    MISSING_ITEM = "missing_item"
    """Executed; the last record is missing from the answer."""
    REPEATED_ID = "repeated_id"
    """Executed; the last record of the answer carries the id of the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One fault and when it strikes, as in the faults file. Raises FaultsError for what makes no sense."""

    kind: FaultKind
    method: tuple[str, ...] = ()
    path: str = "*"
    probability: float | None = None
    every: int | None = None
    at: tuple[int, ...] | None = None
    after: int = 0
    times: int | None = None
    status: int | None = None
    seconds: float | None = None
    header: str | None = None
    value: str | None = None
    location: str | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        needs, takes = _PARAMETERS.get(self.kind, ((), ()))
        given = {name for name in _ALL_PARAMETERS if getattr(self, name) is not None}
        if missing := set(needs) - given:
            raise FaultsError(f"fault {self.kind}: {', '.join(sorted(missing))} is missing")
        if surplus := given - set(needs) - set(takes):
            raise FaultsError(f"fault {self.kind}: {', '.join(sorted(surplus))} means nothing here")
        if sum(how is not None for how in (self.probability, self.every, self.at)) > 1:
            raise FaultsError(f"fault {self.kind}: give one of probability, every and at")
        if not self._is_sane():
            raise FaultsError(f"fault {self.kind}: a number is out of range")

    def _is_sane(self) -> bool:
        return (
            0 <= (self.probability or 0) <= 1
            and (self.every is None or self.every >= 1)
            and min(self.at or (1,)) >= 1
            and 0 <= (self.seconds or 0) <= MAX_SECONDS
            and 300 <= (self.status or 500) <= 599
            and min(self.after, self.times or 0, self.calls or 0) >= 0
        )

    def covers(self, call: Call) -> bool:
        """Whether `call` is one of those that this rule is about."""
        return (not self.method or call.method in self.method) and fnmatchcase(call.path, self.path)


_PARAMETERS: Final[Mapping[FaultKind, tuple[Sequence[str], Sequence[str]]]] = {
    # kind: (what must be given, what may be given)
    FaultKind.ERROR_BEFORE_COMMIT: ((), ("status",)),
    FaultKind.ERROR_AFTER_COMMIT: ((), ("status",)),
    FaultKind.LATE_COMMIT: (("seconds",), ("status",)),
    FaultKind.REDIRECT: ((), ("status", "location")),
    FaultKind.SLOW: (("seconds",), ()),
    FaultKind.SEARCH_LAG: (("seconds",), ()),
    FaultKind.THROTTLE: ((), ("seconds", "header", "value")),
    FaultKind.CROWD: (("calls",), ()),
}

_ALL_PARAMETERS: Final = ("status", "seconds", "header", "value", "location", "calls")


class Faults:
    """The rules of one sandbox, with what has happened so far. `random` decides what is left to chance."""

    def __init__(self, rules: Iterable[Rule], random: Random) -> None:
        self._armed = [_Armed(rule) for rule in rules]
        self._random = random

    def strike(self, call: Call) -> list[Rule]:
        """Return the rules that fire on `call`, in the order of the file. Counts the call in every rule it matches."""
        return [armed.rule for armed in self._armed if armed.rule.covers(call) and armed.fires(self._random)]


class _Armed:
    """One rule, how many requests it has matched and how often it has fired."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._matched = self._fired = 0

    def fires(self, random: Random) -> bool:
        self._matched += 1
        is_due = (
            self._matched > self.rule.after
            and (self.rule.times is None or self._fired < self.rule.times)
            and self._is_chosen(random)
        )
        self._fired += is_due
        return is_due

    def _is_chosen(self, random: Random) -> bool:
        rule = self.rule
        if rule.probability is not None:
            return random.random() < rule.probability
        if rule.every is not None:
            return self._matched % rule.every == 0
        return rule.at is None or self._matched in rule.at


# --- reading ----------------------------------------------------------------------------------------------------


def load_faults(path: Path) -> tuple[Rule, ...]:
    """Return the rules of a faults file. Raises FaultsError with the reason, OSError where it cannot be read."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FaultsError(f"{path.name}: {error}") from error
    return parse_faults(document)


def parse_faults(document: Any) -> tuple[Rule, ...]:
    """Return the rules of a faults file's content, `{"fault": [...]}`. Raises FaultsError with the reason."""
    if not isinstance(document, dict) or set(document) - {"fault"}:
        raise FaultsError("a faults file holds [[fault]] tables and nothing else")
    rules = document.get("fault", [])
    if not isinstance(rules, list):
        raise FaultsError("[[fault]] must be a list of tables")
    return tuple(_rule(rule) for rule in rules)


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "kind": (str,),
    "method": (str, list),
    "path": (str,),
    "probability": (int, float),
    "every": (int,),
    "at": (int, list),
    "after": (int,),
    "times": (int,),
    "status": (int,),
    "seconds": (int, float),
    "header": (str,),
    "value": (str,),
    "location": (str,),
    "calls": (int,),
}


def _rule(document: Any) -> Rule:
    if not isinstance(document, dict):
        raise FaultsError("each [[fault]] must be a table")
    if unknown := set(document) - {field.name for field in fields(Rule)}:
        raise FaultsError(f"fault: unknown key {', '.join(sorted(unknown))}")
    for name, value in document.items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            raise FaultsError(f"fault: {name} has the wrong type")
    if document.get("kind") not in set(FaultKind):
        raise FaultsError(f"fault: kind must be one of {', '.join(FaultKind)}")
    listed = {name: _listed(name, document[name]) for name in ("method", "at") if name in document}
    return Rule(**{**document, **listed, "kind": FaultKind(document["kind"])})


def _listed(name: str, value: Any) -> tuple[Any, ...]:
    values = value if isinstance(value, list) else [value]
    wanted = str if name == "method" else int
    if not all(type(item) is wanted for item in values):
        raise FaultsError(f"fault: {name} has the wrong type")
    return tuple(item.upper() if isinstance(item, str) else item for item in values)
