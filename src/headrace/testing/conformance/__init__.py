"""The conformance suite: what every provider must do, checked against a sandbox of its API, in virtual time.

A provider is examined as a `Subject`: its table, a way to a fresh sandbox, and rows that it takes. Every check is a
function of the subject and an empty folder, and raises `AssertionError`; with pytest::

    SUBJECT = Subject(provider=MINE, sandbox=lambda **options: Sandbox(Options(...), virtual_time.START, api=MY_API),
    ...)

    @pytest.mark.parametrize("check", CHECKS)
    def test_conformance(check: str, tmp_path: Path) -> None:
        CHECKS[check](SUBJECT, tmp_path)

The providers that ship with headrace are examined in `tests/providers/test_providers_conformance.py`, one of somebody
else's in `tests/providers/test_providers_own.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from headrace.testing.conformance import budget, losses, reading, sample, table, writing
from headrace.testing.conformance.bench import Check, Subject

__all__ = ["CHECKS", "Check", "Subject"]

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            table.the_table_is_sound,
            table.every_form_has_a_schema,
            table.no_answer_breaks_the_wire,
            writing.a_refused_token_ends_the_run,
            writing.every_row_is_created_once,
            writing.a_refusal_names_its_field,
            writing.a_record_is_changed_and_deleted,
            writing.actions_are_understood,
            reading.every_page_is_read,
            budget.limits_are_kept_by_writes,
            budget.limits_are_kept_by_reads,
            budget.a_429_is_sat_out,
            losses.what_is_lost_is_settled_or_in_doubt,
            losses.changes_are_repeated_until_they_are_answered,
            losses.a_run_that_was_left_goes_on,
            losses.no_secret_is_on_disk,
            sample.the_sample_runs,
        )
    }
)
"""All checks by name."""
