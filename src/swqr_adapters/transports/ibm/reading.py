"""Reading jobs: what the platform tells, what is known besides, and what cannot be true."""

from collections import OrderedDict
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from swqr_adapters.remote.bound import remember
from swqr_adapters.remote.calls import segment
from swqr_adapters.remote.jobs import RemoteJobs
from swqr_adapters.remote.looks import Glance
from swqr_adapters.wire.ibm import job_query, load, parse_job, parse_metrics
from swqr_adapters.wire.ibm.extension import MEMBER, RESULT_TEXT, RESULTS
from swqr_adapters.wire.ibm.values import Reader
from swqr_core.errors import InvalidInputError, JobNotFoundError, ProtocolError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import SessionId
from swqr_core.model.job import Job, JobMetrics
from swqr_core.model.query import MAX_PAGE, JobQuery, Page

from .bound import FAR_TOO_MANY, IbmBound, check_id, endless

__all__ = ["JobReading"]

_SMALL_RESULT: Final = "4096"  # bytes that a result may have to come with its job
_KEPT_RESULTS: Final = 2_000
_ENDED: Final = frozenset(state for state in JobState if state.ended)
_PENDING: Final = frozenset(JobState) - _ENDED


class JobReading(IbmBound, RemoteJobs):
    """One job, lists of jobs, and where the poller looks (``TimedSource``)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._results: OrderedDict[str, bytes] = OrderedDict()
        self._times: OrderedDict[str, tuple[datetime | None, datetime | None]] = OrderedDict()

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
        document = load(response.body, f"job {job_id!r}")
        check_id(document, job_id)
        return self._seen(document, asked)

    def _asking_for_results(self, *, asked_for: bool) -> dict[str, str]:
        return {RESULTS: _SMALL_RESULT} if asked_for and self._ours else {}

    def _seen(self, document: object, asked: int) -> Job:
        job = parse_job(document)
        if self._ours:
            self._keep_result(job, Reader(document, "job").object(MEMBER).get(RESULT_TEXT))
        if self._tags.ours(job.spec.tags):
            sent = self._submitted.get(job.id, job.spec)
            remember(self._submitted, job.id, evolve(sent, tags=job.spec.tags))
        self._guessed.discard(job.id)
        return self._jobs.take(self._dressed(job), asked)

    def _keep_result(self, job: Job, text: object) -> None:
        """Keep a result that came with its job, for whoever asks for it next."""
        if isinstance(text, str) and job.state.ended and len(text) <= int(_SMALL_RESULT):
            remember(self._results, job.id, text.encode(), most=_KEPT_RESULTS)

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
                remember(self._times, job.id, times)
        ended_at = times[1] if job.state.ended else None
        return evolve(job, running_at=times[0], ended_at=job.ended_at or ended_at)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return a page of jobs.

        The platform tells pending jobs from ended ones; for any other choice of states all that
        may match are read, and chosen from here.
        """
        self._api.check()
        if query.key is not None and not self._capabilities.idempotent_submit:
            # There the key is one of the job's tags.
            query = evolve(query, key=None, tags=(*query.tags, self._tags.of(query.key)))
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
            known = len(found)
            found |= {job.id: job for job in page}
            offset += len(page)
            if not page.items or offset >= page.total:
                break
            if len(found) == known or offset > FAR_TOO_MANY:
                raise endless("jobs", len(found))
        jobs = tuple(job for job in found.values() if job.state in query.states)
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

    async def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about the job's run."""
        self._need("metrics", "metrics")
        response = await self._api.call(
            "GET",
            f"/jobs/{segment(job_id, JobNotFoundError)}/metrics",
            self._errand("read a job's metrics", job=job_id),
        )
        return parse_metrics(load(response.body, f"metrics of job {job_id!r}"))
