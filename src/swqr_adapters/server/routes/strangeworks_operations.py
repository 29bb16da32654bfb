"""The Strangeworks platform: operations on a resource, which run jobs and sessions."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import web
from attrs import evolve, frozen

from swqr_adapters.server.answers import json_answer, raw_json
from swqr_adapters.server.call import Call
from swqr_adapters.server.platform.workspaces import Holding
from swqr_adapters.server.problems import HttpProblem
from swqr_adapters.server.routing import Route
from swqr_adapters.wire import strangeworks as wire
from swqr_adapters.wire.values import parse_time
from swqr_core.errors import InvalidInputError, OutcomeUnknownError, SwqrError, TransportError
from swqr_core.model.job import Job
from swqr_core.model.session import SessionSpec
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["OPERATION_ROUTES"]

_REFUSED: Final = 1208
_RUNTIME_OPTIONS: Final = frozenset(
    {"backend", "image", "instance", "job_tags", "log_level", "max_execution_time", "session_time"}
)


@frozen
class _Target:
    """The resource that a request names, and what does its work."""

    holding: Holding
    transport: RuntimeTransport


async def _target(call: Call) -> _Target:
    space = call.service.platform.space(call.account)
    holding = space.find(call.names[0], call.names[1])
    transport = await space.transport(call.service.provider, holding)
    call.bind(call.account, holding.instance, transport)
    return _Target(holding, transport)


async def _read(call: Call) -> tuple[_Target, Mapping[str, Any]]:
    """Return what a request is about, and its payload."""
    target = await _target(call)
    return target, await call.service.bodies.document(call.request)


# --- jobs --------------------------------------------------------------------------------------


async def create_job(call: Call) -> web.StreamResponse:
    """Queue a job. Its parameters go through as the bytes they are."""
    service, target = call.service, await _target(call)
    key = service.idempotency_key(call.request)
    async with service.bodies.split(call.request, "data", limit=call.most_bytes) as body:
        asked = await wire.parse_submission(body, max_depth=service.settings.max_depth)
        service.check_accepting()
        if asked.start is None:
            job = await target.transport.submit(asked.spec, asked.params, key=key)
        else:
            job = await _submit_in_session(target.transport, asked, asked.start, key)
    return json_answer(
        wire.submission_answer(job, channel=target.holding.channel, extended=call.extended)
    )


async def _submit_in_session(
    transport: RuntimeTransport, asked: wire.Submission, start: wire.SessionStart, key: str
) -> Job:
    """Open a session, and submit its first job.

    Raises:
        OutcomeUnknownError: The session is open, and the job cannot be told about.
    """
    session = await transport.open_session(
        SessionSpec(backend=asked.spec.backend, max_ttl=start.max_ttl), key=_key_of_session(key)
    )
    try:
        return await transport.submit(
            evolve(asked.spec, session_id=session.id), asked.params, key=key
        )
    except TransportError as error:
        name = transport.capabilities.transport
        raise OutcomeUnknownError(name, "submit the first job of a session", key) from error
    except SwqrError:  # there will be no job: nobody else knows the session
        able = transport.capabilities.cancel_sessions
        with suppress(SwqrError):
            await (transport.cancel_session if able else transport.drain_session)(session.id)
        raise


def _key_of_session(key: str) -> str:
    """Return the key of the session that a job opens: the same one each time it is sent."""
    return hashlib.sha256(f"session of {key}".encode()).hexdigest()


async def job_status(call: Call) -> web.StreamResponse:
    """Tell a job's status."""
    target, payload = await _read(call)
    job = await target.transport.job(wire.parse_job_slug(payload))
    return json_answer(wire.status_answer(job, extended=call.extended))


async def cancel_job(call: Call) -> web.StreamResponse:
    """Stop a job, and tell its status; 409 if it has ended."""
    target, payload = await _read(call)
    slug = wire.parse_job_slug(payload)
    await target.transport.cancel_job(slug)
    try:
        job = await target.transport.job(slug)
    except SwqrError:  # it is cancelled all the same, and clients can do without a status
        return json_answer({})
    return json_answer(wire.status_answer(job, extended=call.extended))


async def interim_results(call: Call) -> web.StreamResponse:
    """Give what a job has published. The platform itself has no such operation."""
    target, payload = await _read(call)
    asked = wire.parse_interim_request(payload)
    page = await target.transport.interim_results(
        asked.slug, start=asked.start, limit=asked.limit, timeout=asked.wait
    )
    return json_answer(wire.interim_document(page))


# --- backends ----------------------------------------------------------------------------------


