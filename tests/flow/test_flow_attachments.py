"""Attachments: files in four steps, each of which may fail, from below one folder and nowhere else."""

import asyncio
import os
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv
from hypothesis import given
from hypothesis import strategies as st

import canary
from headrace.attaching import Files
from headrace.cli.screen import aligned
from headrace.client import Client
from headrace.dispatch.halt import Halt
from headrace.dispatch.uploading import UnfitFileError
from headrace.errors import InterruptionError, UsageError
from headrace.importfile import ImportSpec
from headrace.migration import Report
from headrace.model import Form, Secret
from headrace.pipeline import Settings
from headrace.sandbox.core import STORAGE
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.productive.storage import TOKEN
from headrace.sandbox.store import Record
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client
from headrace.verified import Verified

COLUMNS = ("file", "task_id", "comment_id", "page_id")


class Desk(World):
    """A world with files, tasks, comments and pages, and one attachments load."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.tasks = self.seed(
            "tasks", 3, title="Task", project_id=self.first("projects"), task_list_id=self.first("task_lists")
        )
        self.comments = self.seed("comments", 2, body="Look", task_id=self.tasks[0])
        self.pages = self.seed("pages", 2, title="Page")

    def first(self, kind: str) -> int:
        table = self.sandbox.store.table(kind)
        return next(iter(table)) if table else self.seed(kind, 1)[0]

    def seed(self, kind: str, count: int, **attributes: Any) -> list[int]:
        made = self.sandbox.api.sow(self.sandbox.store, kind, [attributes] * count, virtual_time.START)
        return [int(one) for one in made]

    def write(self, *names: str) -> None:
        for name in names:
            (self.files / name).parent.mkdir(parents=True, exist_ok=True)
            (self.files / name).write_bytes(f"content of {name}".encode() * 3)

    def load(self, rows: list[tuple[Any, ...]]) -> None:
        write_csv(self.folder / "files.csv", [(*row, *[""] * (4 - len(row))) for row in rows], COLUMNS)
        load = {"resource": "attachments", "source": str(self.folder / "files.csv")}
        self.spec = msgspec.convert({"provider": "productive", "name": "files", "load": [load]}, ImportSpec)

    def go(self, **settings: Any) -> Report:
        return self.run(Settings(attachments_dir=self.files, **settings))

    @property
    def attached(self) -> list[Record]:
        """The attachments that somebody sees."""
        table = self.sandbox.store.table("attachments").values()
        return [one for one in table if any(one.links.get(name) for name in ("task", "comment", "page"))]

    @property
    def names(self) -> Counter[Any]:
        return Counter(one.attributes["name"] for one in self.attached)


def fault(kind: FaultKind, method: str, path: str, **when: Any) -> Rule:
    return Rule(kind=kind, method=(method,), path=path, **when)


def test_files_are_attached_to_tasks_comments_and_pages(tmp_path: Path) -> None:
    """Each file is at the storage and linked to what its row names, with what is known of it."""
    desk = Desk(tmp_path)
    desk.write("a.pdf", "deep/er/b.txt", "c")
    desk.load([("a.pdf", desk.tasks[0]), ("deep/er/b.txt", "", desk.comments[1]), ("c", "", "", desk.pages[0])])
    report = desk.go()
    assert (report.summary.done, report.exit_code) == (3, 0)
    first, second, third = desk.attached
    assert (first.links["task"], second.links["comment"], third.links["page"]) == (
        desk.tasks[0],
        desk.comments[1],
        desk.pages[0],
    )
    assert [one.attributes["name"] for one in desk.attached] == ["a.pdf", "b.txt", "c"]
    assert [one.attributes["content_type"] for one in desk.attached] == [
        "application/pdf",
        "text/plain",
        "application/octet-stream",
    ]
    assert desk.sandbox.audit.uploads == {"taken": 3, "refused": 0, "with_credentials": 0}
    assert report.summary.requests == 1 + 3 * 4


def test_a_link_keeps_what_is_linked_already(tmp_path: Path) -> None:
    """Twelve files go to one task, many at a time: an API that replaces the list loses none of them."""
    desk = Desk(tmp_path, latency=(20, 300))
    names = [f"{at}.txt" for at in range(12)]
    desk.write(*names, "more.txt")
    desk.load([(name, desk.tasks[0]) for name in names])
    assert desk.go().summary.done == 12
    desk.load([("more.txt", desk.tasks[0])])
    desk.checkpoint = tmp_path / "second.headrace"
    assert desk.go().summary.done == 1
    task = desk.sandbox.store.get("tasks", desk.tasks[0])
    assert task is not None
    links = task.links["attachments"]
    assert isinstance(links, tuple)
    assert len(links) == 13
    assert desk.names == Counter([*names, "more.txt"])


STEPS = [
    ("POST", "/attachments"),
    ("POST", "/__storage*"),
    ("PATCH", "/attachments/*"),
    ("GET", "/tasks/*"),
    ("PATCH", "/tasks/*"),
]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE_COMMIT, FaultKind.DROP_AFTER_COMMIT, FaultKind.TRUNCATED_JSON])
@pytest.mark.parametrize(("method", "path"), STEPS)
def test_a_lost_answer_at_any_step_attaches_once(tmp_path: Path, method: str, path: str, kind: FaultKind) -> None:
    """Whichever step gets no answer, executed or not, every file ends up attached exactly once."""
    desk = Desk(tmp_path, faults=(fault(kind, method, path, at=[2, 3]),))
    names = [f"{at}.txt" for at in range(5)]
    desk.write(*names)
    desk.load([(name, desk.tasks[at % 2]) for at, name in enumerate(names)])
    report = desk.go(settle_after=4.0)
    assert (report.summary.done, report.exit_code) == (5, 0)
    assert desk.names == Counter(names)


def test_a_link_that_is_executed_late_undoes_no_newer_one(tmp_path: Path) -> None:
    """A link answered with 504 and executed later holds back those that come after it."""
    rule = fault(FaultKind.LATE_COMMIT, "PATCH", "/tasks/*", at=[1], seconds=60.0)
    desk = Desk(tmp_path, faults=(rule,), latency=(20, 300))
    names = [f"{at}.txt" for at in range(6)]
    desk.write(*names)
    desk.load([(name, desk.tasks[0]) for name in names])
    report = desk.go()
    assert report.summary.done == 6
    task = desk.sandbox.store.get("tasks", desk.tasks[0])
    assert task is not None
    assert len(task.links["attachments"]) == 6  # type: ignore[arg-type]
    assert desk.names == Counter(names)


@pytest.mark.parametrize("seed", range(12))
def test_kills_at_any_moment_attach_once(tmp_path: Path, seed: int) -> None:
    """A process that is killed, several times and anywhere, leaves neither a loss nor a second attachment."""
    rules = (
        Rule(kind=FaultKind.DROP_AFTER_COMMIT, probability=0.05, method=("POST", "PATCH")),
        Rule(kind=FaultKind.DROP_BEFORE_COMMIT, probability=0.05),
    )
    desk = Desk(tmp_path, faults=rules, latency=(20, 300), seed=seed)
    names = [f"{at}.txt" for at in range(15)]
    desk.write(*names)
    desk.load([(name, desk.tasks[at % 3]) for at, name in enumerate(names)])
    settings = Settings(attachments_dir=desk.files, settle_after=4.0, concurrency=4)
    for at in range(3):
        _killed(desk, settings, after=0.4 + 0.37 * seed * (at + 1) % 5.0)
    report = desk.run(settings)
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (15, 0, 0)
    assert desk.names == Counter(names)


def _killed(desk: Desk, settings: Settings, *, after: float) -> None:
    """Run until `after` seconds have passed, and no further: from then on nothing leaves the process."""

    async def main() -> None:
        desk.wait()
        began = asyncio.get_running_loop().time()
        client = simulated_client(
            desk.sandbox, settings, is_dead=lambda: asyncio.get_running_loop().time() > began + after
        )
        async with client:
            await client.run(desk.spec, checkpoint=desk.checkpoint, results=desk.results)

    virtual_time.run(main)


def test_a_plan_is_exact(tmp_path: Path) -> None:
    """The plan's requests are those that the run sends: four for a file, the upload not among them."""
    desk = Desk(tmp_path)
    names = [f"{at}.txt" for at in range(7)]
    desk.write(*names)
    desk.load([(name, desk.tasks[0]) for name in names])

    async def main() -> Any:
        desk.wait()
        async with simulated_client(desk.sandbox, Settings(attachments_dir=desk.files)) as client:
            return await client.plan(desk.spec)

    planned = virtual_time.run(main)
    assert planned.requests == 1 + 7 * 4
    assert not desk.attached
    assert desk.go().summary.requests == planned.requests


