"""What is ahead of a run: the requests that it still has to send, and when the last of them will be answered.

The rows of the sources are counted beside the run, if somebody looks on; of those that were read it is known how many
are sent, and of those to come it is taken to be the same part. The budget says when.
"""

import asyncio
from collections.abc import Sequence
from math import ceil
from typing import Final

from headrace.dispatch.budget import Budget
from headrace.dispatch.clock import Clock
from headrace.dispatch.forecast import Stage, last_answer
from headrace.feed import Feed
from headrace.ledger import View
from headrace.marking import marks_field
from headrace.passage import Passage
from headrace.pipeline import Classes, Settings, classes_of
from headrace.provider import Provider
from headrace.resolving import Tables

FRESH: Final = 1.0
"""Seconds for which a forecast is good: it takes some milliseconds, and is asked for at every picture."""


class Ahead:
    """What is ahead of one run through its loads.

    Mutable state: the loads, how many rows each has and of which class its requests are, as far as that is known, which
    load it is at with its feed, and the latest forecast.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        checkpoint: View,
        tables: Tables,
        budget: Budget,
        *,
        provider: Provider,
        settings: Settings,
    ) -> None:
        self._passages = passages
        self._provider = provider
        self._tables = tables
        self._budget = budget
        self._settings = settings
        recorded = {load.name: checkpoint.counts(load.name) for load in checkpoint.loads}
        self._settled = {name: counts.settled - counts.invalid for name, counts in recorded.items()}
        self._rows: dict[str, int] = {}
        self._classes: dict[str, Classes] = {}
        self._position = 0
        self._feed: Feed | None = None
        self._is_over = False
        self._forecast: tuple[float, float] | None = None

    def enter(self, position: int, feed: Feed | None = None) -> None:
        """Note that the run is at the load of that 0-based position, sending from `feed` or not yet."""
        self._position, self._feed = position, feed

    async def count(self) -> None:
        """Count the rows of the sources. To be cancelled."""
        loop = asyncio.get_running_loop()
        for passage in self._passages:
            rows = await loop.run_in_executor(None, passage.count, lambda: self._is_over)
            self._forecast = None
            if rows is not None:
                self._rows[passage.title] = rows

    def close(self) -> None:
        """Have the counting end soon: nobody asks any more."""
        self._is_over = True

    def requests(self) -> int | None:
        """Return how many requests are still to be sent; None where the rows of a source are not known."""
        stages = self._stages()
        return None if stages is None else sum(stage.requests for stage in stages)

    def eta(self, clock: Clock) -> float | None:
        """Return in how many seconds the last of them will be answered, by the live budget; None as `requests`."""
        now = clock()
        if self._forecast is None or now >= self._forecast[0] + FRESH:
            stages = self._stages()
            if stages is None:
                return None
            self._forecast = now, now + last_answer(stages, self._budget.course(*(stage.route for stage in stages)))
        return max(0.0, self._forecast[1] - now)

    def _stages(self) -> list[Stage] | None:
        stages: list[Stage] = []
        ahead = self._passages[self._position :]
        pages = self._tables.pages_ahead([passage.intake for passage in ahead])
        for place, (passage, names) in enumerate(zip(ahead, pages, strict=True)):
            feed = self._feed if place == 0 else None
            lookups = names + (feed is None and marks_field(passage.spec, passage.intake.resource))
            requests = self._requests_of(passage, feed)
            if requests is None:
                return None
            its = self._classes_of(passage)
            stages += [Stage(lookups, 1, its.read), Stage(requests, self._settings.concurrency, its.write)]
        return stages

    def _classes_of(self, passage: Passage) -> Classes:
        """Return the classes of a load's requests, found out once: the routes of a load never change."""
        if passage.title not in self._classes:
            its = classes_of(self._provider, passage.intake.resource, passage.spec.operation)
            self._classes[passage.title] = its
        return self._classes[passage.title]

    def _limited(self, rows: int) -> int:
        return rows if self._settings.limit is None else min(rows, self._settings.limit)

    def _requests_of(self, passage: Passage, feed: Feed | None) -> int | None:
        """Return how many requests of a load are to come, those that wait at the gate included."""
        rows = self._rows.get(passage.title)
        each = passage.intake.resource.requests(passage.spec.operation)
        if feed is None:
            size = self._settings.batch(passage.intake.resource, passage.spec.operation, passage.spec.batch_size)
            return None if rows is None else ceil(max(0, rows - self._settled.get(passage.title, 0)) / size) * each
        if rows is None and 0 < (fraction := passage.fraction() or 0.0) < 1:
            rows = self._limited(round(feed.rows / fraction))  # until they are counted
        if rows is None:
            return None
        unread = max(0, rows - feed.rows)
        unread -= min(unread, max(0, self._settled.get(passage.title, 0) - feed.settled))
        coming = round(unread * feed.validity) + len(feed.batching)
        return ceil(coming / feed.batching.size) * each + self._budget.statistics().waiting
