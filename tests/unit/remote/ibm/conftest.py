"""IBM in a nutshell: a scripted server on loopback, on a time that passes by itself."""

import base64
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock, ScriptedServer

from swqr_adapters.transports.ibm import IbmSettings, IbmTransport, make_transport
from swqr_adapters.wire.ibm import parse_time, timestamp
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import JobSpec

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/acct:one::"
OTHER_CRN = "crn:v1:bluemix:public:quantum-computing:eu-de:a/acct:two::"
KEY = "A-very-secret-api-key"
SECONDS_OF_A_TOKEN = 3600
_SUBMISSION = ("POST", "/api/v1/jobs")


def refusal(status: int, code: int | str | None, message: str, **headers: str) -> web.Response:
    body = {"errors": [{"code": code, "message": message}], "trace": "t-1"}
    return web.json_response(body, status=status, headers=headers)


class Ibm(ScriptedServer):
    """The platform: what it has stands in plain dictionaries, for tests to look at and change."""

    def __init__(self, clock: EagerClock) -> None:
        super().__init__(clock)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.params: dict[str, bytes] = {}
        self.results: dict[str, bytes] = {}
        self.metrics: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, Any] = {"versions": [{"version": "2026-04-15", "status": "live"}]}
        self.tokens = 0
        self.job_seconds: float | None = None
        self.keys: dict[str, str] = {}
        self.valid: set[str] = set()
        self.searches: list[dict[str, Any]] = [
            {
                "items": [
                    {
                        "crn": CRN,
                        "name": "one",
                        "service_plan_unique_id": "plan-1",
                        "doc": {"extensions": {"x": 1}},
                        "tags": ["team"],
                    }
                ]
            }
        ]

    # --- for tests -----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return str(self.server.make_url("/api/v1"))

    def posted(self) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the last submission."""
        return [(headers, body) for m, p, headers, body in self.seen if (m, p) == _SUBMISSION][-1]

    def unplug(self, transport: IbmTransport) -> None:
        """Let a transport's requests go where nobody listens."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        transport._api.url = f"http://127.0.0.1:{port}/api/v1"  # noqa: SLF001 - the cable

    def replug(self, transport: IbmTransport) -> None:
        transport._api.url = self.url  # noqa: SLF001 - the cable

    def add_job(self, job_id: str, status: str = "Queued", **more: Any) -> dict[str, Any]:
        job = {
            "id": job_id,
            "backend": "ibm_fez",
            "state": {"status": status},
            "status": status,
            "program": {"id": "sampler"},
            "created": timestamp(self.clock.now()),
            "cost": 10800,
            "tags": [],
            "user_id": "IBMid-1",
            "usage": {"qpu_charge_time_seconds": 0, "status": "pending"},
            **more,
        }
        self.jobs[job_id] = job
        self.params[job_id] = b"{}"
        return job

    def set_status(self, job_id: str, status: str) -> None:
        self.jobs[job_id] |= {"state": {"status": status}, "status": status}

    def add_session(self, session_id: str, **more: Any) -> dict[str, Any]:
        session = {
            "id": session_id,
            "backend_name": "ibm_fez",
            "mode": "dedicated",
            "state": "open",
            "accepting_jobs": True,
            "max_ttl": 28800,
            "interactive_ttl": 60,
            "active_ttl": 28800,
            "timestamps": [{"status": "open", "timestamp": timestamp(self.clock.now())}],
            "user_id": "IBMid-1",
            "elapsed_time": None,
            **more,
        }
        self.sessions[session_id] = session
        return session

    # --- the server ----------------------------------------------------------------------------

    def internal_error(self) -> web.Response:
        return refusal(500, 1000, "internal error")

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        path = request.rel_url.raw_path
        if path.endswith("/identity/token"):
            return self._token(body)
        if path.endswith("/versions"):
            return web.json_response(self.versions)
        if "/v3/resources/search" in path:
            cursor = json.loads(body).get("search_cursor")
            return web.json_response(self.searches[int(cursor) if cursor else 0])
        if "/api/v1/plan-" in path:
            return web.json_response(
                {
                    "overview_ui": {"en": {"display_name": "Premium"}},
                    "metadata": {"pricing": {"type": "Paid"}},
                }
            )
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            return refusal(401, 1201, "invalid credentials")
        parts = path.split("/api/v1/", 1)[1].split("/")
        handler: Callable[..., Awaitable[web.Response]] = getattr(self, f"_{parts[0]}")
        return await handler(request, body, *parts[1:])

    def _token(self, body: bytes) -> web.Response:
        if f"apikey={KEY}".encode() not in body:
            return web.json_response(
                {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."},
                status=400,
            )
        self.tokens += 1
        claims = json.dumps({"iam_id": "IBMid-1", "n": self.tokens}).encode()
        token = f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"
        self.valid = {token}
        return web.json_response({"access_token": token, "expires_in": SECONDS_OF_A_TOKEN})

    def _settle(self) -> None:
        """Let jobs end whose time has come."""
        for job in self.jobs.values():
            over = self.job_seconds is not None and self.clock.now() - parse_time(
                job["created"]
            ) >= timedelta(seconds=self.job_seconds)
            if over and job["status"] in {"Queued", "Running"}:
                self.set_status(job["id"], "Completed")

    async def _jobs(
        self, request: web.Request, body: bytes, job_id: str = "", verb: str = ""
    ) -> web.Response:
        self._settle()
        method = request.method
        if not job_id:
            return self._submit(request, body) if method == "POST" else self._list(request)
        job = self.jobs.get(job_id)
        if job is None:
            return refusal(404, 3250, "job not found")
        if method != "GET":
            return self._change(method, verb, job, body)
        return self._show(request, verb, job)

    def _show(self, request: web.Request, verb: str, job: dict[str, Any]) -> web.Response:
        job_id = job["id"]
        if not verb:
            return self._one(request, job)
        if verb == "results":
            data = self.results.get(job_id)
            if job.get("private"):
                self.results.pop(job_id, None)
            return web.Response(status=204) if data is None else web.Response(body=data)
        if verb == "metrics":
            created = {"timestamps": {"created": job["created"]}}
            return web.json_response(self.metrics.get(job_id, created))
        return web.Response(text="a log: é")

    def _change(self, method: str, verb: str, job: dict[str, Any], body: bytes) -> web.Response:
        job_id = job["id"]
        if verb == "tags":
            job["tags"] = json.loads(body)["tags"]
            return web.Response(status=204)
        pending = job["status"] in {"Queued", "Running"}
        if verb == "cancel":
            if not pending:
                return refusal(409, 3209, "job is not running")
            self.set_status(job_id, "Cancelled")
        else:
            if pending:
                return refusal(400, 3213, "job is not final")
            del self.jobs[job_id]
        return web.Response(status=204)

    def _one(self, request: web.Request, job: dict[str, Any]) -> web.Response:
        text = json.dumps(job)
        if request.query.get("exclude_params") == "true":
            return web.Response(text=text, content_type="application/json")
        spliced = text[:-1].encode() + b', "params": ' + self.params[job["id"]] + b"}"
        return web.Response(body=spliced, content_type="application/json")

    def _submit(self, request: web.Request, body: bytes) -> web.Response:
        key = request.headers.get("Idempotency-Key", "")
        if key not in self.keys or not key:
            document = json.loads(body)
            self.keys[key] = job_id = f"job{len(self.jobs)}"
            self.add_job(job_id, tags=document.get("tags", []), backend=document["backend"])
            self.params[job_id] = body.partition(b'"params":')[2][:-1]
        return web.json_response({"id": self.keys[key], "backend": "ibm_fez"})

    def _list(self, request: web.Request) -> web.Response:
        query = request.query
        found = sorted(self.jobs.values(), key=lambda job: job["created"])
        if query.get("sort") == "DESC":
            found.reverse()
        if "created_after" in query:
            since = parse_time(query["created_after"])
            found = [job for job in found if parse_time(job["created"]) >= since]
        if "pending" in query:
            wanted = query["pending"] == "true"
            found = [job for job in found if (job["status"] in {"Queued", "Running"}) is wanted]
        if "session_id" in query:
            found = [job for job in found if job.get("session_id") == query["session_id"]]
        tags = set(query.getall("tags", []))
        found = [job for job in found if tags <= set(job["tags"])]
        limit, offset = int(query["limit"]), int(query["offset"])
        return web.json_response(
            {
                "jobs": found[offset : offset + limit],
                "count": len(found),
                "limit": limit,
                "offset": offset,
            }
        )

    async def _sessions(
        self, request: web.Request, body: bytes, session_id: str = "", verb: str = ""
    ) -> web.Response:
        if not session_id:
            made = f"session{len(self.sessions)}"
            return web.json_response(self.add_session(made, mode=json.loads(body)["mode"]))
        session = self.sessions.get(session_id)
        if session is None:
            return refusal(404, 1217, "session not found")
        if request.method == "GET":
            return web.json_response(session)
        session["accepting_jobs"] = False
        if verb == "close":
            session["state"] = "closed"
        return web.Response(status=204)

    async def _workloads(self, request: web.Request, body: bytes) -> web.Response:
        mode = {"session": "dedicated", "batch": "batch"}[request.query["mode"]]
        words = {"open": "pending", "inactive": "pending", "active": "in_progress"}
        found = [
            {
                "id": s["id"],
                "created": s["timestamps"][0]["timestamp"],
                "backend": s["backend_name"],
                "instance": CRN,
                "user_id": "IBMid-1",
                "mode": request.query["mode"],
                "status": words.get(s["state"], "completed"),
            }
            for s in self.sessions.values()
            if s["mode"] == mode
        ]
        found.sort(key=lambda w: w["created"], reverse=request.query["sort"].startswith("-"))
        wanted = request.query.getall("status", [])
        found = [w for w in found if not wanted or w["status"] in wanted]
        start, limit = int(request.query.get("next", "0")), int(request.query["limit"])
        page: dict[str, Any] = {
            "workloads": found[start : start + limit],
            "total_count": len(found),
            "limit": limit,
        }
        if start + limit < len(found):
            page["next"] = {"href": f"https://somewhere/workloads?next={start + limit}"}
        return web.json_response(page)

    async def _backends(
        self, request: web.Request, body: bytes, name: str = "", kind: str = ""
    ) -> web.Response:
        if not name:
            device = {
                "name": "ibm_fez",
                "status": {"name": "online", "reason": ""},
                "queue_length": 3,
                "qubits": 156,
                "is_simulator": False,
                "clops": {"type": "hardware", "value": 195000},
            }
            return web.json_response({"devices": [device]})
        if name != "ibm_fez" or "calibration_id" in request.query:
            return refusal(404, 1007, "device not found")
        if kind == "configuration":
            text = '{"backend_name" : "ibm_fez", "n_qubits":156}'
            return web.Response(text=text, content_type="application/json")
        return web.Response(text="null", content_type="application/json")

    async def _instances(self, request: web.Request, body: bytes, what: str) -> web.Response:
        return web.json_response(
            {"instance_id": CRN, "plan_id": "premium", "usage_consumed_seconds": 12.5}
        )


@pytest.fixture
async def ibm(clock: EagerClock) -> AsyncIterator[Ibm]:
    async with Ibm(clock).running() as made:
        yield made


@pytest.fixture
async def connect(
    ibm: Ibm, clock: EagerClock
) -> AsyncIterator[Callable[..., Awaitable[IbmTransport]]]:
    made: list[IbmTransport] = []

    async def make(**settings: str) -> IbmTransport:
        given = {"instance": CRN, "url": ibm.url, "token_env": "KEY", **settings}
        transport = await make_transport(
            IbmSettings.parse(given), environment={"KEY": KEY}, clock=clock
        )
        made.append(transport)
        return transport

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
async def transport(connect: Callable[..., Awaitable[IbmTransport]]) -> IbmTransport:
    return await connect()


@pytest.fixture
def spec() -> JobSpec:
    return JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez"), tags=("mine",))
