"""``/jobs`` and what is under it."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from aiohttp import web

from swqr_adapters.server.answers import TEXT, empty, json_answer, room, stream, stream_unsized
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import job_document, job_page_document, metrics_document
from swqr_adapters.wire.ibm.dialects import job_for, metrics_for
from swqr_adapters.wire.ibm.extension import MEMBER, RESULT_TEXT, wanted_results
from swqr_adapters.wire.ibm.requests import (
    parse_job_query,
    parse_job_submission,
    parse_tags_body,
)
from swqr_adapters.wire.splicing import join
from swqr_core.errors import InvalidInputError, NotFoundError, PayloadLostError
from swqr_core.model.job import Job
from swqr_core.model.payload import Payload
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.ports.paging import each

__all__ = ["ROUTES"]

_JSON: Final = "application/json"
_CLIENT: Final = re.compile(r"qiskit-version-2/(?:.*?,)?qiskit-([\w.]+)[^/]*/([\w~.\-/]{1,100})")
_LONGEST_CLIENT: Final = 1000  # what the pattern costs grows faster than the text
_REFUSED: Final = 1208
_AT_ONCE: Final = 1000  # jobs between two looks at the event loop: a few milliseconds
_LEAST_SEARCH, _LONGEST_SEARCH = 3, 100


async def submit(call: Call) -> web.StreamResponse:
    """Queue a job. Its parameters go through as the bytes they are."""
    service = call.service
    key = service.idempotency_key(call.request)
    async with service.bodies.split(call.request, "params", limit=call.most_bytes) as body:
        spec = parse_job_submission(body.head)
        service.check_accepting()
        job = await call.transport.submit(spec, body.value or b"{}", key=key)
    service.remember_caller(job.id, _caller(call.request))
    document: dict[str, Any] = {"id": job.id, "backend": job.spec.backend}
    if job.spec.session_id is not None:
        document["session_id"] = job.spec.session_id
    if job.spec.private:
        document["private"] = True
    if job.spec.calibration_id is not None:
        document["calibration_id"] = job.spec.calibration_id
    if call.extended:
        document = {**job_document(job, extended=True), **document}
    return json_answer(document)


def _caller(request: web.BaseRequest) -> str | None:
    """Return what metrics call the submitter: ``qiskit/<version>/<client>``."""
    given = request.headers.get("X-Qx-Client-Application")
    if not given:
        return None
    found = _CLIENT.match(given[:_LONGEST_CLIENT])
    if found is None:
        return given[:200]
    return f"qiskit/{found[1]}/{found[2]}"


async def listing(call: Call) -> web.StreamResponse:
    """Give a page of jobs; ``count`` tells how many match in all."""
    wanted = parse_job_query(call.query)
    page = await call.transport.jobs(wanted.query)
    document = job_page_document(
        page.items,
        total=page.total,
        offset=page.offset,
        limit=page.limit,
        extended=call.extended,
    )
    for entry in document["jobs"]:
        job_for(entry, call.version)
    await _add_results(call, page.items, document["jobs"])
    if wanted.exclude_params:
        return json_answer(document)
    entries, document["jobs"] = document["jobs"], []
    return await stream_unsized(
        call.request,
        _with_params(call, document, page.items, entries),
        content_type=_JSON,
        timeout=call.service.settings.write_timeout,
    )


async def _with_params(
    call: Call, document: dict[str, Any], jobs: tuple[Job, ...], entries: list[dict[str, Any]]
) -> AsyncGenerator[bytes, None]:
    del document["jobs"]
    start, _, end = join(document, "jobs", b"")
    yield start + b"["
    between = b""
    for job, entry in zip(jobs, entries, strict=True):
        async with _room(call, job.params):
            try:
                params = await call.transport.params(job.id)
            except (NotFoundError, PayloadLostError):
                params = b"{}"  # deleted since the page was made; or damaged, which `one` tells
            for piece in join(entry, "params", params):
                yield between + piece if between else piece
                between = b""
        between = b","
    yield b"]" + end


def _room(call: Call, payload: Payload | None) -> AbstractAsyncContextManager[None]:
    """Hold room for what is about to be read; nobody says how large it is behind a gateway."""
    size = 0 if payload is None else payload.size
    return room(call.service.bodies.budget, size, timeout=call.service.settings.write_timeout)


async def _add_results(call: Call, jobs: tuple[Job, ...], entries: list[dict[str, Any]]) -> None:
    """Put small results beside their jobs, for a client of ours that asks for them.

    Never those of private jobs: they can be read once, and this answer may get lost.
    """
    most = wanted_results(call.request.headers)
    for job, entry in zip(jobs, entries, strict=True) if most else ():
        if job.spec.private or job.result is None or job.result.size > most:
            continue
        # Deleted since, no text, or damaged: whoever asks for it alone is told.
        with suppress(NotFoundError, UnicodeDecodeError, PayloadLostError):
            data = await call.transport.result(job.id)
            if data is not None:
                entry[MEMBER][RESULT_TEXT] = data.decode()


async def one(call: Call) -> web.StreamResponse:
    """Give a job, with its parameters exactly as they came unless they are not wanted."""
    job = await call.transport.job(call.names[0])
    document = job_for(job_document(job, extended=call.extended), call.version)
    await _add_results(call, (job,), [document])
    if call.query.flag("exclude_params", default=False):
        return json_answer(document)
    async with _room(call, job.params):
        return await stream(
            call.request,
            join(document, "params", await call.transport.params(job.id)),
            content_type=_JSON,
            budget=None if job.params else call.service.bodies.budget,
            timeout=call.service.settings.write_timeout,
        )


async def delete(call: Call) -> web.StreamResponse:
    """Forget a job that has ended."""
    await call.transport.delete_job(call.names[0])
    return empty()


async def results(call: Call) -> web.StreamResponse:
    """Give a job's result as text, or 204 if it has none."""
    if call.request.method == "HEAD":
        await call.transport.job(call.names[0])  # looking must not take a private result
        return web.Response(headers={"Content-Type": TEXT})
    expected = await _expected_result(call)
    async with _room(call, expected):  # a private result that is read is gone
        found = await call.transport.result(call.names[0])
        if found is None:
            return empty()
        return await stream(
            call.request,
            [found],
            content_type=TEXT,
            budget=None if expected else call.service.bodies.budget,
            timeout=call.service.settings.write_timeout,
        )


