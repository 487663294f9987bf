"""How many rows are written in one record."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.ledger import packing
from headrace.model import Done, Fault, Invalid, Rejected

NUMBERS = st.lists(st.integers(0, (1 << 62) - 1), max_size=20) | st.lists(st.integers(0, 30), max_size=30)


@given(NUMBERS)
def test_numbers_read_back(numbers: list[int]) -> None:
    """Row numbers keep their order and their repetitions."""
    assert [*packing.unpack_numbers(packing.pack_runs(numbers))] == numbers


def test_consecutive_rows_take_twelve_bytes() -> None:
    """A batch of consecutive rows is one run, whatever its size."""
    assert len(packing.pack_runs(range(5, 105))) == 12


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=5))
def test_keys_read_back(keys: list[bytes]) -> None:
    """Keys are cut where they were joined."""
    assert [*packing.unpack_keys(b"".join(keys))] == keys


@given(st.lists(st.text(), max_size=5))
def test_ids_read_back(ids: list[str]) -> None:
    """Any text is a remote id."""
    assert packing.unpack_ids(packing.pack_ids([Done(0, 1, one) for one in ids])) == ids


def test_no_cell_is_kept() -> None:
    """Neither the value of a fault nor a sentence of ours that may quote it is written down."""
    fault = Fault(code="bad", error="'s3cret' is bad", field="f", column="c", value="s3cret", hint="not s3cret")
    assert b"s3cret" not in packing.pack_detail(Invalid(0, 1, (fault,)))
    kept = packing.unpack_detail(packing.pack_detail(Rejected(0, 1, (fault,)))).errors
    assert [(one.error, one.value) for one in kept] == [("'s3cret' is bad", None)]
