"""The invariants of BUDGETS.md 6 have tests, and the mutants that show their teeth still fit the code."""

from pathlib import Path

import mutants
import pytest

ROOT = Path(__file__).parents[2]


def test_every_invariant_has_a_test() -> None:
    """I1 to I12 are each named by the docstring of at least one test."""
    named = {name for found in mutants.invariants().values() for name in found.split()}
    assert named >= {f"I{number}" for number in range(1, 13)}


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.what)
def test_a_mutant_is_one_change(mutant: mutants.Mutant) -> None:
    """What a mutant replaces is in its file exactly once: a run of `mutants.py` would make the mistake it speaks of."""
    text = (ROOT / "src" / "headrace" / "dispatch" / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")