def test_what_is_wrong_with_a_file_is_a_fault_of_its_row(tmp_path: Path) -> None:
    """Nothing is sent of files that are not there, lead out of the folder, or are no files; the rest goes on."""
    desk = Desk(tmp_path)
    desk.write("good.txt", "sized.txt")
    (tmp_path / "secret.txt").write_text("secret")
    (desk.files / "way-out").symlink_to(tmp_path / "secret.txt")
    (desk.files / "up").symlink_to(tmp_path)
    (desk.files / "loop").symlink_to(desk.files / "loop")
    (desk.files / "empty").touch()
    os.mkfifo(desk.files / "pipe")
    bad = {
        "nowhere.txt": "no_such_file",
        "../secret.txt": "outside",
        str(tmp_path / "secret.txt"): "outside",
        "way-out": "outside",
        "up/secret.txt": "outside",
        "loop": "no_such_file",
        "pipe": "not_a_file",
        "https://127.0.0.1/x.txt": "no_such_file",
        ".": "not_a_file",
        "empty": "empty",
        "a\nb": "not_a_path",
    }
    desk.load([*((name, desk.tasks[0]) for name in bad), ("good.txt", desk.tasks[0])])
    report = desk.go()
    assert (report.summary.done, report.summary.invalid, report.exit_code) == (1, len(bad), 3)
    rejects = {row["file"]: row["code"] for row in read_csv(desk.results / "attachments.rejects.csv")}
    assert {name: bad[name] for name in rejects} == rejects
    assert desk.names == {"good.txt": 1}


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "out", "in", "", "/", "\0", "c.txt"]), max_size=8))
def test_no_path_leads_out_of_the_folder(parts: list[str]) -> None:
    """Whatever a path is made of, what is opened is a regular file below the folder."""
    with tempfile.TemporaryDirectory() as top:
        root = Path(top).resolve() / "files"
        (root / "a" / "b").mkdir(parents=True)
        for place in (root, root / "a", root / "a" / "b", root.parent):
            (place / "c.txt").write_text(str(place))
        (root / "out").symlink_to(root.parent)
        (root / "in").symlink_to(root / "a")
        with suppress(UnfitFileError), Files(root).open("/".join(parts)) as file:
            assert Path(file.read().decode()).is_relative_to(root)


