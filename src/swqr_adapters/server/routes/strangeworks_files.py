"""The Strangeworks platform: the files of jobs, and those of workspaces."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer, room, stream
from swqr_adapters.server.call import Call
from swqr_adapters.server.platform.job_files import check_file, expected_size, job_file
from swqr_adapters.server.platform.job_pages import Placed
from swqr_adapters.server.routing import Route

__all__ = ["FILE_ROUTES"]

_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"
# What people have uploaded must not run as if it were of this server.
_HARMLESS: Final = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
}


async def of_job(call: Call) -> web.StreamResponse:
    """Give a file of a job."""
    resource, job_id, name = call.names
    space = call.service.platform.space(call.account)
    holding = space.named(resource)
    transport = await space.transport(call.service.provider, holding)
    placed = Placed(await transport.job(job_id), holding)
    if call.request.method == "HEAD":  # looking must not take a private result
        check_file(transport, placed.job, name)
        return web.Response(headers={"Content-Type": _JSON})
    size, service = expected_size(placed.job, name), call.service
    async with room(service.bodies.budget, size, timeout=service.settings.write_timeout):
        found = await job_file(transport, placed, name)
        if isinstance(found, dict):
            return json_answer(found)
        kind = _JSON if name.endswith(".json") else _TEXT
        return await _send(call, found, kind, held=size > 0)


async def of_workspace(call: Call) -> web.StreamResponse:
    """Give an uploaded file; public ones to anybody."""
    slug = call.names[0]
    shelf = call.service.platform.shelf
    workspace = None
    if not shelf.is_public(slug):
        account = await call.service.admission.account(call.request)
        workspace = call.service.platform.space(account).workspace.id
    file, data = shelf.read(slug, workspace)
    return await _send(call, (data,), file.content_type, _HARMLESS)


async def upload(call: Call) -> web.StreamResponse:
    """Write the content of a file that was announced; the URL is the permission."""
    slug = call.names[0]
    shelf = call.service.platform.shelf
    shelf.check_upload(slug, call.query.text("expires"), call.query.text("signature"))
    async with call.service.bodies.raw(call.request, shelf.max_bytes) as data:
        shelf.write(slug, data)
    return json_answer({})


async def _send(
    call: Call,
    pieces: tuple[bytes, ...],
    content_type: str,
    headers: Mapping[str, str] | None = None,
    *,
    held: bool = False,
) -> web.StreamResponse:
    return await stream(
        call.request,
        pieces,
        content_type=content_type,
        budget=None if held else call.service.bodies.budget,
        timeout=call.service.settings.write_timeout,
        headers=headers,
    )


FILE_ROUTES: Final = (
    Route("GET", "/files/jobs/{resource}/{job}/{name}", of_job, "account"),
    Route("GET", "/files/workspace/{file}", of_workspace, "public"),
    Route("PUT", "/files/uploads/{file}", upload, "public"),
)
