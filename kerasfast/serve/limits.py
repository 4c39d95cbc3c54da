"""Requests that are too large end early, whether or not they say how large they are."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """Middleware that answers 413 once the body of a request is larger than allowed.

    Args:
        app: The application.
        most_bytes: That a body may have.
    """

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]], most_bytes: int) -> None:
        self._app, self._most = app, most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle a request."""
        declared = dict(scope.get("headers", ())).get(b"content-length", b"0")
        received = int(declared) if declared.isdigit() else 0
        known = received > self._most
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = {} if known else await receive()
            received += len(message.get("body", b""))
            if known or received > self._most:
                raise HTTPException(413, f"The request is larger than the {self._most} bytes that are allowed.")
            return message

        await self._app(scope, limited if scope["type"] == "http" else receive, send)
