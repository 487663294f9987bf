"""The check of the sample import that belongs to a provider."""

from pathlib import Path

from headrace.checking import check
from headrace.client import Client
from headrace.importfile import read_import
from headrace.migration import Report
from headrace.testing.conformance.bench import Bench, Subject


def the_sample_runs(subject: Subject, folder: Path) -> None:
    """The sample is valid offline, ends with exit code 0 against the sandbox, and run again sends no row."""
    if subject.sample is None:
        return
    spec = read_import(subject.sample / "import.toml")
    provider = spec.fitted(subject.provider)
    checked = check(spec, provider)
    assert (checked.invalid, checked.faults) == (0, []), checked.faults
    bench = Bench(subject, folder)

    async def act(client: Client) -> Report:
        return await client.run(spec, checkpoint=folder / "sample.headrace", results=folder / "sample.results")

    first = bench.use(act, provider=provider)
    assert first.exit_code == 0, (first.reason, first.summary)
    assert first.summary.counts.done == checked.rows
    created = bench.created
    again = bench.use(act, provider=provider)
    assert (again.exit_code, bench.created) == (0, created)
    assert again.summary.counts == first.summary.counts
    assert bench.audit["throttled"] == 0
    assert bench.audit["unknown_attributes"] == {}, "columns that the API does not know"
