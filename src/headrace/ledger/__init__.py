"""Ledger: the disk. What is about to be sent, what became of it, and the files that tell people."""

from headrace.ledger.checkpoint import Checkpoint
from headrace.ledger.load import LoadLedger
from headrace.ledger.resolution import Decision, Doubt
from headrace.ledger.retry import RetryLedger
from headrace.ledger.summary import LoadSummary, Summary, exit_code, summarise, write_summary
from headrace.ledger.view import Identity, View

__all__ = [
    "Checkpoint",
    "Decision",
    "Doubt",
    "Identity",
    "LoadLedger",
    "LoadSummary",
    "RetryLedger",
    "Summary",
    "View",
    "exit_code",
    "summarise",
    "write_summary",
]