def test_a_file_that_changes_under_way_is_refused(tmp_path: Path) -> None:
    """A file of another size than the one that was announced is not sent, and its row says so."""
    desk = Desk(tmp_path)
    desk.write("a.txt")
    desk.load([("a.txt", desk.tasks[0])])
    handle = desk.sandbox.handle

    def grow(method: str, path: str, *rest: Any, **more: Any) -> Any:
        if method == "POST" and path.endswith("/attachments"):
            (desk.files / "a.txt").write_text("more")
        return handle(method, path, *rest, **more)

    desk.sandbox.handle = grow  # type: ignore[method-assign]
    report = desk.go()
    assert (report.summary.rejected, report.exit_code) == (1, 3)
    (refused,) = read_csv(desk.results / "attachments.rejects.csv")
    assert refused["code"] == "changed"
    assert not desk.attached


def test_without_a_folder_nothing_is_begun(tmp_path: Path) -> None:
    """A load of files needs to be told where they are, and a folder that is there."""
    desk = Desk(tmp_path)
    desk.write("a.txt")
    desk.load([("a.txt", desk.tasks[0])])
    with pytest.raises(UsageError, match="nobody says where") as caught:
        desk.run(Settings())
    assert "--attachments-dir" in str(caught.value.hint)
    with pytest.raises(UsageError, match="is not a folder"):
        desk.run(Settings(attachments_dir=tmp_path / "nowhere"))
    assert not desk.checkpoint.exists()


