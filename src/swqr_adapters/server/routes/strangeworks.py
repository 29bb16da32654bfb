"""The Strangeworks platform: logging in, and everything that is asked in GraphQL."""

import asyncio
import inspect
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer
from swqr_adapters.server.bodies import UNCOUNTED
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm.extension import MEMBER
from swqr_adapters.wire.strangeworks import graphql_error, token_answer
from swqr_core.errors import AccessDeniedError, InvalidInputError, SwqrError

if TYPE_CHECKING:
    from graphql import ExecutionResult, GraphQLError

    from swqr_adapters.server.platform.documents import Parsed

__all__ = ["GRAPHQL_ROUTES", "LOGIN_ROUTES"]

_log = logging.getLogger(__name__)

_REFUSED: Final = 1208
_BAD_CREDENTIALS: Final = 1201
_LONGEST_KEY: Final = 4096
_MOST_VARIABLES: Final = 100
_MOST_FIELDS: Final = 5_000


async def token(call: Call) -> web.StreamResponse:
    """Exchange an API key for a token."""
    service = call.service
    body = await service.bodies.document(call.request, limit=UNCOUNTED)
    key = body.get("key")
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidInputError("key", "is required: an API key", _REFUSED)
    account = await service.provider.account(key)
    if account is None:
        raise AccessDeniedError("log in with this API key", "check the key", _BAD_CREDENTIALS)
    first = account.instances[0].id if account.instances else ""
    issued = service.admission.desk.issue(key, user=account.user, account=first)
    return json_answer(token_answer(issued["access_token"]))


async def ask(call: Call) -> web.StreamResponse:
    """Answer a GraphQL document."""
    body = await call.service.bodies.document(call.request)
    query, variables = body.get("query"), body.get("variables")
    name = body.get("operationName")
    if not isinstance(query, str):
        raise InvalidInputError("query", "is required: a GraphQL document", _REFUSED)
    if variables is not None and not isinstance(variables, Mapping):
        raise InvalidInputError("variables", "must be an object", _REFUSED)
    if variables is not None and len(variables) > _MOST_VARIABLES:
        raise InvalidInputError("variables", f"may be at most {_MOST_VARIABLES}", _REFUSED)
    if name is not None and not isinstance(name, str):
        raise InvalidInputError("operationName", "must be text", _REFUSED)
    # The library takes a moment to load: the first time others go on meanwhile.
    documents = await asyncio.to_thread(lambda: call.service.platform.documents)
    parsed = documents.parse(query)
    call.reads = parsed.reads
    return json_answer(await _run(call, parsed, variables, name or None))


async def _run(
    call: Call, parsed: "Parsed", variables: Mapping[str, Any] | None, name: str | None
) -> dict[str, Any]:
    from graphql import execute

    from swqr_adapters.server.platform.resolvers import MOST_NODES, Root
    from swqr_adapters.server.platform.schema import platform_schema

    # The library makes an answer in one go: the more fields a node has, the fewer nodes.
    most = max(1, min(MOST_NODES, _MOST_FIELDS // max(parsed.fields, 1)))
    root = Root(call, call.service.platform.space(call.account), most)
    # Nothing else is awaited, and this is asked often. The library's releases type it differently.
    is_awaitable: Any = inspect.iscoroutine
    result: Any = execute(
        platform_schema(),
        parsed.document,
        root_value=root,
        variable_values=dict(variables or {}),
        operation_name=name,
        is_awaitable=is_awaitable,
    )
    if inspect.isawaitable(result):
        result = await result
    return _answer(call, root.told, result)


def _answer(call: Call, told: Mapping[str, Any], result: "ExecutionResult") -> dict[str, Any]:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer = {"errors": [_entry(call, error) for error in result.errors], **answer}
    if told:
        answer["extensions"] = {MEMBER: told}
    return answer


def _entry(call: Call, error: "GraphQLError") -> dict[str, Any]:
    cause = _cause(error)
    place = {"path": error.path} if error.path else {}
    if isinstance(cause, SwqrError):
        return {**graphql_error(str(cause), error=cause if call.extended else None), **place}
    if cause is None:
        return {**graphql_error(error.message[:500]), **place}
    trace = call.service.trace()
    _log.error("request %s: %s failed", trace, error.path, exc_info=cause)
    told = (
        "the server failed" if call.reads else "the server failed, and it may have been done: look"
    )
    return {**graphql_error(f"{told}, and tell its owner the trace {trace}"), **place}


def _cause(error: "GraphQLError") -> Exception | None:
    """Return what went wrong in a resolver; None where the document itself was wrong."""
    cause: Any = error
    while hasattr(cause, "original_error"):
        cause = cause.original_error
    return cause if isinstance(cause, Exception) else None


LOGIN_ROUTES: Final = (
    Route("POST", "/users/token", token, "public"),
    Route("POST", "/product/token", token, "public"),
)
GRAPHQL_ROUTES: Final = (Route("POST", "/sdk", ask, "account"),)
