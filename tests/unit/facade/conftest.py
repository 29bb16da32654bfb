"""A transport whose jobs end as a test says, under a real runtime and the real facade."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from swqr_adapters.fleet import Fleet
from swqr_core.errors import (
    BackendNotFoundError,
    JobEndedError,
    JobNotEndedError,
    JobNotFoundError,
    ProgramNotFoundError,
    SessionClosedError,
    SessionNotFoundError,
    SwqrError,
    UnsupportedOperation,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName, InstanceId, JobId, SessionId
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults
from swqr_core.model.query import JobQuery, Page
from swqr_core.model.session import Session, SessionSpec, SessionStep
from swqr_core.model.usage import InstanceUsage, JobUsage
from swqr_core.runtime.blocking import Runtime

START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


class ScriptedTransport:
    """Keeps jobs and sessions in dictionaries; a job is in the state that the script names.

    Attributes:
        calls: How often each method was called.
        script: What becomes of the next jobs; afterwards they complete.
        raising: Errors to raise, by method.
        published: The interim results of every job, if the capabilities have them.
        stored: The jobs by id.
        opened: The sessions by id.
    """

    capabilities = Capabilities(transport="scripted")
    principal = Principal(user="tester", instance=InstanceId("crn:v1:test:::::a/b:c::"))

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.script: list[dict[str, Any]] = []
        self.raising: dict[str, SwqrError] = {}
        self.result_text = b'"done"'
        self.usage_now = InstanceUsage(instance=self.principal.instance)
        self.closed = False
        self.defaults: bytes | None = None
        self.published: list[bytes] = []
        self._fleet = Fleet()
        self._listed = {
            name: self._backend(name, waiting)
            for name, waiting in {"ibm_fez": 7, "ibm_manila": 3, "ideal_4": 5}.items()
        }
        self.stored: dict[str, Job] = {}
        self._params: dict[str, bytes] = {}
        self._results: dict[str, bytes] = {}
        self.opened: dict[str, Session] = {}
        # What is done to a configuration before it is given out.
        self.configurations: dict[str, Callable[[dict[str, Any]], Any]] = {
            "ibm_manila": lambda document: document.update(supported_features=["qasm3"])
        }

    def _backend(self, name: str, waiting: int) -> Backend:
        entry = self._fleet.resolve(name)
        assert entry is not None
        return Backend(name=BackendName(name), num_qubits=entry.num_qubits, queue_length=waiting)

    def set_backend(self, name: str, **changes: Any) -> None:
        self._listed[name] = evolve(self._listed[name], **changes)

    def add_mock(self, name: str) -> None:
        mock = BackendName(f"mock_{name.partition('_')[2]}")
        self._listed[mock] = evolve(self._listed[name], name=mock, is_mock=True, queue_length=0)

    def retire(self, name: str) -> None:
        del self._listed[name]

    def _enter(self, method: str) -> None:
        self.calls[method] += 1
        if method in self.raising:
            raise self.raising[method]

    # --- backends ------------------------------------------------------------------------------

    async def backends(self) -> tuple[Backend, ...]:
        self._enter("backends")
        return tuple(self._listed.values())

    async def backend(self, name: str) -> Backend:
        self._enter("backend")
        if name not in self._listed:
            raise BackendNotFoundError(name, list(self._listed))
        return self._listed[name]

    def _entry(self, name: str) -> Any:
        if name not in self._listed:
            raise BackendNotFoundError(name)
        real = name.replace("mock_", "ibm_")
        return self._fleet.resolve(real)

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        self._enter("backend_configuration")
        document = json.loads(self._entry(name).configuration())
        document["backend_name"] = name
        if name in self.configurations:
            self.configurations[name](document)
        return json.dumps(document).encode()

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        self._enter("backend_properties")
        properties: bytes | None = self._entry(name).properties()
        return properties

    async def backend_defaults(self, name: str) -> bytes | None:
        self._enter("backend_defaults")
        self._entry(name)
        return self.defaults

    # --- sessions ------------------------------------------------------------------------------

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        self._enter("open_session")
        session = Session(
            id=SessionId(f"session-{len(self.opened)}"),
            backend=spec.backend,
            mode=spec.mode,
            state=SessionState.OPEN,
            accepting_jobs=True,
            max_ttl=spec.max_ttl,
            created_at=START,
            steps=(SessionStep(SessionState.OPEN, START),),
        )
        self.opened[session.id] = session
        return session

    async def session(self, session_id: str) -> Session:
        self._enter("session")
        if session_id not in self.opened:
            raise SessionNotFoundError(session_id)
        return self.opened[session_id]

    def set_session(self, session_id: str, **changes: Any) -> None:
        self.opened[session_id] = evolve(self.opened[session_id], **changes)

    async def drain_session(self, session_id: str) -> None:
        self._enter("drain_session")
        self.set_session(session_id, state=SessionState.CLOSED, accepting_jobs=False)

    async def cancel_session(self, session_id: str) -> None:
        self._enter("cancel_session")
        self.set_session(session_id, state=SessionState.CLOSED, accepting_jobs=False)

    # --- jobs ----------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        self._enter("submit")
        if spec.program_id == "nonsense":
            raise ProgramNotFoundError(spec.program_id)
        if spec.session_id is not None and not self.opened[spec.session_id].accepting_jobs:
            raise SessionClosedError(spec.session_id, "closed")
        fate = {"state": JobState.COMPLETED, **(self.script.pop(0) if self.script else {})}
        number = len(self.stored)
        at = START + timedelta(minutes=number)
        result = fate.pop("result_text", self.result_text)
        queued = Job(id=JobId(f"job{number}"), spec=spec, state=JobState.QUEUED, created_at=at)
        ended = {"ended_at": at, "usage": JobUsage(quantum_seconds=2.0, final=True)}
        fate = {**(ended if fate["state"].ended else {}), **fate}
        self.stored[queued.id] = evolve(queued, **fate)
        self._params[queued.id] = params
        self._results[queued.id] = result
        return queued

    def end(self, job_id: str, **changes: Any) -> None:
        self.stored[job_id] = evolve(self.stored[job_id], **changes)

    def _job(self, job_id: str) -> Job:
        if job_id not in self.stored:
            raise JobNotFoundError(job_id)
        return self.stored[job_id]

    async def job(self, job_id: str) -> Job:
        self._enter("job")
        return self._job(job_id)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        self._enter("jobs")
        self.last_query = query
        found = [
            job
            for job in self.stored.values()
            if (not query.states or job.state in query.states)
            and query.program_id in {None, job.spec.program_id}
            and query.backend in {None, job.spec.backend}
            and query.session_id in {None, job.spec.session_id}
            and set(query.tags) <= set(job.spec.tags)
            and (query.created_after or START) <= job.created_at
            and job.created_at <= (query.created_before or datetime.max.replace(tzinfo=UTC))
        ]
        if query.newest_first:
            found.reverse()
        page = found[query.offset : query.offset + query.limit]
        return Page(items=tuple(page), total=len(found), offset=query.offset, limit=query.limit)

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        self._enter("wait_job")
        if self._job(job_id).state.ended:
            return self._job(job_id)
        if timeout is None:
            await asyncio.Event().wait()
        raise WaitTimeoutError("job", job_id, timeout or math.inf)

    async def params(self, job_id: str) -> bytes:
        self._enter("params")
        self._job(job_id)
        return self._params[job_id]

    async def result(self, job_id: str) -> bytes | None:
        self._enter("result")
        self._job(job_id)
        return self._results[job_id]

    async def interim_results(
        self, job_id: str, *, start: int = 0, limit: int = 200, timeout: float | None = 0.0
    ) -> InterimResults:
        self._enter("interim_results")
        if not self.capabilities.interim_results:
            raise UnsupportedOperation(self.capabilities.transport, "interim results")
        ended = self._job(job_id).state.ended
        page = tuple(self.published[start : start + 2])
        complete = ended and start + 2 >= len(self.published)
        return InterimResults(start=start, results=page, complete=complete)

    async def logs(self, job_id: str) -> str:
        self._enter("logs")
        self._job(job_id)
        return "the log"

    async def metrics(self, job_id: str) -> JobMetrics:
        self._enter("metrics")
        job = self._job(job_id)
        return JobMetrics(created_at=job.created_at, ended_at=job.ended_at, usage=job.usage)

    async def cancel_job(self, job_id: str) -> None:
        self._enter("cancel_job")
        job = self._job(job_id)
        if job.state.ended:
            raise JobEndedError(job_id, job.state.value)
        self.end(job_id, state=JobState.CANCELLED)

    async def delete_job(self, job_id: str) -> None:
        self._enter("delete_job")
        job = self._job(job_id)
        if not job.state.ended:
            raise JobNotEndedError(job_id, job.state.value)
        del self.stored[job_id]

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        self._enter("set_tags")
        job = self._job(job_id)
        self.end(job_id, spec=evolve(job.spec, tags=tags))

    # --- account -------------------------------------------------------------------------------

    async def instances(self) -> tuple[Instance, ...]:
        self._enter("instances")
        return (Instance(id=self.principal.instance, name="mine", plan="flex"),)

    async def usage(self) -> InstanceUsage:
        self._enter("usage")
        return self.usage_now

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def runtime(transport: ScriptedTransport) -> Iterator[Runtime]:
    async def make() -> Any:
        return transport

    with Runtime(make) as made:
        yield made


@pytest.fixture
def service(runtime: Runtime) -> Any:
    from swqr_adapters.facade import QiskitRuntimeService

    return QiskitRuntimeService(runtime=runtime)


@pytest.fixture
def backend(service: Any) -> Any:
    return service.backend("ibm_manila")
