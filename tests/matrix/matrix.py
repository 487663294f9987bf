"""The fault matrix: every fault that headrace is built against, what is expected, and the tests that show it.

`python tests/matrix/matrix.py` runs all of these tests and writes `tests/matrix/README.md`.
"""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = Path(__file__).with_name("README.md")
SWEEP: Final = "flow/test_flow_sweep.py::test_no_kill_doubles_or_loses_a_row"
SIMULATION: Final = "flow/test_flow_simulation.py::test_every_row_is_stored_once_whatever_happens"
MODEL: Final = "flow/test_flow_model.py::test_the_protocol_neither_loses_nor_doubles"
WRITER: Final = "dispatch/test_dispatch_writer.py::test_"
HTTP: Final = "dispatch/test_dispatch_http.py::test_"
SETTLING: Final = "flow/test_flow_settling.py::test_"
PLACES: Final = "ledger/test_ledger_places.py::test_"
DISK: Final = "flow/test_flow_disk.py::test_an_import_survives_a_full_disk"
ADOPT: Final = "flow/test_flow_adopt.py::test_"
POWER: Final = "ledger/test_ledger_power.py::test_"
TEXT: Final = "intake/test_intake_sources_text.py::test_"
JSON: Final = "intake/test_intake_sources_json.py::test_"


@dataclass(frozen=True)
class Row:
    """A fault, what is expected, and the tests that show it; `gap` says what nothing shows yet."""

    number: int
    fault: str
    expected: str
    tests: tuple[str, ...] = ()
    gap: str = ""


def _row(number: int, fault: str, expected: str, *tests: str, gap: str = "") -> Row:
    return Row(number, fault, expected, tests, gap)


