"""Connections of a server: one that brings no request in time is closed; knows no visitor.

Without that anybody who reaches the port, with a token or not, could hold all the connections there may be.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """An HTTP connection that waits for the whole of a request's head for so long and no longer."""

    patience_seconds = 10.0
    """How long; the time between two requests of a connection is bounded by the server's own setting."""
    _giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on until a request is there to be answered, or a websocket takes the connection over."""
        super().data_received(data)
        taken_over = self.transport.get_protocol() is not self
        if taken_over or (self.cycle is not None and not self.cycle.response_complete):
            self._wait_no_longer()
        elif self._giving_up is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._giving_up = self.loop.call_later(self.patience_seconds, self.transport.close)

    def _wait_no_longer(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