def test_a_storage_that_refuses_says_so_and_one_that_is_down_ends_the_run(tmp_path: Path) -> None:
    """A refusal is the row's, in the storage's own code; a storage that fails stops the run, which goes on later."""
    desk = Desk(tmp_path, faults=(fault(FaultKind.ERROR_BEFORE_COMMIT, "POST", "/__storage*", times=3, status=503),))
    desk.write("a.txt")
    desk.load([("a.txt", desk.tasks[0])])
    report = desk.go()
    assert (report.exit_code, report.summary.not_attempted) == (7, 1)
    assert "storage" in str(report.reason)
    assert desk.go().summary.done == 1
    assert desk.names == {"a.txt": 1}


def test_a_target_that_is_not_there_is_the_row_s(tmp_path: Path) -> None:
    """A task that does not exist refuses its file, in the API's words."""
    desk = Desk(tmp_path)
    desk.write("a.txt", "b.txt")
    desk.load([("a.txt", 999_999), ("b.txt", desk.tasks[0])])
    report = desk.go()
    assert (report.summary.done, report.summary.rejected) == (1, 1)
    assert desk.names == {"b.txt": 1}


def test_a_row_may_say_what_its_file_is(tmp_path: Path) -> None:
    """Name and media type of a row win over the file's; a size that is not the file's is a fault."""
    desk = Desk(tmp_path)
    desk.write("a.bin")
    desk.load([])
    rows = [("a.bin", desk.tasks[0], "Plan.pdf", "application/pdf", ""), ("a.bin", desk.tasks[0], "", "", "7")]
    write_csv(tmp_path / "files.csv", rows, ("file", "task_id", "name", "content_type", "size"))
    report = desk.go()
    assert (report.summary.done, report.summary.invalid) == (1, 1)
    (made,) = desk.attached
    assert (made.attributes["name"], made.attributes["content_type"]) == ("Plan.pdf", "application/pdf")
    (refused,) = read_csv(desk.results / "attachments.rejects.csv")
    assert (refused["field"], refused["code"], refused["error"]) == ("size", "size", "the file has 48 bytes")


def test_a_reject_is_repaired_and_sent(tmp_path: Path) -> None:
    """A row whose file was missing goes with `retry`, once the file is there."""
    desk = Desk(tmp_path)
    desk.write("a.txt")
    desk.load([("a.txt", desk.tasks[0]), ("b.txt", desk.tasks[0])])
    assert desk.go().summary.invalid == 1
    desk.write("b.txt")

    async def main() -> Report:
        desk.wait()
        async with simulated_client(desk.sandbox, Settings(attachments_dir=desk.files)) as client:
            return await client.retry(checkpoint=desk.checkpoint, results=desk.results)

    assert virtual_time.run(main).summary.done == 2
    assert desk.names == {"a.txt": 1, "b.txt": 1}


def test_a_canary_row_is_read_back(tmp_path: Path) -> None:
    """With `canary` one file goes ahead, is found at its task, and costs the requests that the plan names."""
    desk = Desk(tmp_path)
    names = [f"{at}.txt" for at in range(3)]
    desk.write(*names)
    desk.load([(name, desk.tasks[0]) for name in names])
    settings = Settings(attachments_dir=desk.files, canary=True)

    async def main() -> Any:
        desk.wait()
        async with simulated_client(desk.sandbox, settings) as client:
            return await client.plan(desk.spec)

    planned = virtual_time.run(main)
    report = desk.run(settings)
    assert (report.summary.done, report.summary.requests) == (3, planned.requests)


