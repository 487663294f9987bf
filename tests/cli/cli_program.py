"""The program as the tests of the command line start it and see it end."""

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

TOKEN = "canary-token-5f1e"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be one JSON object and nothing else."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error that it printed as JSON."""
        assert set(self.json) == {"error"}
        assert set(self.json["error"]) == {"code", "message", "hint"}
        return self.json["error"]


class Place(NamedTuple):
    """A sandbox that runs."""

    url: str
    token: str
    organization: str

    @property
    def environment(self) -> dict[str, str]:
        return {"HEADRACE_PRODUCTIVE_TOKEN": self.token, "HEADRACE_PRODUCTIVE_ORGANIZATION": self.organization}


def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
    """Start the program as a process with pipes."""
    command = [sys.executable, "-m", "headrace", *map(str, arguments)]
    return subprocess.Popen(
        command,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": dict(os.environ)} | options,
    )


def finish(process: "subprocess.Popen[str]", seconds: float = 30.0, text: str | None = None) -> Ended:
    """Wait for a process to end by itself."""
    try:
        out, err = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, out, err)