ROWS: Final = (
    _row(1, "kill -9 before the intent is written", "not sent; sent after resuming", SWEEP, MODEL),
    _row(
        2,
        "... intent written, not synced",
        "lost or torn; not sent",
        f"{POWER}a_power_cut_loses_nothing_that_was_acknowledged",
        "ledger/test_ledger_kill.py::test_a_torn_wal_keeps_what_was_committed_before_the_tear",
    ),
    _row(3, "... intent durable, nothing sent", "unknown, absent, sent once", SWEEP, MODEL, SIMULATION),
    _row(4, "... half the request sent", "unknown", "flow/test_flow_kill.py::test_a_killed_import_goes_on"),
    _row(
        5, "... committed, no answer read", "unknown, found, done", SWEEP, f"{SETTLING}a_killed_run_settles_everything"
    ),
    _row(6, "... answer read, outcome not durable", "as 5", SWEEP, SIMULATION),
    _row(7, "... during recovery, read-back or audit", "idempotent", SWEEP, f"{SETTLING}the_audit_survives_a_kill"),
    _row(
        8,
        "power loss: unsynced tail lost, torn, zeroed",
        "what was acknowledged is there",
        f"{POWER}a_power_cut_loses_nothing_that_was_acknowledged",
    ),
    _row(
        9,
        "bit flip in the checkpoint",
        "found, named; `repair` makes it unknown",
        "flow/test_flow_damage.py::test_a_flipped_bit_is_found_or_changes_nothing",
        "flow/test_flow_damage.py::test_a_repaired_import_doubles_and_loses_nothing",
    ),
    _row(
        10,
        "disk full",
        "drained, exit 5, resumable",
        "ledger/test_ledger_disk.py::test_a_full_disk_stops_the_run_and_loses_nothing",
        DISK,
        "ledger/test_ledger_journal.py::test_a_full_disk_refuses_intents_and_keeps_outcomes",
    ),
    _row(
        11,
        "fsync fails",
        "no second try; stop",
        f"{POWER}the_failure_to_sync_is_the_last_word",
        "ledger/test_ledger_disk.py::test_a_failing_disk_stops_the_run_and_loses_nothing",
    ),
    _row(
        12,
        "vanished or foreign checkpoint folder",
        "stop before sending",
        "cli/test_cli_targets.py::test_a_checkpoint_in_a_folder_that_is_not_there_is_named",
        "ledger/test_ledger_checkpoint.py::test_a_folder_of_others_that_is_open_to_all_is_refused",
        f"{PLACES}nothing_is_sent_without_the_checkpoint",
        f"{PLACES}a_read_only_folder_is_refused_before_anything_is_sent",
        f"{PLACES}a_network_file_system_is_warned_about_once",
    ),
    _row(
        13,
        "rename or directory entry lost",
        "all or nothing, after a sync of the folder",
        f"{POWER}durable_replaces_all_or_nothing",
        f"{POWER}a_closed_run_is_on_the_disk_with_its_names",
        f"{POWER}a_draft_that_a_cut_left_is_nothing",
    ),
    _row(14, "reset before commit", "unknown, absent, sent again", SIMULATION, SWEEP),
    _row(
        15,
        "reset after commit",
        "unknown, found",
        SIMULATION,
        SWEEP,
        f"{SETTLING}a_lost_answer_settles_in_the_same_run",
    ),
    _row(16, "commit after we gave up, within D", "the read-back waits; found", SIMULATION, MODEL),
    _row(
        17, "commit later than D", "the audit lists it, exit 4", f"{SETTLING}what_breaks_the_timing_is_found_and_listed"
    ),
    _row(
        18,
        "search lag within L, beyond L",
        "found; listed",
        SIMULATION,
        f"{SETTLING}what_breaks_the_timing_is_found_and_listed",
    ),
    _row(19, "stale kept-alive connection", "one sending each", f"{HTTP}a_dropped_connection_is_one_physical_request"),
    _row(20, "slow loris, headers never end", "timeout, unknown", f"{HTTP}a_broken_answer_is_lost"),
    _row(
        21,
        "half-open connection, suspended machine",
        "nothing saved up; timers only wait longer",
        "budget/test_budget_limits.py::test_a_stall_saves_nothing_up",
        f"{HTTP}a_broken_answer_is_lost",
    ),
    _row(
        22,
        "storm of 429s without a header",
        "the gate pauses, no row fails",
        f"{WRITER}a_429_costs_no_attempt",
        "budget/test_budget_pause.py::test_how_long_the_pause_is",
        SIMULATION,
    ),
    _row(
        23,
        "429 with an odd Retry-After",
        "understood, bounded or ignored",
        "budget/test_budget_headers.py::test_what_the_headers_ask_for",
        "budget/test_budget_headers.py::test_whatever_they_hold_the_answer_is_bounded",
    ),
    _row(
        24,
        "another user eats the budget",
        "the rate adapts and recovers",
        "budget/test_budget_foreign.py::test_a_steady_other_user_costs_few_429s",
        "budget/test_budget_foreign.py::test_the_whole_budget_comes_back",
    ),
    _row(
        25,
        "restart right after a burst",
        "continues with what was spent",
        "budget/test_budget_file_log.py::test_permits_outlive_the_process",
        "budget/test_budget_file_log.py::test_no_window_is_exceeded_over_crashes",
    ),
    _row(
        26,
        "5xx burst, outage",
        "stops before doubt piles up; exit 7",
        f"{WRITER}an_outage_ends_the_run_before_doubt_piles_up",
        "flow/test_flow_run.py::test_a_dead_provider_is_noticed_before_anything_is_sent",
    ),
    _row(27, "502 after commit", "unknown, found", SWEEP, SIMULATION),
    _row(
        28,
        "broken or truncated JSON, an answer too long",
        "unknown",
        f"{WRITER}every_outcome_is_the_truth",
        f"{HTTP}a_long_answer_is_not_read_to_its_end",
        SIMULATION,
    ),
    _row(29, "a web page with 200 or 403", "never a success", f"{WRITER}a_web_page_is_never_a_success_nor_a_refusal"),
    _row(
        30,
        "redirect",
        "not followed; the run stops",
        f"{HTTP}a_redirect_is_an_answer",
        "cli/test_cli_run.py::test_a_wrong_address_is_exit_2",
    ),
    _row(
        31,
        "token revoked in mid-run",
        "no row refused; exit 6",
        "flow/test_flow_run.py::test_a_revoked_token_refuses_no_row",
    ),
    _row(32, "403 on one row, on all", "refused; stop", f"{WRITER}bad_credentials_stop_the_run_and_refuse_nothing"),
    _row(33, "402, organization suspended", "stop, exit 6", f"{WRITER}bad_credentials_stop_the_run_and_refuse_nothing"),
    _row(
        34,
        "bulk: 422 with and without index, partial store, shuffled or missing ids, 413",
        "only bad rows are refused; the rest is settled",
        f"{WRITER}a_bad_row_never_sinks_its_batch",
        f"{WRITER}isolating_one_bad_row_is_cheap",
        f"{WRITER}a_batch_that_is_too_large_is_halved_for_the_rest_of_the_load",
        f"{SETTLING}a_partial_answer_is_believed_as_far_as_it_goes",
        "flow/test_flow_order.py::test_every_row_gets_the_id_of_its_own_record",
        "flow/test_flow_run.py::test_a_provider_that_stores_a_part_of_a_refused_batch_is_found_out",
    ),
    _row(
        35,
        "the id of another record, or one id twice",
        "unknown, stop",
        f"{SETTLING}one_id_for_two_records_stops_the_run",
    ),
    _row(
        36,
        "clock jumps",
        "only monotonic time decides",
        "budget/test_budget_file_log.py::test_a_step_of_the_wall_clock_changes_nothing",
        "budget/test_budget_file_log.py::test_another_boot_goes_by_the_wall_clock",
    ),
    _row(
        37,
        "source appended, sorted, edited, replaced",
        "done rows stay done; another file is refused",
        "flow/test_flow_sources.py::test_whatever_happens_to_the_source_each_row_is_sent_once",
        "flow/test_flow_sources.py::test_edited_rows_that_are_done_are_listed_and_can_be_brought_over",
        "ledger/test_ledger_journal.py::test_another_file_is_refused_before_anything_is_sent",
        "intake/test_intake_mapping.py::test_identity_survives_sorting_new_columns_and_another_format",
        f"{SETTLING}a_row_that_was_edited_after_it_was_sent_stays_in_doubt",
        f"{SETTLING}rows_that_left_the_source_stay_in_doubt_until_they_are_back",
    ),
    _row(
        38,
        "source is a pipe, or grows while it is read",
        "read once; its length is taken at the start",
        "intake/test_intake_sources_pipe.py::test_a_pipe_is_read_once",
        f"{TEXT}what_is_appended_while_reading_is_for_the_next_run",
    ),
    _row(
        39,
        "mapping changed",
        "refused without consent",
        "ledger/test_ledger_journal.py::test_a_changed_mapping_needs_consent",
    ),
    _row(
        40,
        "two processes, one checkpoint",
        "the second exits 8",
        "cli/test_cli_run.py::test_two_runs_at_once_are_exit_8",
        "ledger/test_ledger_lock.py::test_another_process_holds_it_until_it_dies",
    ),
    _row(
        41,
        "the old holder is stopped and goes on",
        "it still holds the lock",
        f"{PLACES}a_stopped_holder_still_holds",
    ),
    _row(
        42,
        "two machines, one import, two checkpoints",
        "the second finds the marks of the first, stops with exit 9 and offers `adopt`",
        f"{ADOPT}another_machine_is_noticed_before_anything_is_sent",
        f"{ADOPT}a_second_import_of_the_same_rows_is_its_own",
    ),
    _row(
        43,
        "checkpoint deleted",
        "`adopt` rebuilds it from marks; without them it says what cannot be known",
        f"{ADOPT}a_lost_checkpoint_is_made_anew",
        f"{ADOPT}nothing_is_doubled_after_a_loss_at_any_moment",
        f"{ADOPT}an_import_without_marks_cannot_be_adopted",
        f"{ADOPT}rows_without_marks_come_to_be_in_doubt",
    ),
    _row(
        44,
        "checkpoint of another version, organization or host",
        "refused, or brought up to date",
        "ledger/test_ledger_checkpoint.py::test_a_newer_format_is_refused",
        "ledger/test_ledger_checkpoint.py::test_a_checkpoint_of_another_import_is_refused",
        "ledger/test_ledger_unknown.py::test_an_older_format_is_brought_up_to_date",
    ),
    _row(
        45,
        "first SIGINT or SIGTERM",
        "drained; 130 or 143",
        "cli/test_cli_run.py::test_an_interrupted_run_goes_on",
        "cli/test_cli_signals.py::test_the_first_signal_asks",
    ),
    _row(
        46,
        "second SIGINT, SIGHUP, broken pipe",
        "at once, and still sound; EPIPE ends the output only",
        "cli/test_cli_run.py::test_a_second_ctrl_c_ends_at_once",
        "cli/test_cli_run.py::test_a_closed_stdout_ends_the_output_not_the_import",
        "cli/test_cli_signals.py::test_nohup_is_respected",
    ),
    _row(
        47,
        "exception in a callback, cancelled task",
        "the ledger stops, nothing is told that is not so",
        "ledger/test_ledger_journal.py::test_an_error_in_an_entry_stops_the_ledger",
        "ledger/test_ledger_journal.py::test_an_error_while_telling_fails_every_future",
        "dispatch/test_dispatch_teller.py::test_who_left_is_not_woken",
        "flow/test_flow_sources.py::test_an_exception_of_the_callers_own_loses_no_outcome",
    ),
    _row(
        48,
        "giant cell, open quote, mixed encodings, NUL, duplicate headers",
        "bounded memory; the place is named",
        f"{TEXT}memory_is_bounded_by_a_giant_cell",
        f"{TEXT}an_open_quote_is_named_by_the_line_it_opens_on",
        f"{TEXT}a_mixture_of_encodings_is_refused_with_its_line",
        f"{TEXT}faults_of_form_are_broken_rows_and_the_others_go_on",
    ),
    _row(
        49,
        "deep JSON, NaN, doubled keys, giant numbers",
        "the row is refused with its place",
        f"{JSON}every_kind_of_broken_row_is_named",
        f"{JSON}memory_is_bounded_by_a_giant_row",
    ),
    _row(50, "decompression bomb", "refused", f"{TEXT}a_decompression_bomb_is_refused"),
    _row(51, "a referenced record is gone", "the row is refused", f"{WRITER}a_bad_row_never_sinks_its_batch"),
    _row(
        52, "a person edits the marker", "a stated limit", "flow/test_flow_model.py::test_a_broken_assumption_is_listed"
    ),
    _row(
        53,
        "all rows fail",
        "systematic stop; the reject file is complete",
        f"{WRITER}a_wrong_mapping_stops_after_twenty_rows",
        f"{WRITER}the_error_threshold_stops_the_run",
    ),
)