async def _expected_result(call: Call) -> Payload | None:
    """Return what a job's result is, if it costs nothing to know."""
    if not call.transport.capabilities.event_wait:
        return None  # it is somewhere else
    return (await call.transport.job(call.names[0])).result


async def logs(call: Call) -> web.StreamResponse:
    """Give a job's log as text."""
    text = await call.transport.logs(call.names[0])
    return await stream(
        call.request,
        [text.encode("utf-8", "replace")],
        content_type=TEXT,
        budget=call.service.bodies.budget,
        timeout=call.service.settings.write_timeout,
    )


async def metrics(call: Call) -> web.StreamResponse:
    """Tell what is known about a job's run."""
    found = await call.transport.metrics(call.names[0])
    document = metrics_document(found)
    caller = call.service.caller_of(call.names[0])
    if caller is not None:
        document.setdefault("caller", caller)
    return json_answer(metrics_for(document, call.version))


async def cancel(call: Call) -> web.StreamResponse:
    """Stop a job; 409 if it has ended."""
    await call.transport.cancel_job(call.names[0])
    return empty()


async def set_tags(call: Call) -> web.StreamResponse:
    """Replace a job's tags."""
    tags = parse_tags_body(await call.service.bodies.document(call.request))
    await call.transport.set_tags(call.names[0], tags)
    return empty()


async def tags(call: Call) -> web.StreamResponse:
    """List the tags of the instance's jobs that contain a text."""
    kind, text = call.query.text("type"), call.query.text("search", _LONGEST_SEARCH) or ""
    if kind != "job":
        raise InvalidInputError("type", "must be job", _REFUSED)
    if len(text) < _LEAST_SEARCH:
        raise InvalidInputError(
            "search", f"must have {_LEAST_SEARCH} to {_LONGEST_SEARCH} characters", _REFUSED
        )
    found: set[str] = set()
    query, seen = JobQuery(newest_first=False, limit=MAX_PAGE), 0
    async for job in each(call.transport.jobs, query):
        found.update(tag for tag in job.spec.tags if text in tag)
        seen += 1
        if seen % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return json_answer({"tags": sorted(found)})


ROUTES: Final = (
    Route("POST", "/jobs", submit),
    Route("GET", "/jobs", listing),
    Route("GET", "/jobs/{id}", one),
    Route("DELETE", "/jobs/{id}", delete),
    Route("GET", "/jobs/{id}/results", results),
    Route("GET", "/jobs/{id}/logs", logs),
    Route("GET", "/jobs/{id}/metrics", metrics),
    Route("POST", "/jobs/{id}/cancel", cancel),
    Route("PUT", "/jobs/{id}/tags", set_tags),
    Route("GET", "/tags", tags),
)