async def configuration(call: Call) -> web.StreamResponse:
    """Give a backend's configuration."""
    target, payload = await _read(call)
    name = wire.parse_backend_name(payload)
    return raw_json(await target.transport.backend_configuration(name))


async def properties(call: Call) -> web.StreamResponse:
    """Give a backend's calibration data."""
    target, payload = await _read(call)
    name, moment = wire.parse_backend_name(payload), payload.get("datetime")
    try:
        before = None if moment is None else parse_time(moment)
    except (TypeError, ValueError):
        raise InvalidInputError(
            "datetime", f"must be an ISO 8601 time, not {moment!r:.60}", _REFUSED
        ) from None
    found = await target.transport.backend_properties(name, updated_before=before)
    if found is not None:
        return raw_json(found)
    backend = await target.transport.backend(name)
    return json_answer(
        None if call.extended else wire.no_properties(backend, at=call.service.now())
    )


async def defaults(call: Call) -> web.StreamResponse:
    """Give a backend's pulse defaults; an empty object if it has none."""
    target, payload = await _read(call)
    found = await target.transport.backend_defaults(wire.parse_backend_name(payload))
    return raw_json(b"{}" if found is None else found)


async def program_options(call: Call) -> web.StreamResponse:
    """Sort the options of a primitive into what the program reads and what the platform reads."""
    _, payload = await _read(call)
    combined = payload.get("combined")
    if combined is None:
        combined = {}
    if not isinstance(combined, Mapping):
        raise InvalidInputError("combined", "must be an object", _REFUSED)
    inner = combined.get("environment")
    outputs = {
        name: value
        for name, value in {**combined, **(inner if isinstance(inner, Mapping) else {})}.items()
        if name in _RUNTIME_OPTIONS
    }
    inputs = {
        name: value
        for name, value in combined.items()
        if name not in _RUNTIME_OPTIONS and name != "environment"
    }
    return json_answer({"inputs": inputs, "outputs": outputs})


# --- sessions ----------------------------------------------------------------------------------


async def create_session(call: Call) -> web.StreamResponse:
    """Open a session or batch."""
    target, payload = await _read(call)
    key = call.service.idempotency_key(call.request)
    spec = wire.parse_session_opening(payload)
    call.service.check_accepting()
    session = await target.transport.open_session(spec, key=key)
    return json_answer(wire.session_details(session, extended=call.extended))


async def session_details(call: Call) -> web.StreamResponse:
    """Give a session or batch, as IBM shows it."""
    target, payload = await _read(call)
    session = await target.transport.session(wire.parse_session_id(payload))
    return json_answer(wire.session_details(session, extended=call.extended))


async def close_session(call: Call) -> web.StreamResponse:
    """Let a session take no new jobs; those that it has still run."""
    target, payload = await _read(call)
    await target.transport.drain_session(wire.parse_session_id(payload))
    return json_answer({})


async def cancel_session(call: Call) -> web.StreamResponse:
    """Stop a session: what is queued does not run. The platform itself has no such operation."""
    target, payload = await _read(call)
    await target.transport.cancel_session(wire.parse_session_id(payload))
    return json_answer({})


async def unknown(call: Call) -> web.StreamResponse:
    """Tell which operations there are."""
    await _target(call)
    raise HttpProblem(
        404,
        f"resources have no operation {call.names[2]!r:.100}",
        f"There is {', '.join(sorted(_OPERATIONS))}.",
    )


_OPERATIONS: Final = {
    wire.CREATE_JOB: create_job,
    wire.JOB_STATUS: job_status,
    wire.CANCEL_JOB: cancel_job,
    wire.INTERIM_RESULTS: interim_results,
    wire.CONFIGURATION: configuration,
    wire.PROPERTIES: properties,
    wire.DEFAULTS: defaults,
    wire.PROGRAM_OPTIONS: program_options,
    wire.CREATE_SESSION: create_session,
    wire.SESSION_DETAILS: session_details,
    wire.CLOSE_SESSION: close_session,
    wire.CANCEL_SESSION: cancel_session,
}
_READING: Final = frozenset(
    {
        job_status, interim_results, configuration, properties, defaults, program_options,
        session_details,
    }
)  # fmt: skip
_BASE: Final = "/products/{product}/resource/{resource}"

OPERATION_ROUTES: Final = (
    *(
        Route("POST", f"{_BASE}/{name}", do, "account", reads=do in _READING)
        for name, do in _OPERATIONS.items()
    ),
    Route("POST", f"{_BASE}/{{operation}}", unknown, "account", reads=True),
    Route("GET", f"{_BASE}/{{operation}}", unknown, "account", reads=True),
)
