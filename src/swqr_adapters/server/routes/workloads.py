"""``/workloads``: sessions, batches, and the jobs that belong to none, in one list."""

import asyncio
import base64
import binascii
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from swqr_adapters.server.answers import json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import job_workload, session_workload, workload_page_document
from swqr_adapters.wire.ibm.workloads import MAX_WORKLOADS, WORKLOAD_MODES, workload_status
from swqr_core.errors import InvalidInputError
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.paging import each

__all__ = ["ROUTES"]

_DEFAULT_PAGE: Final = 10
_REFUSED: Final = 1208
_AT_ONCE: Final = 1000  # workloads between two looks at the event loop: a few milliseconds
_STATUSES: Final = ("completed", "canceled", "failed", "pending", "in_progress")
_MODES: Final = {"job": None, **{word: mode for mode, word in WORKLOAD_MODES.items()}}

_Key = tuple[str, str]  # when it was made, and its id: an order that new workloads do not disturb


async def listing(call: Call) -> web.StreamResponse:
    """Give a page of workloads. Cursors stay good whatever is added meanwhile."""
    query = call.query
    newest_first = query.word("sort", {"createdAt": False, "-createdAt": True}) is True
    limit = query.number("limit", default=_DEFAULT_PAGE, at_least=1, at_most=MAX_WORKLOADS)
    statuses, text = _wanted_statuses(call), query.text("search")
    user = None if query.text("user") is None else call.account.user
    found: list[tuple[_Key, Job | Session]] = []
    for number, one in enumerate(await _gather(call)):
        if _matches(one, statuses, text, user):
            found.append((_key(one.created_at, one.id), one))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    found.sort(key=lambda entry: entry[0], reverse=newest_first)
    begin = _begin(call, [key for key, _ in found], limit, newest_first=newest_first)
    page = found[begin : begin + limit]
    more = begin + limit < len(found)
    return json_answer(
        workload_page_document(
            (_document(one, extended=call.extended) for _, one in page),
            total=len(found),
            limit=limit,
            next_url=_url(call, "next", page[-1][0]) if more and page else None,
            previous_url=_url(call, "previous", page[0][0]) if begin and page else None,
        )
    )


def _wanted_statuses(call: Call) -> set[str]:
    wanted = set(call.query.texts("status"))
    if not wanted <= set(_STATUSES):
        raise InvalidInputError("status", f"must be of {', '.join(_STATUSES)}", _REFUSED)
    return wanted


async def _gather(call: Call) -> list[Job | Session]:
    """Return everything that the port's own queries leave."""
    query, transport = call.query, call.transport
    query.word("mode", _MODES)  # refuses words that are none
    mode = query.text("mode")
    backend = query.text("backend")
    span: dict[str, Any] = {
        "backend": None if backend is None else BackendName(backend),
        "created_after": query.time("created_after"),
        "created_before": query.time("created_before"),
        "newest_first": False,
        "limit": MAX_PAGE,
    }
    found: list[Job | Session] = []
    tags = query.texts("tags")
    # Page after page at once: what looks is spared to look again for each as long as nothing
    # happens in between.
    if mode in {None, "job"}:
        jobs = JobQuery(tags=tags, **span)
        found += [job async for job in each(transport.jobs, jobs) if job.spec.session_id is None]
    if mode != "job" and not tags and transport.capabilities.session_listing:
        sessions = SessionQuery(mode=_MODES.get(mode or ""), **span)
        found += [session async for session in each(transport.sessions, sessions)]
    return found


def _key(at: datetime | None, id: str) -> _Key:
    return ("" if at is None else at.isoformat(timespec="microseconds"), id)


def _document(one: Job | Session, *, extended: bool) -> dict[str, Any]:
    return job_workload(one) if isinstance(one, Job) else session_workload(one, extended=extended)


def _matches(one: Job | Session, statuses: set[str], text: str | None, user: str | None) -> bool:
    tags = one.spec.tags if isinstance(one, Job) else ()
    return (
        (not statuses or workload_status(one) in statuses)
        and (user is None or one.user == user)
        and (text is None or text in one.id or any(text in tag for tag in tags))
    )


def _begin(call: Call, keys: list[_Key], limit: int, *, newest_first: bool) -> int:
    """Return where the page begins that a cursor asks for."""
    following, before = call.query.text("next", 500), call.query.text("previous", 500)
    if following is not None:
        last = _decode("next", following)
        return sum(1 for key in keys if (key >= last if newest_first else key <= last))
    if before is not None:
        first = _decode("previous", before)
        earlier = sum(1 for key in keys if (key > first if newest_first else key < first))
        return max(earlier - limit, 0)
    return 0


def _url(call: Call, name: str, key: _Key) -> str:
    """Return the URL of a further page: this one's, with another cursor."""
    path, _, text = call.request.raw_path.partition("?")
    kept = [part for part in text.split("&") if part.partition("=")[0] not in {"next", "previous"}]
    cursor = base64.urlsafe_b64encode("\n".join(key).encode()).decode()
    fields = [part for part in kept if part] + [f"{name}={quote(cursor, safe='')}"]
    return call.url(f"{path}?{'&'.join(fields)}")


def _decode(name: str, cursor: str) -> _Key:
    try:
        at, _, id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("\n")
    except (ValueError, binascii.Error):
        raise InvalidInputError(name, "is no cursor that this server gave out", _REFUSED) from None
    return at, id


ROUTES: Final = (Route("GET", "/workloads", listing),)
