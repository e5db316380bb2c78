"""Runs alerts while the service runs; their routes are those of operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from service.alerts.running import watch
from service.callers import Caller, acting_for
from service.cancellation import CancelToken

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.session import Service
    from ui.api.state import ApiState


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Nothing: see ``service.operations.alerts``."""


@contextmanager
def background(state: ApiState) -> Iterator[None]:
    """Match new windows and send what is due, until the service ends."""
    cancel = CancelToken()
    thread = Thread(target=_watch, args=(state.service, cancel), name="alerts")
    thread.start()
    try:
        yield
    finally:
        cancel.cancel()
        thread.join()


def _watch(service: Service, cancel: CancelToken) -> None:
    """Run alerts behind everything that people wait for."""
    with acting_for(Caller("alerts", "batch", cancel, admitted=True)):
        watch(service, cancel=cancel)
