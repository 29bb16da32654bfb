"""What this transport sends is what the platform's own client sends, recorded at one server."""

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, print_ast

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionSpec

from .conftest import KEY, PRODUCT, RESOURCE, Platform

Request = tuple[str, str, dict[str, str], Any]
Ours = Callable[[StrangeworksTransport], Awaitable[Any]]
Theirs = Callable[[Any, Any], Any]

SPEC = JobSpec(program_id="sampler", backend="ibm_fez", max_execution_time=300)  # type: ignore[arg-type] # texts
BESIDES = {"authorization", "content-type"}


def request(seen: tuple[str, str, dict[str, str], bytes]) -> Request:
    """Return what matters of a request: a token is a token, and a document its meaning."""
    method, path, headers, body = seen
    told = {
        name: value
        for name, value in headers.items()
        if name in BESIDES or name.startswith(("x-strangeworks-", "x-sw-"))
    }
    if "authorization" in told:
        told["authorization"] = told["authorization"].partition(" ")[0]
    if method == "GET":
        told.pop("content-type", None)  # of the request before, on the same connection
    content: Any = body
    if body and told.get("content-type") == "application/json":
        content = json.loads(body)
    if path == "/sdk":
        content["query"] = print_ast(parse(content["query"]))
    if path.endswith("/create_runtime_job"):
        content["data"] = json.loads(content["data"])
    return method, path, told, content


