"""IBM's platform, or a server that speaks like it, as the ``RuntimeTransport`` port."""

import difflib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from attrs import evolve

from swqr_adapters.http import Deadlines, Response
from swqr_adapters.wire.ibm import (
    Versions,
    Workload,
    job_query,
    load,
    parse_backend_listing,
    parse_job,
    parse_metrics,
    parse_session,
    parse_usage,
    session_opening,
    timestamp,
)
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY, MEMBER, RESULT_TEXT, RESULTS
from swqr_adapters.wire.ibm.values import Reader
from swqr_adapters.wire.splicing import split_async
from swqr_core.errors import (
    BackendNotFoundError,
    InstanceNotFoundError,
    InvalidInputError,
    JobEndedError,
    JobNotEndedError,
    JobNotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ProgramNotFoundError,
    ProtocolError,
    SessionClosedError,
    SessionNotFoundError,
    SwqrError,
    UnsupportedOperation,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import SessionId
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import Program
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.clock import Clock

from .api import Api, segment
from .discovery import Discovery
from .evidence import job_evidence, session_evidence
from .polling import Glance, Poller, PollingPolicy
from .refusals import NAME, Errand, refused
from .submission import SettlePolicy, Submitter
from .tags import IBM_TAGS, OWN_TAGS, USER_TAGS
from .workloads import list_sessions

__all__ = ["IbmTransport", "capabilities_of"]

T = TypeVar("T")

_LONGEST_KEY: Final = 64
_REMEMBERED: Final = 5_000
_SMALL_RESULT: Final = "4096"  # bytes that a result may have to come with its job
_KEPT_RESULTS: Final = 2_000
_BIG: Final = Deadlines(connect=10.0, read=120.0, total=900.0)
_DOCUMENT_LIMIT: Final = 64 * 2**20
_JSON_AROUND: Final = 2**20  # what stands around the parameters in a job's document

_NOT_FOUND: Final = 404
_NO_CONTENT: Final = 204
_CONFLICTS: Final = (400, 409)

_IBM: Final = Capabilities(
    transport=NAME,
    custom_ttls=False,
    idempotent_submit=False,
    idempotent_open=False,
    user_tags=USER_TAGS,
    programs=False,
    event_wait=False,
)
_ENDED: Final = frozenset(state for state in JobState if state.ended)
_PENDING: Final = frozenset(JobState) - _ENDED


def capabilities_of(versions: Versions) -> Capabilities:
    """Return what a server can do, by what its ``GET /versions`` tells.

    One that tells nothing is IBM's own. Programs are not among what this transport asks for.
    """
    if not versions.idempotency and not versions.ours:
        return _IBM
    told = {"idempotent_open": versions.idempotency, **versions.capabilities}
    told |= {
        "idempotent_submit": versions.idempotency,
        "programs": False,
        "event_wait": False,
        "custom_ttls": bool(told.get("custom_ttls", False)),
        "user_tags": told.get("user_tags", 8) - (not versions.idempotency),
    }
    return evolve(_IBM, **told)


class IbmTransport:
    """One instance of IBM's platform; see ``RuntimeTransport`` for what its methods promise.

    * A job's parameters and result pass through as the bytes that they are.
    * A submission is posted once where keys are unknown; see ``Submitter``. An opening that is
      not answered may have happened, and is not repeated.
    * Where the platform does not tell when a job ran, ``job`` and ``wait_job`` ask for its
      metrics too; ``jobs`` does not.

    Args:
        api: The interface; the transport closes it.
        principal: Whom it acts for.
        capabilities: What the server can do.
        ours: Whether it is a server of ours, which tells more than IBM.
        discovery: Finds the account's instances; None if only the bound one is told.
        instances: Instances that are known already.
        polling: How often to look at jobs that are waited for.
        settle: How long to look for a job whose submission was not answered.
        pause_clock: For the pauses between looks, if it is not the clock of *api*.
    """

    def __init__(  # noqa: PLR0913 - the parts of a transport
        self,
        api: Api,
        *,
        principal: Principal,
        capabilities: Capabilities = _IBM,
        ours: bool = False,
        discovery: Discovery | None = None,
        instances: Sequence[Instance] = (),
        polling: PollingPolicy | None = None,
        settle: SettlePolicy | None = None,
        pause_clock: Clock | None = None,
    ) -> None:
        self._api = api
        self._principal = principal
        self._capabilities = capabilities
        self._discovery = discovery
        self._instances = tuple(instances)
        settle = settle or SettlePolicy()
        self._ours = ours
        self._tags = OWN_TAGS if ours else IBM_TAGS
        self._submitter = Submitter(
            api, keys=capabilities.idempotent_submit, tags=self._tags, settle=settle
        )
        self._poller = Poller(
            self,
            policy=polling or PollingPolicy(),
            clock=api.clock,
            pause_clock=pause_clock or api.clock,
            settle=settle.window,
        )
        self._jobs = job_evidence()
        self._sessions = session_evidence()
        self._guessed: set[str] = set()  # jobs of which only the id was told
        self._submitted: OrderedDict[str, JobSpec] = OrderedDict()
        self._results: OrderedDict[str, bytes] = OrderedDict()
        self._times: OrderedDict[str, tuple[datetime | None, datetime | None]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<IbmTransport of {self._principal.instance!r} at {self._api.url}>"

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do."""
        return self._capabilities

    @property
    def principal(self) -> Principal:
        """Whom it acts for."""
        return self._principal

    async def aclose(self) -> None:
        """End all waits and close all connections."""
        self._api.stop()
        await self._poller.aclose()
        await self._api.aclose()

    def _need(self, capability: str, operation: str) -> None:
        self._api.check()
        if not getattr(self._capabilities, capability):
            raise UnsupportedOperation(NAME, operation)

    def _errand(self, action: str, **about: Any) -> Errand:
        return Errand(action=action, instance=self._principal.instance, **about)

    def _command(self, action: str, id: str, **about: Any) -> Errand:
        return Errand(
            action=action, query=False, key=id, instance=self._principal.instance, **about
        )

    # --- backends ------------------------------------------------------------------------------

    async def backends(self) -> tuple[Backend, ...]:
        """Return every backend, by name."""
        response = await self._api.call(
            "GET",
            "/backends",
            self._errand("list backends"),
            query=[("include_mocks", "true")],
        )
        return parse_backend_listing(load(response.body, "backend list"))

    async def backend(self, name: str) -> Backend:
        """Return one backend."""
        backends = {str(backend.name): backend for backend in await self.backends()}
        if name not in backends:
            raise BackendNotFoundError(name, difflib.get_close_matches(name, backends))
        return backends[name]

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return its configuration as JSON text."""
        found = await self._document(name, "configuration", calibration_id=calibration_id)
        if found is None:
            raise ProtocolError(NAME, f"backend {name!r} has no configuration")
        return found

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """Return its properties as JSON text, or None."""
        return await self._document(
            name,
            "properties",
            calibration_id=calibration_id,
            updated_before=timestamp(updated_before),
        )

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return its pulse defaults as JSON text, or None."""
        return await self._document(name, "defaults")

    async def _document(
        self,
        name: str,
        kind: str,
        *,
        calibration_id: str | None = None,
        updated_before: str | None = None,
    ) -> bytes | None:
        self._api.check()
        if calibration_id is not None:
            self._need("calibrations", "calibrations")
        pairs = {"calibration_id": calibration_id, "updated_before": updated_before}
        response = await self._api.call(
            "GET",
            f"/backends/{segment(name, BackendNotFoundError)}/{kind}",
            self._errand(f"read the {kind} of a backend", backend=name),
            query=[(key, value) for key, value in pairs.items() if value is not None],
            max_bytes=_DOCUMENT_LIMIT,
            accept=[_NOT_FOUND],
        )
        if response.status == _NOT_FOUND:
            await self._explain_missing_document(response, name, calibration_id)
        empty = response.status == _NO_CONTENT or response.body.strip() in {b"", b"null", b"{}"}
        return None if empty else response.body

    async def _explain_missing_document(
        self, response: Response, name: str, calibration_id: str | None
    ) -> None:
        """Raise what a 404 means: no such backend, or no such calibration of it."""
        await self.backend(name)
        if calibration_id is not None:
            raise InvalidInputError(
                "calibration_id", f"backend {name!r} has no calibration {calibration_id!r}"
            )
        raise refused(response, self._errand("read a backend", backend=name), self._api.clock)

    # --- sessions ------------------------------------------------------------------------------

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """Open a session or batch; see ``SessionPort.open_session``."""
        batch = spec.mode is SessionMode.BATCH
        self._need("batches" if batch else "dedicated_sessions", f"sessions of mode {spec.mode}")
        if spec.interactive_ttl is not None or spec.active_ttl is not None:
            self._need("custom_ttls", "interactive_ttl and active_ttl")
        _check_key(key)
        keys = self._capabilities.idempotent_open
        asked = self._sessions.asked()
        response = await self._api.call(
            "POST",
            "/sessions",
            self._command("open_session", key, backend=spec.backend),
            json=session_opening(spec),
            headers={IDEMPOTENCY_KEY: key} if keys else {},
            idempotent=keys,
        )
        try:
            # The older interface answers with an id and no more.
            told = {"mode": spec.mode.value, **load(response.body, "opened session")}
            session = self._whole_session(parse_session(told))
        except ProtocolError as error:
            raise OutcomeUnknownError(NAME, "open_session", key) from error
        if session.created_at is None:
            session = evolve(session, created_at=self._api.date_of(response))
        if session.backend is None:
            session = evolve(session, backend=spec.backend)
        return self._sessions.take(session, asked)

    def _whole_session(self, session: Session) -> Session:
        return evolve(session, instance=session.instance or self._principal.instance)

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now."""
        asked = self._sessions.asked()
        response = await self._api.call(
            "GET",
            f"/sessions/{segment(session_id, SessionNotFoundError)}",
            self._errand("read a session", session=session_id),
        )
        session = parse_session(load(response.body, f"session {session_id!r}"))
        return self._sessions.take(self._whole_session(session), asked)

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """Return a page of sessions and batches; see ``list_sessions``."""
        self._need("session_listing", "lists of sessions")
        return await list_sessions(self._api, query, self)

    async def whole(self, workload: Workload) -> Session:
        """Return the session that a workload stands for."""
        if workload.session is None:
            return await self.session(workload.id)
        asked = self._sessions.asked()
        return self._sessions.take(self._whole_session(workload.session), asked)

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs."""
        await self._api.call(
            "PATCH",
            f"/sessions/{segment(session_id, SessionNotFoundError)}",
            self._command("drain_session", session_id, session=session_id),
            json={"accepting_jobs": False},
            idempotent=True,
        )

    async def cancel_session(self, session_id: str) -> None:
        """Close it now."""
        await self._api.call(
            "DELETE",
            f"/sessions/{segment(session_id, SessionNotFoundError)}/close",
            self._command("cancel_session", session_id, session=session_id),
        )

    # --- jobs ----------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job, once; see ``JobPort.submit`` and ``Submitter``."""
        self._api.check()
        _check_key(key)
        able = self._capabilities
        if spec.private:
            self._need("private_jobs", "private jobs")
        if spec.calibration_id is not None:
            self._need("calibrations", "calibrations")
        if spec.max_execution_time is not None:
            self._need("time_limits", "max_execution_time")
        if len(params) > able.max_params_bytes:
            raise PayloadTooLargeError("params", len(params), able.max_params_bytes)
        self._tags.check(spec.tags, most=able.user_tags)
        asked = self._jobs.asked()
        try:
            job = await self._submitter.submit(spec, params, key=key)
        except SessionClosedError as error:
            raise await self._explain_closed(error) from error
        _remember(self._submitted, job.id, evolve(spec, tags=job.spec.tags))
        if not self._ours:
            try:
                # The answer tells the id and no more. This look is worth one attempt.
                return await self.look_at(job.id, again=False)
            except SwqrError:
                self._api.check()
                self._guessed.add(job.id)
        return self._jobs.take(self._dressed(job), asked)

    async def _explain_closed(self, error: SessionClosedError) -> SessionClosedError:
        """Say of a session that takes no jobs whether it is closed or draining."""
        if self._ours:
            return error
        try:
            session = await self.session(error.session_id)
        except SwqrError:
            return error
        return SessionClosedError(error.session_id, session.state.value)

    def _dressed(self, job: Job) -> Job:
        """Hide our tag, and add what the platform does not tell but is known."""
        sent = self._submitted.get(job.id)
        spec = job.spec
        if sent is not None and not self._ours:
            spec = evolve(
                spec,
                log_level=sent.log_level,
                max_execution_time=sent.max_execution_time,
                image=spec.image or sent.image,
                extra=sent.extra,
            )
        known = self._jobs.latest(job.id)
        state = job.state
        if "status" in job.extra and known is not None:
            state = known.state  # a word that nobody knows says nothing new
        return evolve(
            job,
            spec=evolve(spec, tags=self._tags.users(spec.tags)),
            state=state,
            instance=job.instance or self._principal.instance,
        )

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""
        return await self.completed(await self.look_at(job_id))

    async def look_at(self, job_id: str, *, again: bool = True, with_result: bool = False) -> Job:
        """Return one job as its document tells it.

        Args:
            job_id: The job.
            again: Whether to ask again if the platform does not answer.
            with_result: Whether to ask a server of ours for a small result too.
        """
        asked = self._jobs.asked()
        response = await self._api.call(
            "GET",
            f"/jobs/{segment(job_id, JobNotFoundError)}",
            self._errand("read a job", job=job_id),
            query=[("exclude_params", "true")],
            headers=self._asking_for_results(asked_for=with_result),
            idempotent=again,
        )
        return self._seen(load(response.body, f"job {job_id!r}"), asked)

    def _asking_for_results(self, *, asked_for: bool) -> dict[str, str]:
        return {RESULTS: _SMALL_RESULT} if asked_for and self._ours else {}

    def _seen(self, document: object, asked: int) -> Job:
        job = parse_job(document)
        if self._ours:
            self._keep_result(job, Reader(document, "job").object(MEMBER).get(RESULT_TEXT))
        if self._tags.ours(job.spec.tags):
            sent = self._submitted.get(job.id, job.spec)
            _remember(self._submitted, job.id, evolve(sent, tags=job.spec.tags))
        self._guessed.discard(job.id)
        return self._jobs.take(self._dressed(job), asked)

    def _keep_result(self, job: Job, text: object) -> None:
        """Keep a result that came with its job, for whoever asks for it next."""
        if isinstance(text, str) and job.state.ended:
            _remember(self._results, job.id, text.encode(), most=_KEPT_RESULTS)

    async def completed(self, job: Job) -> Job:
        """Return a job with the times at which it ran, asking for its metrics if need be."""
        if job.running_at is not None or job.state is JobState.QUEUED:
            return job
        if self._ours:
            # A gateway's lists tell less than its jobs do. What was cancelled never ran.
            return await self.look_at(job.id) if job.state is JobState.COMPLETED else job
        if not self._capabilities.metrics:
            return job
        times = self._times.get(job.id)
        if times is None:
            try:
                metrics = await self.metrics(job.id)
            except SwqrError:
                self._api.check()
                return job  # the job itself is known
            times = metrics.running_at, metrics.ended_at
            if job.state.ended and metrics.ended_at is not None:
                _remember(self._times, job.id, times)
        ended_at = times[1] if job.state.ended else None
        return evolve(job, running_at=times[0], ended_at=job.ended_at or ended_at)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return a page of jobs.

        The platform tells pending jobs from ended ones; for any other choice of states all that
        may match are read, and chosen from here.
        """
        self._api.check()
        pending = {_PENDING: True, _ENDED: False}.get(query.states)
        if not query.states or pending is not None:
            return await self._page(query, pending=pending, limit=query.limit, offset=query.offset)
        if query.states <= _PENDING:
            pending = True
        elif query.states <= _ENDED:
            pending = False
        found: dict[str, Job] = {}
        offset = 0
        while True:
            page = await self._page(query, pending=pending, limit=MAX_PAGE, offset=offset)
            found |= {job.id: job for job in page if job.state in query.states}
            offset += len(page)
            if not page.items or offset >= page.total:
                break
        jobs = tuple(found.values())
        return Page(
            items=jobs[query.offset : query.offset + query.limit],
            total=len(jobs),
            offset=query.offset,
            limit=query.limit,
        )

    async def _page(
        self, query: JobQuery, *, pending: bool | None, limit: int, offset: int
    ) -> Page[Job]:
        asked = self._jobs.asked()
        response = await self._api.call(
            "GET",
            "/jobs",
            self._errand("list jobs"),
            query=job_query(query, pending=pending, limit=limit, offset=offset),
        )
        read = Reader(load(response.body, "job list"), "job list")
        items = tuple(self._seen(item, asked) for item in read.items("jobs"))
        total = read.integer("count")
        return Page(
            items=items,
            total=offset + len(items) if total is None else total,
            offset=offset,
            limit=limit,
        )

    async def look_since(
        self, since: datetime, session_id: str | None, offset: int, *, with_results: bool
    ) -> Glance:
        """Return a page of the jobs accepted at or after a time, for the poller."""
        query = JobQuery(
            created_after=since,
            session_id=None if session_id is None else SessionId(session_id),
            newest_first=False,
        )
        asked = self._jobs.asked()
        response = await self._api.call(
            "GET",
            "/jobs",
            self._errand("list jobs"),
            query=job_query(query, pending=None, limit=MAX_PAGE, offset=offset),
            headers=self._asking_for_results(asked_for=with_results),
        )
        items = Reader(load(response.body, "job list"), "job list").items("jobs")
        jobs: dict[str, Job | SwqrError] = {}
        until = None
        for item in items:
            read = Reader(item, "job")
            job_id = read.text("id")
            until = read.time("created") or until
            try:
                jobs[job_id] = self._seen(item, asked)
            except (ProtocolError, InvalidInputError) as error:  # of this one job
                jobs[job_id] = error
        return Glance(jobs=jobs, until=until, full=len(items) >= MAX_PAGE)

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        """Wait until a job has ended; all waits share what looking there is."""
        self._api.check()
        known = self._jobs.latest(job_id) if job_id in self._submitted else None
        fresh = known is not None and not known.state.ended and timeout != 0
        if not fresh or known is None:
            known = await self.job(job_id)
            if known.state.ended:
                return known
            if timeout is not None and timeout <= 0:
                raise WaitTimeoutError("job", job_id, timeout)
        told = job_id not in self._guessed
        return await self._poller.wait(known, told=told, timeout=timeout)

    async def params(self, job_id: str) -> bytes:
        """Return the job's parameters as they came."""
        limit = self._capabilities.max_params_bytes
        response = await self._api.call(
            "GET",
            f"/jobs/{segment(job_id, JobNotFoundError)}",
            self._errand("read a job's parameters", job=job_id),
            query=[("exclude_params", "false")],
            deadlines=_BIG,
            max_bytes=limit + _JSON_AROUND,
        )
        try:
            found = await split_async(response.body, "params")
        except InvalidInputError as error:
            raise ProtocolError(NAME, f"job {job_id!r}: its document {error.problem}") from error
        return b"{}" if found.value is None else found.value

    async def result(self, job_id: str) -> bytes | None:
        """Return the job's result, or None; see ``JobPort.result``."""
        self._api.check()
        kept = self._results.pop(job_id, None)
        if kept is not None:
            return kept
        limit = self._capabilities.max_result_bytes
        try:
            response = await self._api.call(
                "GET",
                f"/jobs/{segment(job_id, JobNotFoundError)}/results",
                self._errand("read a job's result", job=job_id),
                # Chosen by what the body is: text, or JSON of any kind.
                headers={"Accept": "*/*"},
                deadlines=_BIG,
                max_bytes=limit,
            )
        except PayloadTooLargeError as error:
            raise PayloadTooLargeError("result", error.size, limit) from error
        if response.status != _NO_CONTENT:
            return response.body
        if response.lost:
            await self._check_not_taken(job_id)
        return None

    async def _check_not_taken(self, job_id: str) -> None:
        """Say so if the one answer that a private job has may be among the lost ones."""
        job = await self.look_at(job_id)
        if job.spec.private and job.state is JobState.COMPLETED:
            raise OutcomeUnknownError(NAME, "read the result of a private job", job_id)

    async def logs(self, job_id: str) -> str:
        """Return the job's log."""
        self._need("logs", "logs")
        response = await self._api.call(
            "GET",
            f"/jobs/{segment(job_id, JobNotFoundError)}/logs",
            self._errand("read a job's log", job=job_id),
            headers={"Accept": "*/*"},
            deadlines=_BIG,
        )
        return response.body.decode(errors="replace")

    async def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about the job's run."""
        self._need("metrics", "metrics")
        response = await self._api.call(
            "GET",
            f"/jobs/{segment(job_id, JobNotFoundError)}/metrics",
            self._errand("read a job's metrics", job=job_id),
        )
        return parse_metrics(load(response.body, f"metrics of job {job_id!r}"))

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job."""
        response = await self._api.call(
            "POST",
            f"/jobs/{segment(job_id, JobNotFoundError)}/cancel",
            self._command("cancel_job", job_id, job=job_id),
            idempotent=True,
            accept=_CONFLICTS,
        )
        if response.status in _CONFLICTS:
            await self._explain_conflict(response, job_id, ended=True)
        self._poller.hurry(job_id)

    async def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended."""
        self._need("delete_jobs", "deleting jobs")
        response = await self._api.call(
            "DELETE",
            f"/jobs/{segment(job_id, JobNotFoundError)}",
            self._command("delete_job", job_id, job=job_id),
            accept=(*_CONFLICTS, _NOT_FOUND),
        )
        if response.status in _CONFLICTS:
            await self._explain_conflict(response, job_id, ended=False)
        if response.status == _NOT_FOUND and not response.lost:
            raise refused(response, self._errand("delete a job", job=job_id), self._api.clock)
        self._jobs.forget(job_id)
        self._submitted.pop(job_id, None)
        self._times.pop(job_id, None)
        self._results.pop(job_id, None)

    async def _explain_conflict(self, response: Response, job_id: str, *, ended: bool) -> None:
        """Raise what a conflict means, unless an earlier attempt of ours has made it."""
        error = refused(
            response, self._command("change a job", job_id, job=job_id), self._api.clock
        )
        if isinstance(error, JobEndedError | JobNotEndedError) and not response.lost:
            raise error
        job = await self.look_at(job_id)
        if ended and job.state.ended:
            if response.lost and job.state is JobState.CANCELLED:
                return
            raise JobEndedError(job_id, job.state.value) from error
        if not ended and not job.state.ended:
            raise JobNotEndedError(job_id, job.state.value) from error
        raise error

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        """Replace the job's tags, but for ours."""
        self._need("tags", "tags")
        self._tags.check(tags, most=self._capabilities.user_tags)
        kept: tuple[str, ...] = ()
        if not self._capabilities.idempotent_submit:
            if job_id not in self._submitted:
                await self.look_at(job_id)
            spec = self._submitted.get(job_id)
            kept = () if spec is None else self._tags.ours(spec.tags)
        await self._api.call(
            "PUT",
            f"/jobs/{segment(job_id, JobNotFoundError)}/tags",
            self._command("set_tags", job_id, job=job_id),
            json={"tags": [*tags, *kept]},
        )

    # --- programs and account ------------------------------------------------------------------

    async def programs(self) -> tuple[Program, ...]:
        """Not there: today's interface has no list of programs."""
        self._need("programs", "lists of programs")
        raise UnsupportedOperation(NAME, "lists of programs")

    async def program(self, program_id: str) -> Program:
        """Not there: today's interface has no programs of users."""
        self._need("programs", "programs")
        raise ProgramNotFoundError(program_id)

    async def instances(self) -> tuple[Instance, ...]:
        """Return the instances of the account, the bound one among them."""
        self._api.check()
        found = self._instances
        if self._discovery is not None and not found:
            found = self._instances = await self._discovery.instances()
        bound = self._principal.instance
        if any(instance.id == bound for instance in found):
            return found
        if self._discovery is not None and found:
            raise InstanceNotFoundError(bound, [instance.id for instance in found])
        return (Instance(id=bound, name=bound), *found)

    async def usage(self) -> InstanceUsage:
        """Return what the instance has used."""
        self._need("usage", "usage")
        response = await self._api.call(
            "GET", "/instances/usage", self._errand("read the instance's usage")
        )
        return parse_usage(load(response.body, "instance usage"))


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidInputError("key", f"must be 1 to 64 printable ASCII characters, not {key!r}")


def _remember(memory: "OrderedDict[str, T]", id: str, value: T, *, most: int = _REMEMBERED) -> None:
    """Put a value into a memory that forgets the oldest."""
    memory[id] = value
    memory.move_to_end(id)
    while len(memory) > most:
        memory.popitem(last=False)
