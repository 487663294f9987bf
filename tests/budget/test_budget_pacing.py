"""The pacer that is made for a provider's limits."""

import pytest
from budget_scenarios import PRODUCTIVE

from headrace.dispatch.pacing import LEEWAY, limiter
from headrace.provider import Limit


@pytest.mark.parametrize(
    ("limits", "share", "gap"),
    [
        (PRODUCTIVE, 1.0, 1 / 9.5),
        (PRODUCTIVE, 0.5, 1 / 4.75),
        ([Limit(60, 60)], 1.0, 1 / 0.95),
        ([Limit(4000, 1800)], 1.0, None),
        ([Limit(1, 10)], 1.0, None),
        ([Limit(3, 10)], 0.5, None),
        ([Limit(10, 30, routes="reports")], 1.0, None),
        ([], 1.0, None),
    ],
)
def test_what_is_paced(limits: list[Limit], share: float, gap: float | None) -> None:
    """95 % of the shortest general window of at most a minute, where more than one request goes into it."""
    made = limiter(limits, share=share)
    assert (made and made.time_period / made.max_rate) == (gap and pytest.approx(gap))
    assert made is None or gap is None or made.time_period - gap == pytest.approx(LEEWAY)
