"""An import against the quota of the server's own time, in virtual time."""

from pathlib import Path

import pytest
from flow_world import World, hours, write_csv

from headrace.pipeline import Settings


def test_a_bulk_import_that_would_burn_the_quota(tmp_path: Path) -> None:
    """9,000 rows at half a second each need 4,500 s of the server: spread over three hours, without a single 429."""
    world = World(tmp_path, server_time=1_800.0, runtime=(0.0, 0.5))
    write_csv(tmp_path / "hours.csv", hours(9_000))
    report = world.run(Settings(settle_after=1.0))
    assert (report.exit_code, report.summary.counts.done, report.summary.throttled) == (0, 9_000, 0)
    assert world.sandbox.audit.report(world.sandbox.store, world.sandbox.api.identify)["throttled"] == 0
    assert 1_700 < world.sandbox.time.worst <= 1_800
    assert report.summary.seconds == pytest.approx(2 * 3_600 - 1_000, abs=60)  # it began 1,000 s into an hour
