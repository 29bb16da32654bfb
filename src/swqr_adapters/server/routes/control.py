"""``/_swqr/``: for whoever runs the server."""

import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from swqr_adapters.server.answers import empty, json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.openapi import openapi_document
from swqr_adapters.server.problems import HttpProblem
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import job_document, session_document
from swqr_core.errors import InvalidInputError
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport

from .everywhere import everywhere

__all__ = ["CONTROL_ROUTES", "DOCUMENT_ROUTES"]

T = TypeVar("T", Job, Session)

_MOST_SHOWN: Final = 1000
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_REFUSED: Final = 1208


async def health(call: Call) -> web.StreamResponse:
    """Say that the process lives."""
    return json_answer({"status": "ok", "transport": call.service.provider.capabilities.transport})


async def ready(call: Call) -> web.StreamResponse:
    """Say whether new work is taken."""
    if call.service.draining:
        return json_answer({"status": "draining"}, status=503)
    return json_answer({"status": "ready"})


async def metrics(call: Call) -> web.StreamResponse:
    """Give everything that is counted, for Prometheus."""
    return web.Response(
        body=call.service.meter.text(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


def _most(call: Call) -> int:
    return call.query.number("limit", default=_MOST_SHOWN, at_least=1, at_most=_MOST_SHOWN)


async def _newest(
    call: Call, most: int, listing: Callable[[RuntimeTransport], AsyncIterator[T]]
) -> list[T]:
    """Return the newest that all instances have, the oldest of them first.

    Args:
        call: Who asks.
        most: How many, at most.
        listing: What one instance has, the newest first.
    """
    found: list[T] = []
    async for transport in everywhere(call):
        mine: list[T] = []
        async for one in listing(transport):
            mine.append(one)
            if len(mine) == most:
                break
        found += reversed(mine)
    found.sort(key=_created)
    return found[-most:]


def _created(one: Job | Session) -> datetime:
    return one.created_at if one.created_at is not None else _NEVER


async def sessions(call: Call) -> web.StreamResponse:
    """List the newest sessions of all instances."""
    query = SessionQuery(limit=min(most := _most(call), MAX_PAGE))
    found = await _newest(call, most, lambda t: each(t.sessions, query))
    return json_answer({"sessions": [session_document(one, extended=True) for one in found]})


async def jobs(call: Call) -> web.StreamResponse:
    """List the newest jobs of all instances, without their parameters."""
    query = JobQuery(limit=min(most := _most(call), MAX_PAGE))
    found = await _newest(call, most, lambda t: each(t.jobs, query))
    return json_answer({"jobs": [job_document(one, extended=True) for one in found]})


async def reset(call: Call) -> web.StreamResponse:
    """Make everything as it was at the start: no jobs, no sessions, no fault rules."""
    again = call.service.control.reset
    if again is None:
        raise HttpProblem(
            400, "what is behind this server cannot be reset", "Start it on the in-memory cloud."
        )
    call.service.faults.rules.clear()
    call.service.admission.forget()
    await again()
    call.service.admission.forget()
    return empty()


async def faults(call: Call) -> web.StreamResponse:
    """List the fault rules."""
    return json_answer({"rules": [r.document() for r in call.service.faults.rules.values()]})


async def add_fault(call: Call) -> web.StreamResponse:
    """Put a fault rule in force."""
    rule = call.service.faults.add(await call.service.bodies.document(call.request))
    return json_answer(rule.document(), status=201)


async def clear_faults(call: Call) -> web.StreamResponse:
    """Delete all fault rules."""
    call.service.faults.rules.clear()
    return empty()


async def delete_fault(call: Call) -> web.StreamResponse:
    """Delete a fault rule."""
    if call.service.faults.rules.pop(call.names[0], None) is None:
        raise HttpProblem(404, "there is no such rule", "List the rules.")
    return empty()


async def advance(call: Call) -> web.StreamResponse:
    """Let virtual time pass, with all that happens meanwhile."""
    body = await call.service.bodies.document(call.request)
    seconds = body.get("seconds")
    clock = call.service.control.clock
    if clock is None:
        raise HttpProblem(
            400, "the time of this server is real", "Start it on a virtual clock to move it."
        )
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 0 <= seconds < math.inf
    ):
        raise InvalidInputError("seconds", f"must be 0 or more, not {seconds!r:.50}", _REFUSED)
    await clock.advance(seconds)
    return json_answer({"now": clock.now().isoformat()})


async def openapi(_: Call) -> web.StreamResponse:
    """Give this server's own OpenAPI document."""
    return json_answer(openapi_document())


CONTROL_ROUTES: Final = (
    Route("GET", "/health", health, "control"),
    Route("GET", "/ready", ready, "control"),
    Route("GET", "/metrics", metrics, "control"),
    Route("GET", "/sessions", sessions, "control"),
    Route("GET", "/jobs", jobs, "control"),
    Route("POST", "/reset", reset, "control"),
    Route("GET", "/faults", faults, "control"),
    Route("POST", "/faults", add_fault, "control"),
    Route("DELETE", "/faults", clear_faults, "control"),
    Route("DELETE", "/faults/{id}", delete_fault, "control"),
    Route("POST", "/clock/advance", advance, "control"),
)
DOCUMENT_ROUTES: Final = (Route("GET", "/openapi.json", openapi, "public"),)
