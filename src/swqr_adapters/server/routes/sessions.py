"""``/sessions`` and what is under it, the older interface's documents too."""

from typing import Any, Final

from aiohttp import web
from attrs import evolve

from swqr_adapters.server.answers import empty, json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import session_document
from swqr_adapters.wire.ibm.legacy import (
    extended_session_document,
    legacy_session_document,
    session_jobs_document,
)
from swqr_adapters.wire.ibm.requests import parse_accepting, parse_session_opening
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import SessionId
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.model.session import SessionMode

__all__ = ["ROUTES"]

_MODES_DEMANDED: Final = "2025-01-01"


async def open_session(call: Call) -> web.StreamResponse:
    """Open a session or batch."""
    service = call.service
    key = service.idempotency_key(call.request)
    body = await service.bodies.document(call.request)
    # The older interface, and whoever names no version, may leave the mode out.
    older = call.legacy or call.version < _MODES_DEMANDED or "max_session_ttl" in body
    spec = parse_session_opening(body, mode=SessionMode.DEDICATED if older else None)
    service.check_accepting()
    session = await call.transport.open_session(spec, key=key)
    if call.legacy:
        return json_answer({"id": session.id})
    return json_answer(session_document(session, extended=call.extended))


async def one(call: Call) -> web.StreamResponse:
    """Give a session or batch."""
    session = await call.transport.session(call.names[0])
    if call.legacy:
        return json_answer(legacy_session_document(session))
    return json_answer(session_document(session, extended=call.extended))


async def update(call: Call) -> web.StreamResponse:
    """Let a session take no new jobs. Taking jobs again does not reopen it."""
    accepting = parse_accepting(await call.service.bodies.document(call.request))
    if accepting:
        await call.transport.session(call.names[0])
    else:
        await call.transport.drain_session(call.names[0])
    return empty()


async def close(call: Call) -> web.StreamResponse:
    """Stop a session: what is queued does not run."""
    await call.transport.cancel_session(call.names[0])
    return empty()


async def extended(call: Call) -> web.StreamResponse:
    """Give a session as the older interface's extended document."""
    session = await call.transport.session(call.names[0])
    all_failed = False
    if session.state is SessionState.CLOSED:
        failing: Any = {JobState.FAILED}
        query = JobQuery(session_id=SessionId(session.id), limit=1)
        jobs = await call.transport.jobs(query)
        failed = await call.transport.jobs(evolve(query, states=failing))
        all_failed = jobs.total == failed.total > 0
    return json_answer(
        extended_session_document(
            session,
            instance=call.instance.id,
            now=call.service.now(),
            all_failed=all_failed,
        )
    )


async def session_jobs(call: Call) -> web.StreamResponse:
    """Give a page of a session's jobs as the older interface does."""
    session = await call.transport.session(call.names[0])
    page = await call.transport.jobs(
        JobQuery(
            session_id=SessionId(session.id),
            limit=call.query.number("limit", default=MAX_PAGE, at_least=1, at_most=MAX_PAGE),
            offset=call.query.number("offset", default=0, at_least=0),
        )
    )
    return json_answer(
        session_jobs_document(
            page.items,
            instance=call.instance.name,
            total=page.total,
            offset=page.offset,
            limit=page.limit,
        )
    )


ROUTES: Final = (
    Route("POST", "/sessions", open_session),
    Route("GET", "/sessions/{id}", one),
    Route("PATCH", "/sessions/{id}", update),
    Route("DELETE", "/sessions/{id}/close", close),
    Route("GET", "/sessions/{id}/extended", extended),
    Route("GET", "/sessions/{id}/jobs", session_jobs),
)
