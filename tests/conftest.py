"""What tests of several areas share: the sandbox as a process, and Hypothesis' profile."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import orjson
import pytest
from hypothesis import settings

import canary

MEMORY, ROOM = Path("/dev/shm"), 1 << 30
"""Where files are kept that no power cut needs to spare, if so many bytes are free there."""
DISK = os.environ.setdefault("HEADRACE_TEST_DISK", tempfile.gettempdir())
"""Where temporary files are otherwise. The variable is for the workers of pytest-xdist, which inherit `TMPDIR`."""

settings.register_profile("headrace", deadline=None, print_blob=True)
settings.load_profile("headrace")


def pytest_configure() -> None:
    """Keep temporary files in memory: simulations commit thousands of times, and no test sees what a disk does then."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # what was found without the variable


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with tests of real processes, which take longest and mostly wait: none is left over for one worker."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Give real processes a real disk; the folder of a test that fails stays."""
    if request.node.get_closest_marker("real") is None:
        yield tmp_path
        return
    failed = request.session.testsfailed
    folder = Path(tempfile.mkdtemp(prefix="headrace-test-", dir=DISK))
    yield folder
    if request.session.testsfailed == failed:
        shutil.rmtree(folder)


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what budgets remember out of the user's own state folder, also in processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _no_secret_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail every test that leaves a token in a file of its folder: checkpoints, results, logs, whatever it is."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    left = canary.found_below(folder) if folder is not None and folder.exists() else []
    assert not left, f"a token is in {left}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail every test that leaves a token in its captured output or log."""
    report = yield
    if report.passed and any(canary.found_in(text.encode(errors="replace")) for _, text in report.sections):
        report.outcome = "failed"
        report.longrepr = "a token is in what this test printed or logged"
    return report


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 8 MiB; skip where that is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


class SandboxProcess:
    """`headrace sandbox NAME` in a process of its own, and what can be asked of it."""

    def __init__(self, greeting: dict[str, str], provider: str = "productive") -> None:
        self.url = greeting["url"]
        self.environment = {
            f"HEADRACE_{provider.upper()}_TOKEN": greeting["token"],
            f"HEADRACE_{provider.upper()}_ORGANIZATION": greeting["organization"],
        }

    def _control(self, path: str) -> bytes:
        with urlopen(urljoin(self.url, f"/__sandbox/{path}"), timeout=30) as answer:
            body: bytes = answer.read()
            return body

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._control("audit"))
        return found

    def records(self, kind: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self._control(f"records/{kind}").splitlines() if line]


@contextmanager
def _start(*options: str, provider: str = "productive") -> Iterator[SandboxProcess]:
    command = [sys.executable, "-m", "headrace", "sandbox", provider, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield SandboxProcess(orjson.loads(process.stdout.readline()), provider)
        finally:
            process.terminate()


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxProcess]]:
    """Give a function that starts a sandbox with the given options; it ends with the test."""
    with ExitStack() as running:
        yield lambda *options, **named: running.enter_context(_start(*options, **named))
