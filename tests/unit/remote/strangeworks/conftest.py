"""The platform in a nutshell: a scripted server on loopback, on a time that passes by itself."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock, ScriptedServer

from swqr_adapters.transports.strangeworks import (
    StrangeworksSettings,
    StrangeworksTransport,
    make_transport,
)
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import JobSpec

KEY = "A-very-secret-api-key"
RESOURCE, PRODUCT = "my-resource", "ibm-qiskit-runtime"
CREATE = f"/products/{PRODUCT}/resource/{RESOURCE}/create_runtime_job"


def refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def graphql_refusal(message: str, data: object = None) -> web.Response:
    return web.json_response({"errors": [{"message": message}], "data": data})


class Platform(ScriptedServer):
    """What it has stands in plain dictionaries, for tests to look at and change."""

    def __init__(self, clock: EagerClock) -> None:
        super().__init__(clock)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.resources = [self.resource(RESOURCE, PRODUCT)]
        self.valid: set[str] = set()
        self.tokens = 0
        self.page_size = 50
        self.tags_are_made = True
        self.newest_first = True
        self.same_token = False

    # --- for tests -----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    @staticmethod
    def resource(slug: str, product: str, *, deleted: bool = False) -> dict[str, Any]:
        return {
            "slug": slug,
            "isDeleted": deleted,
            "status": "ACTIVE",
            "product": {"slug": product, "name": product},
        }

    def asked(self, name: str) -> list[dict[str, Any]]:
        """Return the variables of each GraphQL query of that name."""
        bodies = [json.loads(body) for _, path, _, body in self.seen if path == "/sdk"]
        return [b.get("variables", {}) for b in bodies if f" {name}" in b["query"].split("{")[0]]

    def posted(self) -> list[dict[str, Any]]:
        """Return the job of each submission, as it came."""
        return [
            json.loads(json.loads(body)["data"]) for _, path, _, body in self.seen if path == CREATE
        ]

    def write(self, job_id: str, name: str, content: bytes) -> None:
        """Give a job a file."""
        path = f"/files/{job_id}/{name}"
        self.files[path] = content
        files = self.jobs[job_id]["files"]
        files[:] = [entry for entry in files if entry["file"]["fileName"] != name]
        files.append(
            {
                "file": {
                    "id": name,
                    "slug": f"{job_id}-{name}",
                    "fileName": name,
                    "metaSizeBytes": len(content),
                    "url": path,
                }
            }
        )

    def add_job(self, job_id: str, job: dict[str, Any] | None = None, **more: Any) -> None:
        """Add a job that somebody has submitted."""
        now = self.clock.now().isoformat()
        job = job or {"program_id": "sampler", "backend": "ibm_fez", "params": {}}
        tags = job.get("tags", []) if self.tags_are_made else []
        self.jobs[job_id] = {
            "slug": job_id,
            "externalIdentifier": f"ibm-{job_id}",
            "status": "QUEUED",
            "resource": self.resources[0],
            "files": [],
            "dateCreated": now,
            "dateUpdated": now,
            "tags": [{"tag": {"tag": tag}} for tag in tags],
            "childJobs": [],
            **more,
        }
        outer = {"job": job, "ibm_data": {"session_id": job.get("session_id")}}
        self.write(job_id, "input_data.json", json.dumps(outer).encode())

    def finish(self, job_id: str, status: str = "COMPLETED", result: bytes = b"{}") -> None:
        job = self.jobs[job_id]
        if status == "COMPLETED":
            self.write(job_id, "job_results.json", json.dumps(result.decode()).encode())
        job |= {"status": status, "dateUpdated": self.clock.now().isoformat()}

    def add_session(self, session_id: str, **more: Any) -> None:
        """Add a session that somebody has opened."""
        self.sessions[session_id] = {
            "id": session_id,
            "backend_name": "ibm_fez",
            "mode": "dedicated",
            "state": "open",
            "accepting_jobs": True,
            **more,
        }

    def reset(self, job_id: str) -> None:
        """Let a job wait as if nothing had happened to it."""
        self.jobs[job_id]["status"] = "QUEUED"

    # --- the server ----------------------------------------------------------------------------

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        path = request.path
        if path == "/users/token":
            return self._token(json.loads(body))
        if request.method == "PUT":
            self.files[path.replace("/uploads/", "/files/")] = body
            return web.Response()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.valid:
            return refusal(401, "the token is not valid")
        if path == "/sdk":
            return self._graphql(json.loads(body))
        if path in self.files and request.method == "GET":
            return web.Response(body=self.files[path])
        return self._operation(path, body)

    def _operation(self, path: str, body: bytes) -> web.Response:
        home, _, name = path.rpartition("/")
        operation: Callable[[dict[str, Any]], web.Response] | None
        operation = getattr(self, f"_{name}", None)
        if home != f"/products/{PRODUCT}/resource/{RESOURCE}" or operation is None:
            return refusal(404, f"there is nothing at {path}")
        answer: web.Response = operation(json.loads(body))
        return answer

    def _token(self, given: dict[str, Any]) -> web.Response:
        if given != {"key": KEY}:
            return refusal(403, "no such key")
        if not self.same_token:
            self.tokens += 1
        token = f"token-{self.tokens}"
        self.valid |= set() if self.same_token else {token}
        return web.json_response({"accessToken": token})

    def _graphql(self, asked: dict[str, Any]) -> web.Response:
        name = asked["query"].split("(")[0].split("{")[0].split()[1]
        given = asked.get("variables", {})
        answers = {
            "getWorkspace": self._workspace,
            "sdk_get_resources": self._resources,
            "sdk_get_jobs": self._list,
            "backends": self._backends,
            "jobAddTags": self._add_tags,
            "uploadWorkspaceFile": self._announce,
        }
        answer: Any = answers[name](given)
        if isinstance(answer, web.Response):
            return answer
        return web.json_response({"data": answer})

    def _workspace(self, given: dict[str, Any]) -> Any:
        found = {"id": "w-1", "slug": "my-workspace", "isDisabled": False, "name": "Mine"}
        return {"workspace": found}

    def _page(self, name: str, nodes: list[Any], given: dict[str, Any]) -> Any:
        begin = int(given.get("after") or 0)
        end = begin + min(given["first"], self.page_size)
        edges = [
            {"cursor": str(begin + number + 1), "node": node}
            for number, node in enumerate(nodes[begin:end])
        ]
        info = {"endCursor": str(end) if edges else None, "hasNextPage": end < len(nodes)}
        return {"workspace": {name: {"pageInfo": info, "edges": edges}}}

    def _resources(self, given: dict[str, Any]) -> Any:
        return self._page("resources", self.resources, given)

    def _list(self, given: dict[str, Any]) -> Any:
        found = list(self.jobs.values())
        if given.get("job_slug"):
            found = [job for job in found if job["slug"] == given["job_slug"]]
        if given.get("statuses"):
            found = [job for job in found if job["status"] in given["statuses"]]
        if given.get("resource_slugs"):
            found = [job for job in found if job["resource"]["slug"] in given["resource_slugs"]]
        if given.get("tags"):
            wanted = set(given["tags"])
            found = [job for job in found if wanted & {tag["tag"]["tag"] for tag in job["tags"]}]
        if self.newest_first:
            found.reverse()
        return self._page("jobs", found, given)

    def _backends(self, given: dict[str, Any]) -> Any:
        node = {
            "id": "b-1",
            "name": "ibm_fez",
            "remoteBackendId": "ibm_fez",
            "remoteStatus": "ONLINE",
            "slug": "ibm-fez",
        }
        return {"backends": [node]}

    def _add_tags(self, given: dict[str, Any]) -> Any:
        if given["workspace_slug"] != "my-workspace" or given["job_slug"] not in self.jobs:
            return graphql_refusal("job not found")
        tags = self.jobs[given["job_slug"]]["tags"]
        tags += [{"tag": {"tag": tag}} for tag in given["tags"]]
        return {"jobAddTags": {"tags": tags}}

    def _announce(self, given: dict[str, Any]) -> Any:
        name = given["file_name"]
        file = {"id": "f-1", "slug": "f-1", "fileName": name, "url": f"/files/{name}"}
        signed = f"{self.url}/uploads/{name}"
        return {"workspaceUploadFile": {"signedURL": signed, "file": file}}

    def _create_runtime_job(self, given: dict[str, Any]) -> web.Response:
        job = json.loads(given["data"])
        if job["backend"] != "ibm_fez":
            return refusal(404, f"backend {job['backend']!r} not found")
        session = self.sessions.get(job.get("session_id", ""))
        if "session_id" in job and (session is None or not session["accepting_jobs"]):
            return refusal(409, "the session is closed")
        job_id = f"job{len(self.jobs)}"
        self.add_job(job_id, job)
        self.clock.skip(0.001)
        return web.json_response({"slug": job_id, "jobData": {"job": {"backend": job["backend"]}}})

    def _runtime_cancel(self, given: dict[str, Any]) -> web.Response:
        job = self.jobs.get(given["job_slug"])
        if job is None:
            return refusal(404, "job not found")
        if job["status"] in {"COMPLETED", "FAILED", "CANCELLED"}:
            return refusal(409, "the job has ended")
        self.finish(job["slug"], "CANCELLED")
        return web.json_response({"status": "CANCELLED"})

    def _runtime_backend_config(self, given: dict[str, Any]) -> web.Response:
        if given["name"] != "ibm_fez":
            return refusal(404, "backend not found")
        return web.Response(
            text='{"backend_name" : "ibm_fez", "n_qubits":156}', content_type="application/json"
        )

    def _runtime_backend_properties(self, given: dict[str, Any]) -> web.Response:
        return web.Response(text="null", content_type="application/json")

    def _runtime_backend_pulse_defaults(self, given: dict[str, Any]) -> web.Response:
        return web.json_response({})

    def _create_session(self, given: dict[str, Any]) -> web.Response:
        session_id = f"session{len(self.sessions)}"
        self.add_session(
            session_id,
            backend_name=given["backend"],
            mode=given["mode"],
            max_ttl=given["max_time"],
        )
        return web.json_response({"id": session_id})

    def _session_details(self, given: dict[str, Any]) -> web.Response:
        session = self.sessions.get(given["session_id"])
        return refusal(404, "session not found") if session is None else web.json_response(session)

    def _close_session(self, given: dict[str, Any]) -> web.Response:
        session = self.sessions.get(given["session_id"])
        if session is None:
            return refusal(404, "session not found")
        session |= {"accepting_jobs": False, "state": "closed"}
        return web.json_response({})


@pytest.fixture
async def platform(clock: EagerClock) -> AsyncIterator[Platform]:
    async with Platform(clock).running() as made:
        yield made


@pytest.fixture
async def connect(
    platform: Platform, clock: EagerClock
) -> AsyncIterator[Callable[..., Awaitable[StrangeworksTransport]]]:
    made: list[StrangeworksTransport] = []

    async def make(**settings: str) -> StrangeworksTransport:
        given = {"url": platform.url, "api_key_env": "KEY", **settings}
        transport = await make_transport(
            StrangeworksSettings.parse(given), environment={"KEY": KEY}, clock=clock
        )
        made.append(transport)
        return transport

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
async def transport(
    connect: Callable[..., Awaitable[StrangeworksTransport]],
) -> StrangeworksTransport:
    return await connect()


@pytest.fixture
def spec() -> JobSpec:
    return JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez"), tags=("mine",))


def age(platform: Platform, job_id: str, seconds: float) -> None:
    """Let a job be older than it is."""
    at = platform.clock.now() - timedelta(seconds=seconds)
    platform.jobs[job_id]["dateCreated"] = at.isoformat()
