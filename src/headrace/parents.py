"""Parents: the records that rows refer to by the keys of the rows that made them, in this import or an earlier one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from headrace.errors import UsageError
from headrace.importfile import ImportSpec
from headrace.intake.references import KeyTable, Missing, key_of, keys_of
from headrace.ledger import Checkpoint, View

Ids: TypeAlias = dict[bytes, int | str | tuple[int | str, ...]]


class Parents:
    """Finds ids by key: first among the rows of a load of this import, then among those of `earlier` ones."""

    def __init__(self, checkpoint: View, earlier: Sequence[View] = ()) -> None:
        self._checkpoint = checkpoint
        self._earlier = earlier

    def table(self, load: str, texts: set[str]) -> KeyTable:
        """Return what the cells `texts` refer to among the rows of `load`, and why those do not that have no record."""
        keys = keys_of(texts)
        ids = self._own(load, keys)
        missing = [key for key in keys if key not in ids]
        if missing:
            ids.update(self._of_earlier(load, missing))
        return KeyTable(ids, why=self.why(load, [key for key in missing if key not in ids]))

    def is_unknown(self, load: str, key: bytes) -> bool:
        """Whether the row of `load` with this key was sent, and no outcome is known of it yet."""
        return self._has(load) and any(key in one.keys for one in self._checkpoint.unknown(load))

    def why(self, load: str, keys: Sequence[bytes]) -> "Why":
        """Return what says why rows of `load` with these keys have no record."""
        return Why(self._checkpoint, load if self._has(load) else None, keys)

    def _own(self, load: str, keys: Sequence[bytes]) -> Ids:
        return {**self._checkpoint.ids(load, keys)} if self._has(load) else {}

    def _has(self, load: str) -> bool:
        return any(one.name == load for one in self._checkpoint.loads)

    def _of_earlier(self, load: str, keys: Sequence[bytes]) -> Ids:
        """Return the ids that earlier imports have; all of them where these disagree."""
        found: dict[bytes, dict[str, None]] = {}
        for view in self._earlier:
            if any(one.name == load for one in view.loads):
                for key, its in view.ids(load, keys).items():
                    found.setdefault(key, {}).update(dict.fromkeys((its,) if isinstance(its, str) else its))
        return {key: next(iter(ids)) if len(ids) == 1 else tuple(ids) for key, ids in found.items()}


class Why:
    """Says why keys lead to no record: what became of their rows, as far as the checkpoint knows."""

    def __init__(self, checkpoint: View, load: str | None, keys: Sequence[bytes]) -> None:
        self._load = load
        self._fates = checkpoint.fates(load, keys) if load is not None and keys else {}

    def __call__(self, text: str) -> Missing:
        """Return the answer for a cell that refers to no record."""
        fate = self._fates.get(key_of(text))
        if fate is None:
            return Missing()
        what = _WORDS[fate.word]
        where = f"line {fate.line}" if fate.line else "a line that is gone"
        faults = f" ({'; '.join(fate.faults)})" if fate.faults else ""
        return Missing(why=f"its row of '{self._load}', {where}, {what}{faults}", code=f"parent_{fate.word}")


_WORDS: Mapping[str, str] = {
    "rejected": "was refused by the provider",
    "invalid": "is invalid",
    "in_doubt": "is in doubt",
    "duplicated": "is there more than once",
}


@contextmanager
def earlier_imports(spec: ImportSpec, checkpoint: View) -> Iterator[Sequence[View]]:
    """Open the checkpoints of the earlier imports that `spec` names, to be read.

    Raises `UsageError` where one is of another account, or none has a load that rows refer to.
    """
    with ExitStack() as opened:
        views = [opened.enter_context(_opened(path, checkpoint)) for path in spec.ids]
        known = {one.name for view in views for one in view.loads} | {load.title for load in spec.in_order}
        for load in spec.in_order:
            for title in sorted(load.parents - known):
                raise UsageError(
                    f"{load.title} takes ids from {title!r}, which neither this import nor an earlier one has",
                    hint=f"the loads that there are: {', '.join(sorted(known))}",
                )
        yield views


def _opened(path: str, own: View) -> View:
    if not Path(path).is_file():
        raise UsageError(f"there is no checkpoint {path}", hint="`ids` names .headrace files of earlier imports")
    view = Checkpoint.read(Path(path))
    theirs, ours = view.identity, own.identity
    for word, one, other in (
        ("provider", theirs.provider, ours.provider),
        ("base URL", theirs.base_url.rstrip("/"), ours.base_url.rstrip("/")),
        ("organization", theirs.organization, ours.organization),
    ):
        if one != other:
            view.close()
            raise UsageError(
                f"the checkpoint {path} is of another {word}: {one!r}, not {other!r}",
                hint="ids are good in the account that they come from; leave it out of `ids`",
            )
    return view
