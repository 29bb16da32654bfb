"""``/versions`` and ``/backends``."""

from typing import Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer, raw_json
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import backend_listing, backend_status_document, versions_member
from swqr_adapters.wire.ibm.dialects import listing_for, versions_document
from swqr_core.model.backend import Backend

__all__ = ["ROUTES"]

_LONGEST_CALIBRATION: Final = 100
_ALWAYS_LISTED: Final = "physical_qubits"


async def versions(call: Call) -> web.StreamResponse:
    """Tell the API versions, and to clients of ours what this server can do beyond them."""
    document = versions_document()
    member = versions_member(call.service.provider.capabilities)
    if not call.extended:  # one plain fact more than IBM tells
        member = {"idempotency": member["idempotency"]}
    return json_answer({**document, **member})


async def listing(call: Call) -> web.StreamResponse:
    """List the backends; mocks only if they are asked for."""
    found = await call.transport.backends()
    if not call.query.flag("include_mocks", default=False):
        found = tuple(backend for backend in found if not backend.is_mock)
    document = backend_listing(found, extended=call.extended)
    wanted = set(",".join(call.query.texts("fields")).split(","))
    for device, backend in zip(document["devices"], found, strict=True):
        device.setdefault(_ALWAYS_LISTED, backend.num_qubits)
        if "wait_time_seconds" in wanted:
            device.setdefault("wait_time_seconds", _wait(backend))
    return json_answer(listing_for(document, call.version))


def _wait(backend: Backend) -> dict[str, int]:
    """Guess a wait from the queue: a minute a job, as nobody knows better."""
    seconds = 60 * backend.queue_length
    return {"average": seconds, "p50": seconds, "p95": 2 * seconds}


async def configuration(call: Call) -> web.StreamResponse:
    """Give a backend's configuration."""
    calibration = call.query.text("calibration_id", _LONGEST_CALIBRATION)
    return raw_json(
        await call.transport.backend_configuration(call.names[0], calibration_id=calibration)
    )


async def properties(call: Call) -> web.StreamResponse:
    """Give a backend's calibration data; ``null`` if it has none."""
    found = await call.transport.backend_properties(
        call.names[0],
        calibration_id=call.query.text("calibration_id", _LONGEST_CALIBRATION),
        updated_before=call.query.time("updated_before"),
    )
    return raw_json(b"null" if found is None else found)


async def status(call: Call) -> web.StreamResponse:
    """Tell whether a backend runs jobs, and how many wait."""
    return json_answer(backend_status_document(await call.transport.backend(call.names[0])))


async def defaults(call: Call) -> web.StreamResponse:
    """Give a backend's pulse defaults; ``null`` if it has none."""
    found = await call.transport.backend_defaults(call.names[0])
    return raw_json(b"null" if found is None else found)


ROUTES: Final = (
    Route("GET", "/versions", versions, "public"),
    Route("GET", "/backends", listing),
    Route("GET", "/backends/{id}/configuration", configuration),
    Route("GET", "/backends/{id}/properties", properties),
    Route("GET", "/backends/{id}/status", status),
    Route("GET", "/backends/{id}/defaults", defaults),
)