def test_the_form_of_an_upload_is_nowhere_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Our credentials do not go to the storage, and its form, a credential too, stays out of all that is kept."""
    desk = Desk(tmp_path, faults=(fault(FaultKind.THROTTLE, "POST", "/__storage*", at=[1], seconds=1.0),))
    desk.write("a.txt", "b.txt")
    desk.load([("a.txt", desk.tasks[0]), ("b.txt", 999_999)])
    seen: list[dict[str, str]] = []
    handle = desk.sandbox.handle

    def watched(method: str, path: str, *rest: Any, **more: Any) -> Any:
        if path.startswith(STORAGE):
            seen.append({name.lower(): value for name, value in more["headers"].items()})
        return handle(method, path, *rest, **more)

    desk.sandbox.handle = watched  # type: ignore[method-assign]
    with caplog.at_level("DEBUG"):
        assert desk.go().summary.done == 1
    assert [set(headers) for headers in seen] == [{"content-type"}] * 3
    with (desk.files / "a.txt").open("rb") as file:
        assert TOKEN not in repr(Form((("a", Secret(TOKEN)),), file, "a", "b"))
    assert not canary.found_below(tmp_path)
    assert not canary.found_in(caplog.text.encode())


@pytest.mark.parametrize(
    ("base_url", "is_taken"),
    [
        ("https://api.productive.io/api/v2", True),
        ("http://127.0.0.1:1/api/v2", True),
        ("https://proxy.example/api/v2", False),
        ("https://api.productive.io/api/v3", False),
    ],
)
def test_files_go_to_the_vendor_s_storage_or_a_sandbox_s_only(tmp_path: Path, base_url: str, *, is_taken: bool) -> None:
    """Through another address there is no telling whose storage it would be, so nothing is begun."""
    settings = Settings(attachments_dir=tmp_path, allow_host=True)

    async def main() -> None:
        async with Client(
            "productive", token="canary-3c1e", organization="948", base_url=base_url, settings=settings
        ) as client:
            assert client.connection.storage is not None

    if is_taken:
        asyncio.run(main())
        return
    with pytest.raises(UsageError, match="files cannot be sent"):
        asyncio.run(main())


def verified(desk: Desk, **settings: Any) -> Verified:
    async def main() -> Verified:
        desk.wait()
        async with simulated_client(desk.sandbox, Settings(**settings)) as client:
            return await client.verify(desk.checkpoint)

    return virtual_time.run(main)


def test_verify_compares_files(tmp_path: Path) -> None:
    """With the folder, a file that has another name now, or hangs elsewhere or nowhere, is named."""
    desk = Desk(tmp_path)
    names = [f"{at}.txt" for at in range(4)]
    desk.write(*names)
    desk.load([(name, desk.tasks[0]) for name in names])
    assert desk.go().summary.done == 4
    assert verified(desk, attachments_dir=desk.files).checked == 4
    assert verified(desk, attachments_dir=desk.files).exit_code == 0
    renamed, moved, gone, _ = desk.attached
    renamed.attributes["name"] = "other.txt"
    moved.links["task"] = desk.tasks[1]
    desk.sandbox.store.remove("attachments", gone)
    found = verified(desk, attachments_dir=desk.files)
    assert (found.differing, found.missing, found.exit_code) == (2, 1, 4)
    assert {(one.field, one.found) for one in found.differences} == {
        ("name", "other.txt"),
        ("task_id", str(desk.tasks[1])),
        (None, None),
    }


def test_verify_says_that_it_leaves_files_out(tmp_path: Path) -> None:
    """Without the folder nothing of an import of files only is compared, and a notice says so."""
    desk = Desk(tmp_path)
    desk.write("a.txt")
    desk.load([("a.txt", desk.tasks[0])])
    assert desk.go().summary.done == 1
    found = verified(desk)
    assert (found.checked, found.exit_code) == (0, 0)
    assert found.notices == ("attachments: files are compared with --attachments-dir only",)
    assert [line.plain for line in aligned([["", "checked"]])]


def test_files_follow_their_records_in_one_import(tmp_path: Path) -> None:
    """Tasks, comments on them, and files at both go by one import file; a file of a refused task is not sent."""
    desk = Desk(tmp_path)
    desk.write("plan.pdf", "note.txt", "lost.txt")
    write_csv(tmp_path / "tasks.csv", [(1, "Plan", 201), (2, "Never", 999_999)], ("no", "title", "who"))
    write_csv(tmp_path / "notes.csv", [(7, "Look here", 1)], ("no", "text", "task"))
    rows = [("plan.pdf", 1, ""), ("note.txt", "", 7), ("lost.txt", 2, "")]
    write_csv(tmp_path / "files.csv", rows, ("file", "task", "note"))
    tasks = {"title": "title", "assignee_id": "who", "project_id": {"value": 501}, "task_list_id": {"value": 701}}
    loads = [
        {
            "resource": "attachments",
            "source": "files.csv",
            "fields": {
                "task_id": {"column": "task", "from": "tasks"},
                "comment_id": {"column": "note", "from": "comments"},
            },
        },
        {"resource": "tasks", "source": "tasks.csv", "key": ["no"], "fields": tasks},
        {
            "resource": "comments",
            "source": "notes.csv",
            "key": ["no"],
            "fields": {"body": "text", "task_id": {"column": "task", "from": "tasks"}},
        },
    ]
    placed = [load | {"source": str(tmp_path / str(load["source"]))} for load in loads]
    desk.spec = msgspec.convert({"provider": "productive", "name": "all", "load": placed}, ImportSpec)
    report = desk.go()
    assert (report.summary.done, report.summary.rejected, report.summary.invalid) == (4, 1, 1)
    (lost,) = read_csv(desk.results / "attachments.rejects.csv")
    assert (lost["file"], lost["code"]) == ("lost.txt", "parent_rejected")
    made = {one.attributes["name"]: one.links for one in desk.attached}
    task, comment = max(desk.sandbox.store.table("tasks")), max(desk.sandbox.store.table("comments"))
    assert (made["plan.pdf"]["task"], made["note.txt"]["comment"]) == (task, comment)


def test_a_list_that_is_not_told_is_not_replaced(tmp_path: Path) -> None:
    """Where the API does not say what a record has, nothing is linked: to replace the list would undo the rest."""
    desk = Desk(tmp_path)
    desk.write("a.txt", "b.txt")
    desk.load([("a.txt", desk.tasks[0])])
    assert desk.go().summary.done == 1
    handle = desk.sandbox.handle

    def silent(method: str, path: str, query: str = "", **more: Any) -> Any:
        return handle(method, path, "" if "include=attachments" in query else query, **more)

    desk.sandbox.handle = silent  # type: ignore[method-assign]
    desk.load([("b.txt", desk.tasks[0])])
    desk.checkpoint = tmp_path / "second.headrace"
    report = desk.go()
    assert (report.summary.rejected, desk.names) == (1, {"a.txt": 1})
    (refused,) = read_csv(desk.results / "attachments.rejects.csv")
    assert (refused["code"], refused["error"]) == ("no_list", "the provider does not say which attachments it has")


@pytest.mark.parametrize("seed", range(8))
def test_a_run_that_is_halted_between_steps_goes_on(tmp_path: Path, seed: int) -> None:
    """Whichever step a file is at when the run ends early, nothing is in doubt, and the next runs attach it once."""
    desk = Desk(tmp_path, latency=(20, 300), seed=seed)
    names = [f"{at}.txt" for at in range(12)]
    desk.write(*names)
    desk.load([(name, desk.tasks[at % 3]) for at, name in enumerate(names)])

    async def halted(after: float) -> Report:
        desk.wait()
        halt = Halt()
        async with simulated_client(desk.sandbox, Settings(attachments_dir=desk.files, concurrency=4)) as client:
            asyncio.get_running_loop().call_later(after, halt.stop, InterruptionError("halted"))
            return await client.run(desk.spec, checkpoint=desk.checkpoint, results=desk.results, halt=halt)

    for again in range(2):
        report = virtual_time.run(halted, 0.3 + 0.11 * seed + 0.5 * again)
        assert (report.exit_code, report.summary.in_doubt) == (130, 0)
    assert desk.go().summary.done == 12
    assert desk.names == Counter(names)
