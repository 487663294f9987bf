"""The one verb of dispatch, `send`, and the layers around it."""

from typing import Protocol

from headrace.model import Request, Response


class Transport(Protocol):
    """Sends one request. Called from many tasks at once."""

    async def send(self, request: Request) -> Response:
        """Return the answer, whatever its status.

        Raises `NotSentError` when not a byte left, `LostError` when at least one may have and no complete answer
        came. Foreign exceptions never come out.
        """
