"""``/programs``, what is under it, and what jobs publish, as the older interface had it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from aiohttp import web

from swqr_adapters.server.answers import TEXT, empty, json_answer, stream, stream_unsized
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm.programs import (
    LONGEST_WAIT,
    failure_event,
    interim_document,
    interim_events,
    interim_text,
    parse_program_query,
    parse_program_source,
    parse_program_update,
    parse_program_upload,
    program_document,
    program_page_document,
)
from swqr_core.errors import (
    AccessDeniedError,
    InvalidInputError,
    SwqrError,
    UnsupportedOperation,
)
from swqr_core.model.program import MAX_SOURCE_BYTES, InterimResults
from swqr_core.model.query import MAX_PAGE

__all__ = ["ROUTES"]

_EVENTS: Final = "text/event-stream"
_BEAT: Final = 15.0  # seconds after which a reader of events hears that the server lives
_REFUSED: Final = 1208
_MOST_BYTES: Final = 4 * MAX_SOURCE_BYTES  # as base64, with any escapes that clients write


async def upload(call: Call) -> web.StreamResponse:
    """Add a program."""
    service = call.service
    key = service.idempotency_key(call.request)
    most = min(_MOST_BYTES, call.most_bytes or _MOST_BYTES)
    async with service.bodies.split(call.request, "data", limit=most) as body:
        spec = parse_program_upload(body.head)
        # Only a text is looked into: a number could be one without end.
        data = json.loads(body.value) if body.value and body.value[:1] == b'"' else None
        source = parse_program_source({"data": data})
        if source is None:
            raise InvalidInputError("data", "is required: the program's text as base64", _REFUSED)
        service.check_accepting()
        program = await call.transport.add_program(spec, source, key=key)
    return json_answer(program_document(program, source=source), status=201)


async def listing(call: Call) -> web.StreamResponse:
    """Give a page of the programs that the sender may run."""
    page = await call.transport.programs(parse_program_query(call.query))
    return json_answer(program_page_document(page))


async def one(call: Call) -> web.StreamResponse:
    """Give a program, with its source if it is the sender's own."""
    program = await call.transport.program(call.names[0])
    source = None
    if program.owner is not None:  # whose it is, a gateway knows less well than what is behind it
        with suppress(AccessDeniedError, UnsupportedOperation):
            source = await call.transport.program_source(program.id)
    return json_answer(program_document(program, source=source))


async def update(call: Call) -> web.StreamResponse:
    """Change a program's metadata."""
    changes = parse_program_update(await call.service.bodies.document(call.request))
    await call.transport.update_program(call.names[0], changes)
    return empty()


async def replace(call: Call) -> web.StreamResponse:
    """Change a program's source: the body is the text as it is."""
    async with call.service.bodies.raw(
        call.request, min(MAX_SOURCE_BYTES, call.most_bytes or MAX_SOURCE_BYTES)
    ) as source:
        await call.transport.replace_program(call.names[0], source)
    return empty()


async def publish(call: Call) -> web.StreamResponse:
    """Let everybody see and run a program."""
    await call.transport.publish_program(call.names[0], public=True)
    return empty()


async def unpublish(call: Call) -> web.StreamResponse:
    """Let nobody but its owner see and run a program."""
    await call.transport.publish_program(call.names[0], public=False)
    return empty()


async def delete(call: Call) -> web.StreamResponse:
    """Remove a program."""
    await call.transport.delete_program(call.names[0])
    return empty()


async def interim_results(call: Call) -> web.StreamResponse:
    """Give what a job has published: as a list, as server-sent events, or page by page."""
    job_id, query = call.names[0], call.query
    start = query.number("start", default=0, at_least=0)
    if _EVENTS in call.request.headers.get("Accept", ""):
        last = call.request.headers.get("Last-Event-ID", "")
        if last.isascii() and last.isdigit() and len(last) < 10:  # noqa: PLR2004
            start = int(last)
        first = await call.transport.interim_results(job_id, start=start)
        return await stream_unsized(
            call.request,
            _events(call, first),
            content_type=_EVENTS,
            timeout=call.service.settings.write_timeout,
        )
    if call.extended:
        limit = query.number("limit", default=MAX_PAGE, at_least=1, at_most=MAX_PAGE)
        page = await call.transport.interim_results(
            job_id, start=start, limit=limit, timeout=_seconds(query.text("wait"))
        )
        return json_answer(interim_document(page))
    found: list[bytes] = []
    while True:
        page = await call.transport.interim_results(job_id, start=start + len(found))
        found += page.results
        if page.complete or not page.results:
            break
    return await stream(
        call.request,
        interim_text(found),
        content_type=TEXT,
        budget=call.service.bodies.budget,
        timeout=call.service.settings.write_timeout,
    )


async def _events(call: Call, page: InterimResults) -> AsyncGenerator[bytes, None]:
    while True:
        yield interim_events(page) or b": still running\n\n"
        if page.complete:
            return
        try:
            page = await call.transport.interim_results(
                call.names[0], start=page.next, timeout=_BEAT
            )
        except SwqrError as error:  # the answer has begun: its status can say nothing any more
            yield failure_event(error)
            return
        await asyncio.sleep(0)


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInputError("wait", f"must be 0 to {LONGEST_WAIT:g} seconds", _REFUSED)
    return seconds


ROUTES: Final = (
    Route("POST", "/programs", upload),
    Route("GET", "/programs", listing),
    Route("GET", "/programs/{id}", one),
    Route("PATCH", "/programs/{id}", update),
    Route("DELETE", "/programs/{id}", delete),
    Route("PUT", "/programs/{id}/data", replace),
    Route("PUT", "/programs/{id}/public", publish),
    Route("PUT", "/programs/{id}/private", unpublish),
    Route("GET", "/jobs/{id}/interim_results", interim_results),
)
