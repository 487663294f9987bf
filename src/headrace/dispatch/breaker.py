"""The breaker: watches rulings and says when going on would only burn the budget or pile up doubt."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Final

from headrace.dispatch.judge import Ruling
from headrace.errors import CredentialsError, HeadraceError, StoppedError, UnreachableError
from headrace.model import Done, Rejected, Settled
from headrace.provider import Verdict

SYSTEMATIC_AFTER: Final = 20
"""Rows: if the first so many that got an answer are all refused for the same reason, the mapping is wrong."""
STREAKS: Final[Mapping[Verdict, int]] = {Verdict.FORBIDDEN: 3, Verdict.UNKNOWN: 5}
"""How many single answers of a kind in a row end the run."""
WATCHED: Final = 20
"""Requests: when more than half of the last so many have an unknown fate, the run ends before doubt piles up."""


class ErrorThreshold:
    """`--max-errors`: so many refused rows, or such a part of the rows answered so far (after the first 100)."""

    def __init__(self, count: int | None = None, part: float | None = None) -> None:
        self._count = count
        self._part = part

    def is_exceeded(self, refused: int, answered: int) -> bool:
        """Whether `refused` rows of `answered` are too many."""
        if self._count is not None and refused > self._count:
            return True
        return self._part is not None and answered >= 100 and refused > self._part * answered


class Breaker:
    """Counts what happens to the rows that are sent. One per load.

    Mutable state: rows accepted and refused, the reasons of the refusals until the first success, the current streak of
    answers of one kind, and which of the latest had an unknown fate.
    """

    def __init__(self, threshold: ErrorThreshold | None = None) -> None:
        self._threshold = threshold or ErrorThreshold()
        self._accepted = 0
        self._refused = 0
        self._reasons: Counter[tuple[str | None, str]] = Counter()
        self._streak: tuple[Verdict, int] = (Verdict.ACCEPTED, 0)
        self._latest: deque[bool] = deque(maxlen=WATCHED)  # whether the fate of a request was unknown

    def observe(self, ruling: Ruling) -> HeadraceError | None:
        """Count one ruling; return why the run should end, or None."""
        self._count(ruling.settled)
        kind, length = self._streak
        self._streak = (ruling.evidence, length + 1 if ruling.evidence is kind else 1)
        self._latest.append(ruling.evidence is Verdict.UNKNOWN)
        return (
            ruling.halt
            or self._streak_reason()
            or self._doubt_reason()
            or self._systematic_reason()
            or self._threshold_reason()
        )

    def _count(self, settled: Sequence[Settled]) -> None:
        kinds = [type(one.outcome) for one in settled]
        if Rejected not in kinds:  # a batch that was taken as a whole costs no look at each row
            self._accepted += kinds.count(Done)
            return
        for one in settled:
            match one.outcome:
                case Done():
                    self._accepted += 1
                case Rejected(errors=errors):
                    self._refused += 1
                    if not self._accepted and self._refused <= SYSTEMATIC_AFTER:
                        self._reasons.update({(fault.field, fault.code) for fault in errors})

    def _streak_reason(self) -> HeadraceError | None:
        kind, length = self._streak
        if length < STREAKS.get(kind, length + 1):
            return None
        return _streak_error(kind, length)

    def _doubt_reason(self) -> HeadraceError | None:
        unknown = sum(self._latest)
        return _streak_error(Verdict.UNKNOWN, unknown) if unknown > WATCHED // 2 else None

    def _systematic_reason(self) -> HeadraceError | None:
        if self._accepted or self._refused < SYSTEMATIC_AFTER:
            return None
        (field, code), count = self._reasons.most_common(1)[0]
        if count < SYSTEMATIC_AFTER:
            return None
        return StoppedError(
            f"the first {SYSTEMATIC_AFTER} rows sent were all refused for the same reason: {field or 'record'} {code}",
            hint="the mapping or a constant in it is probably wrong; see the rejects file, correct it and run again",
        )

    def _threshold_reason(self) -> HeadraceError | None:
        if not self._threshold.is_exceeded(self._refused, self._accepted + self._refused):
            return None
        return StoppedError(
            f"{self._refused} rows were refused, more than --max-errors allows",
            hint="see the rejects file; run the same command again to go on with the rest",
        )

    def __repr__(self) -> str:
        kind, length = self._streak
        return f"<Breaker: {self._accepted} accepted, {self._refused} refused, {length} x {kind} last>"


def _streak_error(kind: Verdict, length: int) -> HeadraceError:
    if kind is Verdict.FORBIDDEN:
        return CredentialsError(
            f"{length} rows in a row were answered with 403",
            hint="the token probably lacks the right to create these records; give it and run the same command again",
        )
    return UnreachableError(
        f"the fate of {length} requests is unknown, in a row or of the last {WATCHED}",
        hint="the provider seems to be down; run the same command again later, it goes on where it stopped",
    )
