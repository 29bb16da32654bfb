"""The transport of swqr sends what the real runtime client sends, recorded at one server."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from graphql import parse, print_ast

from .conftest import BACKEND, PYTHON, RUNTIME, Served

pytestmark = pytest.mark.skipif(
    RUNTIME != (0, 2, 4), reason="the newest runtime client is what the transport follows"
)

Request = tuple[str, str, dict[str, str], Any]

OURS = """
import asyncio, json, os
from swqr_adapters.transports.strangeworks import StrangeworksSettings, make_transport
from swqr_core.errors import StateConflictError
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionSpec

async def main(url, operation, backend, job, session):
    settings = {"url": url, "api_key_env": "KEY", "product": "ibm-qiskit-runtime"}
    transport = await make_transport(
        StrangeworksSettings.parse(settings), environment=os.environ, extended=False
    )
    print("connected", flush=True)
    input()
    params = json.dumps({"pubs": [], "version": 2}).encode()
    spec = JobSpec(
        program_id="sampler",
        backend=backend,
        session_id=session or None,
        tags=("mine",),
        max_execution_time=300,
    )
    work = {
        "submit": lambda: transport.submit(spec, params, key="k"),
        "job": lambda: transport.job(job),
        "jobs": lambda: transport.jobs(JobQuery(limit=1)),
        "cancel": lambda: transport.cancel_job(job),
        "backends": transport.backends,
        "configuration": lambda: transport.backend_configuration(backend),
        "properties": lambda: transport.backend_properties(backend),
        "defaults": lambda: transport.backend_defaults(backend),
        "open a session": lambda: transport.open_session(
            SessionSpec(backend=backend, max_ttl=300), key="s"
        ),
        "read a session": lambda: transport.session(session),
        "close a session": lambda: transport.drain_session(session),
    }
    try:
        await work[operation]()
    except StateConflictError:
        pass  # the real client has cancelled the job before
    await transport.aclose()

asyncio.run(main(*json.loads(os.environ["WORK"])))
"""


class Recorder:
    """A proxy before the server, which keeps what was asked."""

    def __init__(self, origin: str) -> None:
        self.seen: list[Request] = []
        recorder, target = self, urlsplit(origin)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder.seen.append(told(self.command, self.path, headers, body))
                headers["accept-encoding"] = "identity"
                onward = HTTPConnection(target.hostname or "", target.port)
                onward.request(self.command, self.path, body=body or None, headers=headers)
                answer = onward.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Date"):
                    if answer.headers[name]:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                onward.close()

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815 - what the library calls

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Recorder"]:
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


def told(method: str, path: str, headers: dict[str, str], body: bytes) -> Request:
    """Return what matters of a request: a token is a token, and a document its meaning."""
    kept = {
        name: value
        for name, value in headers.items()
        if name in {"authorization", "content-type"}
        or name.startswith(("x-strangeworks-", "x-sw-"))
    }
    if "authorization" in kept:
        kept["authorization"] = kept["authorization"].partition(" ")[0]
    if method == "GET":
        kept.pop("content-type", None)  # of the request before, on the same connection
    content: Any = json.loads(body) if body else None
    if path == "/sdk":
        content["query"] = print_ast(parse(content["query"]))
        # One name stands for a list of one, and an empty list for none.
        given = content.get("variables", {})
        content["variables"] = {
            name: [value] if name.endswith("_slugs") and isinstance(value, str) else value
            for name, value in given.items()
            if value != []
        }
    if path.endswith("/create_runtime_job"):
        content["data"] = json.loads(content["data"])
        tags = content["data"].get("tags", [])
        content["data"]["tags"] = [tag for tag in tags if not tag.startswith("swqr-key:")]
    return method, path, kept, content


@pytest.fixture(scope="module")
def recorder(served: Served) -> Iterator[Recorder]:
    with Recorder(served.url).running() as made:
        yield made


@pytest.fixture(scope="module")
def client(recorder: Recorder, served: Served) -> Iterator[Any]:
    """The low-level client of the real package, logged in through the recorder."""
    import strangeworks
    from strangeworks_qiskit_runtime import StrangeworksQiskitRuntimeService

    strangeworks.authenticate(api_key=served.key, url=recorder.url, store_credentials=False)
    service = StrangeworksQiskitRuntimeService(resource_slug=served.resource)
    yield SimpleNamespace(service=service, low=service._api_client)  # noqa: SLF001 - what sends
    strangeworks.authenticate(api_key=served.key, url=served.url, store_credentials=False)


@pytest.fixture(scope="module")
def made(client: Any) -> tuple[str, str]:
    """A job and a session."""
    opened = client.low.create_session(
        backend=BACKEND, max_time=300, channel="ibm_cloud", mode="dedicated"
    )
    return str(run(client)["slug"]), str(opened["id"])


def cancel(client: Any, job: str) -> None:
    from strangeworks.core.errors.error import StrangeworksError
    from strangeworks_qiskit_runtime import StrangeworksRuntimeJob

    with suppress(StrangeworksError):  # it may have ended: what was sent is what counts
        StrangeworksRuntimeJob(job, service=client.service).cancel()


def run(client: Any, session: str | None = None) -> Any:
    return client.low.program_run(
        "sampler",
        SimpleNamespace(name=BACKEND),
        {"pubs": [], "version": 2},
        None,
        "WARNING",
        session,
        ["mine"],
        max_execution_time=300,
    )


def ours(recorder: Recorder, served: Served, *work: Any) -> list[Request]:
    """Return what our transport sends for an operation, once it has connected."""
    process = subprocess.Popen(
        [PYTHON, "-c", OURS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KEY": served.key, "WORK": json.dumps([recorder.url, *work])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "connected\n"
    before = len(recorder.seen)
    process.communicate("\n", timeout=120)
    assert process.returncode == 0
    return recorder.seen[before:]


def official(recorder: Recorder, act: Callable[[], object]) -> list[Request]:
    before = len(recorder.seen)
    act()
    return recorder.seen[before:]


OPERATIONS: dict[str, Callable[[Any, str, str], object]] = {
    "submit": lambda c, _, s: run(c, s),
    "cancel": lambda c, j, _: cancel(c, j),
    "backends": lambda c, _, __: c.service.backends(),
    "configuration": lambda c, _, __: c.service.backend(BACKEND),
    "properties": lambda c, _, __: c.low.backend_properties(BACKEND),
    "defaults": lambda c, _, __: c.low.backend_pulse_defaults(BACKEND),
    "jobs": lambda c, _, __: c.low.jobs_get(),
    "open a session": lambda c, _, __: c.low.create_session(
        backend=BACKEND, max_time=300, channel="ibm_cloud", mode="dedicated"
    ),
    "read a session": lambda c, _, s: c.low.session_details(s),
    "close a session": lambda c, _, s: c.low.close_session(s),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_sends_what_the_real_runtime_client_sends(
    recorder: Recorder, served: Served, client: Any, made: tuple[str, str], operation: str
) -> None:
    theirs = official(recorder, lambda: OPERATIONS[operation](client, *made))
    sent = ours(recorder, served, operation, BACKEND, *made)

    # What a list or an answer does not tell is asked for besides.
    paths = {path for _, path, *_ in theirs}
    lists = operation in {"backends", "jobs"}
    compared = [one for one in sent if one[1] in paths and (one[1] != "/sdk" or lists)]
    assert compared
    assert [one for one in compared if one not in theirs] == []