@pytest.fixture
async def sdk(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official SDK, logged in."""
    monkeypatch.setenv("STRANGEWORKS_CONFIG_PATH", str(tmp_path / "none.toml"))
    stretch = object()

    def login() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from strangeworks.core.config.config import Config
            from strangeworks.sw_client import SWClient
            from strangeworks_core.platform import auth
        # It keeps a token until the next stretch of 30 seconds of the day: this one has no end.
        monkeypatch.setattr(auth, "_get_ttl_hash", lambda *_, **__: stretch)
        client = SWClient(cfg=Config())
        client.authenticate(api_key=KEY, url=platform.url, store_credentials=False)
        return client

    return await asyncio.to_thread(login)


def payload(client: Any, resource: Any) -> Any:
    """Submit as ``StrangeworksRuntimeClient.program_run`` of 0.2.4 does."""
    inner = {
        "program_id": "sampler",
        "params": {"pubs": [], "version": 2},
        "log_level": "WARNING",
        "backend": "ibm_fez",
        "tags": ["swqr-key:k"],
        "cost": 300,
    }
    outer = {
        "data": json.dumps(inner),
        "program_id": "sampler",
        "backend": "ibm_fez",
        "channel": "ibm_cloud",
        "runtime": True,
    }
    answer = client.execute(resource, outer, "create_runtime_job")
    client.jobs(slug=answer["slug"], resource_slugs=[RESOURCE], product_slugs=[PRODUCT])
    return answer


MINE = {"resource_slugs": [RESOURCE], "product_slugs": [PRODUCT]}
SESSION = {"backend": "ibm_fez", "instance": None, "max_time": 300, "channel": "ibm_cloud"}

OPERATIONS: dict[str, tuple[Ours, Theirs]] = {
    "submit": (
        lambda t: t.submit(SPEC, b'{"pubs": [], "version": 2}', key="k"),
        payload,
    ),
    "job": (
        lambda t: t.job("j-1"),
        lambda c, _: [
            c.jobs(slug="j-1", **MINE),
            c.rest_client.get(url="/files/j-1/input_data.json"),
        ],
    ),
    "jobs": (
        lambda t: t.jobs(JobQuery(limit=1)),
        lambda c, _: [c.jobs(**MINE), c.rest_client.get(url="/files/j-2/input_data.json")],
    ),
    "jobs by state and tag": (
        lambda t: t.jobs(JobQuery(states={"completed"}, tags=("mine",))),  # type: ignore[arg-type] # texts
        lambda c, _: c.jobs(statuses=["COMPLETED"], tags=["mine"], **MINE),
    ),
    "result": (
        lambda t: t.result("j-2"),
        lambda c, _: [
            c.jobs(slug="j-2", **MINE),
            c.rest_client.get(url="/files/j-2/job_results.json"),
        ],
    ),
    "cancel": (
        lambda t: t.cancel_job("j-1"),
        lambda c, r: c.execute(
            r, {"runtime": True, "channel": "ibm_cloud", "job_slug": "j-1"}, "runtime_cancel"
        ),
    ),
    "add tags": (
        lambda t: t.add_tags("j-1", ["more"]),
        lambda c, _: c.add_tags("j-1", ["more"]),
    ),
    "backends": (
        lambda t: t.backends(),
        lambda c, r: [
            c.get_backends(product_slugs=[PRODUCT]),
            c.execute(
                r,
                {"runtime": True, "channel": "ibm_cloud", "name": "ibm_fez"},
                "runtime_backend_config",
            ),
        ],
    ),
    "backend properties": (
        lambda t: t.backend_properties("ibm_fez"),
        lambda c, r: c.execute(
            r, {"backend_name": "ibm_fez", "datetime": None}, "runtime_backend_properties"
        ),
    ),
    "backend defaults": (
        lambda t: t.backend_defaults("ibm_fez"),
        lambda c, r: c.execute(r, {"backend_name": "ibm_fez"}, "runtime_backend_pulse_defaults"),
    ),
    "open a session": (
        lambda t: t.open_session(SessionSpec(backend=SPEC.backend, max_ttl=300), key="k"),
        lambda c, r: c.execute(r, {**SESSION, "mode": "dedicated"}, "create_session"),
    ),
    "read a session": (
        lambda t: t.session("session0"),
        lambda c, r: c.execute(r, {"session_id": "session0"}, "session_details"),
    ),
    "drain a session": (
        lambda t: t.drain_session("session0"),
        lambda c, r: c.execute(r, {"session_id": "session0"}, "close_session"),
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_sends_what_the_official_client_sends(
    platform: Platform, transport: StrangeworksTransport, sdk: Any, name: str
) -> None:
    ours, theirs = OPERATIONS[name]
    platform.add_job("j-1")
    platform.add_job("j-2", tags=[])
    platform.finish("j-2")
    platform.add_session("session0")
    [resource] = await asyncio.to_thread(sdk.resources)
    before = len(platform.seen)
    await asyncio.to_thread(theirs, sdk, resource)
    between = len(platform.seen)
    platform.reset("j-1")
    platform.jobs.pop("job2", None)  # so that ours is called so too
    await ours(transport)

    official = [request(seen) for seen in platform.seen[before:between]]
    sent = [request(seen) for seen in platform.seen[between:]]
    assert sent
    for one in sent:
        assert one in official


async def test_logging_in_sends_what_the_official_client_sends(
    platform: Platform, connect: Callable[..., Awaitable[StrangeworksTransport]], sdk: Any
) -> None:
    await asyncio.to_thread(sdk.resources)
    between = len(platform.seen)
    await connect()

    official = [request(seen) for seen in platform.seen[:between]]
    sent = [request(seen) for seen in platform.seen[between:]]
    assert [path for _, path, *_ in sent] == ["/users/token", "/sdk", "/sdk"]
    assert sent == official


async def test_a_request_that_follows_a_refused_token_is_marked_as_the_official_client_marks_it(
    platform: Platform, transport: StrangeworksTransport, sdk: Any
) -> None:
    [resource] = await asyncio.to_thread(sdk.resources)
    platform.valid.clear()
    platform.same_token = False
    before = len(platform.seen)
    await transport.backend_properties("ibm_fez")
    again = request(platform.seen[-1])

    assert [path.rpartition("/")[2] for _, path, *_ in platform.seen[before:]] == [
        "runtime_backend_properties",
        "token",
        "runtime_backend_properties",
    ]
    assert again[2]["x-sw-sdk-re-auth"] == "True"
    assert resource.slug == RESOURCE


async def test_an_uploaded_file_goes_as_the_official_client_sends_it(
    platform: Platform, transport: StrangeworksTransport, sdk: Any, tmp_path: Path
) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b'{"a": 1}')

    await asyncio.to_thread(sdk.upload_file, str(path))
    official = [request(seen) for seen in platform.seen if seen[0] == "PUT"]
    await transport.upload_file("data.json", b'{"a": 1}')
    sent = [request(seen) for seen in platform.seen if seen[0] == "PUT"][len(official) :]

    assert sent == official