def run() -> Mapping[str, str]:
    """Run every test of the matrix; return its result by test id, without parameters."""
    ids = sorted({f"tests/{test}" for row in ROWS for test in row.tests})
    found: defaultdict[str, set[str]] = defaultdict(set)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}", *ids]
        subprocess.run(command, cwd=ROOT, check=False)
        for case in ET.parse(report).iter("testcase"):
            name = case.attrib["classname"].removeprefix("tests.").replace(".", "/")
            test = f"{name}.py::{case.attrib['name'].partition('[')[0]}"
            found[test].add(next((child.tag for child in case if child.tag in _BAD), "passed"))
    return {test: next((word for word in _BAD if word in results), "passed") for test, results in found.items()}


_BAD: Final = ("error", "failure", "skipped")


def page(results: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# The fault matrix", "", *(__doc__ or "").splitlines()[:1], "")
    yield f"Written by `python tests/matrix/matrix.py`: {len(ROWS)} rows, {len(results)} tests."
    yield from ("", "| # | fault | expected | tests | result |", "|--:|---|---|---|---|")
    for row in ROWS:
        tests = "<br>".join(f"`{test.replace('::test_', '::')}`" for test in row.tests)
        words = sorted({results.get(test, "not run") for test in row.tests})
        result = "; ".join(filter(None, [", ".join(words), f"gap: {row.gap}" if row.gap else ""]))
        yield f"| {row.number} | {row.fault} | {row.expected} | {tests} | {result} |"


def main() -> int:
    """Run the tests, write the page."""
    results = run()
    PAGE.write_text("\n".join([*page(results), ""]))
    return any(word in _BAD[:2] for word in results.values())


if __name__ == "__main__":
    sys.exit(main())
