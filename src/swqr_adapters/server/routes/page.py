"""``/``: a page for whoever runs the server, and what it shows."""

import asyncio
from datetime import datetime
from functools import cache, partial
from importlib import resources
from typing import Any, Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_core.config.connect import system_timeline
from swqr_core.errors import NotFoundError, SessionNotFoundError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.backend import Backend
from swqr_core.model.ids import SessionId
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.paging import each

from .everywhere import everywhere

__all__ = ["OVERVIEW_ROUTES", "PAGE_ROUTES"]

_SESSIONS: Final = 50
_JOBS: Final = 100
# Nothing from elsewhere, nothing inside the markup, and no frame around it.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARDS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_SVG_GUARDS: Final = {
    **_GUARDS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


# --- the page ------------------------------------------------------------------------------------


@cache
def _file(name: str) -> bytes:
    return (resources.files("swqr_adapters.server") / "page" / name).read_bytes()


async def _send(name: str, kind: str, call: Call) -> web.StreamResponse:
    """Give one of the page's files; a control key is asked for by the page itself."""
    if call.service.settings.control_key is None:
        call.service.admission.check_control(call.request)
    return web.Response(
        body=_file(name), headers={**_GUARDS, "Content-Type": f"{kind}; charset=utf-8"}
    )


async def page(call: Call) -> web.StreamResponse:
    """Give the page."""
    return await _send("page.html", "text/html", call)


async def style(call: Call) -> web.StreamResponse:
    """Give the page's style."""
    return await _send("page.css", "text/css", call)


async def script(call: Call) -> web.StreamResponse:
    """Give the page's script."""
    return await _send("page.js", "text/javascript", call)


# --- what it shows -------------------------------------------------------------------------------


async def overview(call: Call) -> web.StreamResponse:
    """Tell the backends, and the newest sessions and jobs of all instances."""
    sessions: list[Session] = []
    jobs: list[Job] = []
    backends: dict[str, Backend] = {}
    totals = {"sessions": 0, "jobs": 0}
    async for transport in everywhere(call):
        if transport.capabilities.session_listing:
            found = await transport.sessions(SessionQuery(limit=_SESSIONS))
            sessions += found.items
            totals["sessions"] += found.total
        submitted = await transport.jobs(JobQuery(limit=_JOBS))
        jobs += submitted.items
        totals["jobs"] += submitted.total
        for backend in await transport.backends():
            backends.setdefault(backend.name, backend)
    now = call.service.now()
    running = [job.spec.session_id for job in jobs if not job.state.ended]
    return json_answer(
        {
            "transport": call.service.provider.capabilities.transport,
            "now": now.isoformat(),
            "draining": call.service.draining,
            "totals": totals,
            "sessions": [
                {**_session(one), "running": running.count(one.id)}
                for one in sorted(sessions, key=_opened, reverse=True)[:_SESSIONS]
            ],
            "jobs": [
                _job(one, now)
                for one in sorted(jobs, key=lambda job: job.created_at, reverse=True)[:_JOBS]
            ],
            "backends": [
                {
                    "name": one.name,
                    "num_qubits": one.num_qubits,
                    "status": one.status.value,
                    "queue_length": one.queue_length,
                }
                for one in sorted(backends.values(), key=lambda one: (-one.queue_length, one.name))
            ],
        },
        headers={"Cache-Control": "no-store"},
    )


def _opened(session: Session) -> str:
    return "" if session.created_at is None else session.created_at.isoformat()


def _session(one: Session) -> dict[str, Any]:
    return {
        "id": one.id,
        "mode": one.mode.value,
        "backend": one.backend,
        "state": one.state.value,
        "reason": one.reason,
        "usage": one.usage_seconds,
    }


def _job(one: Job, now: datetime) -> dict[str, Any]:
    since = one.created_at if one.running_at is None else one.running_at
    return {
        "id": one.id,
        "state": one.state.value,
        "backend": one.spec.backend,
        "program": one.spec.program_id,
        "session": one.spec.session_id,
        "reason": one.reason,
        "queue_position": one.queue_position if one.state is JobState.QUEUED else None,
        "elapsed": max(0.0, ((one.ended_at or now) - since).total_seconds()),
        "usage": one.usage.quantum_seconds,
    }


async def timeline(call: Call) -> web.StreamResponse:
    """Draw a session of any instance."""
    session_id = SessionId(call.names[0])
    async for transport in everywhere(call):
        try:
            session = await transport.session(session_id)
        except NotFoundError:
            continue
        query = JobQuery(session_id=session_id, newest_first=False, limit=MAX_PAGE)
        jobs = [job async for job in each(transport.jobs, query)]
        # Of thousands of jobs that takes a while; others go on meanwhile.
        draw = partial(system_timeline(), session, jobs, now=call.service.now())
        drawn = await asyncio.to_thread(draw)
        return web.Response(
            body=drawn.encode(), headers={**_SVG_GUARDS, "Content-Type": "image/svg+xml"}
        )
    raise SessionNotFoundError(session_id)


PAGE_ROUTES: Final = (
    Route("GET", "/", page, "public"),
    Route("GET", "/_swqr/page.css", style, "public"),
    Route("GET", "/_swqr/page.js", script, "public"),
)
OVERVIEW_ROUTES: Final = (
    Route("GET", "/overview", overview, "control"),
    Route("GET", "/sessions/{id}/timeline", timeline, "control"),
)
