"""Logs of a run in this process: whatever is logged, the token is not."""

import logging
from pathlib import Path

import pytest
from flow_world import World, hours, write_csv

import canary


def test_debug_logging_holds_no_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, refused rows and a revoked token, no record and no file holds the token."""
    caplog.set_level(logging.DEBUG)
    world = World(tmp_path, window="off")
    write_csv(tmp_path / "hours.csv", hours(20, bad=[3], invalid=[5]))
    assert world.run().exit_code == 3
    assert "canary" in world.options.token
    assert not canary.found_in(caplog.text.encode())
    assert not canary.found_below(tmp_path)
