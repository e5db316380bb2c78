"""Tokens of the service, as operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.operations.operation import Operation
from service.schemas.service import TokenRecord
from service.tokens import (
    CreateTokenRequest,
    ListTokensRequest,
    RevokeTokenRequest,
    create_token,
    list_tokens,
    revoke_token,
)

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.session import Service


def _create(
    service: Service, request: CreateTokenRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[TokenRecord]:
    yield TokenRecord.of_new(create_token(service, request))


def _list(
    service: Service, request: ListTokensRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[TokenRecord]:
    yield from map(TokenRecord.of, list_tokens(service, request))


def _revoke(
    service: Service, request: RevokeTokenRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[TokenRecord]:
    yield TokenRecord.of(revoke_token(service, request))


CREATE_TOKEN = Operation(
    "tokens create",
    "Make a token for the HTTP API and MCP; it is shown once.",
    CreateTokenRequest,
    (TokenRecord,),
    _create,
    role="admin",
)
LIST_TOKENS = Operation(
    "tokens list", "List the tokens.", ListTokensRequest, (TokenRecord,), _list, role="admin"
)
REVOKE_TOKEN = Operation(
    "tokens revoke", "Revoke a token at once.", RevokeTokenRequest, (TokenRecord,), _revoke, role="admin"
)
ALL = (CREATE_TOKEN, LIST_TOKENS, REVOKE_TOKEN)
