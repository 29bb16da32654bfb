"""Reading jobs: what the platform tells, what its files say, and what cannot be true."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve

from swqr_adapters.remote.bound import remember
from swqr_adapters.remote.jobs import RemoteJobs
from swqr_adapters.remote.looks import PageGlance
from swqr_adapters.wire.strangeworks import (
    GET_JOBS,
    GET_JOBS_BY_KEY,
    INPUT_FILE,
    PAGE_SIZE,
    STATES,
    JobFailure,
    JobInput,
    JobRecord,
    job_from,
    parse_connection,
    parse_error_file,
    parse_input_file,
    parse_job_node,
)
from swqr_adapters.wire.values import Document
from swqr_core.errors import InvalidInputError, JobNotFoundError, ProtocolError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery, Page

from .files import FileCalls
from .pages import read_pages
from .refusals import NAME

__all__ = ["JobReading"]

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 8
_ERROR_LIMIT: Final = 2**20
_AROUND: Final = 2**20  # what stands around the parameters in a job's input file
_KEPT: Final = 10_000
_FAILED: Final = {JobState.FAILED, JobState.TIMED_OUT}  # told apart by a file
_CLOCKS: Final = timedelta(minutes=5)  # how far the platform's clock may be from ours


class JobReading(FileCalls, RemoteJobs):
    """One job, lists of jobs, and where the poller looks (``JobSource``, ``PagedSource``)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inputs: OrderedDict[str, JobInput] = OrderedDict()
        self._failures: OrderedDict[str, JobFailure] = OrderedDict()
        self._room = asyncio.Semaphore(_AT_ONCE)

    # --- from a record to a job ----------------------------------------------------------------

    def _dressed(self, job: Job) -> Job:
        """Hide our tag, and add what is known; see ``RemoteJobs``."""
        known = self._jobs.latest(job.id)
        if known is not None and "status" in job.extra:
            job = evolve(job, state=known.state)  # a word that nobody knows says nothing new
        if known is not None and known.state.ended and job.state.ended:
            # The record's date moves on when somebody adds a tag, and a file that tells of more
            # than a failure may come late.
            state = known.state if {known.state, job.state} == _FAILED else job.state
            job = evolve(job, ended_at=known.ended_at, state=state)
        return evolve(
            job,
            spec=evolve(job.spec, tags=self._tags.users(job.spec.tags)),
            instance=self._principal.instance,
        )

    async def _seen(self, record: JobRecord, told: object, asked: int) -> Job:
        """Return the job that a record stands for, held against what was seen before."""
        self._keep(record)
        if told is not None:
            job = job_from(record, told)
        else:
            async with self._room:
                given = await self._input_of(record)
                failure = await self._failure_of(record)
            job = job_from(record, given=given, failure=failure)
            if record.status.upper() not in STATES:
                job = evolve(job, extra={**job.extra, "status": record.status})
        if self._tags.ours(job.spec.tags):
            sent = self._submitted.get(job.id, job.spec)
            remember(self._submitted, job.id, evolve(sent, tags=job.spec.tags))
        self._guessed.discard(job.id)
        return self._jobs.take(self._dressed(job), asked)

    async def _input_of(self, record: JobRecord) -> JobInput | None:
        """Return what a job was submitted with, but for its parameters; it never changes."""
        sent = self._submitted.get(record.slug)
        if sent is not None:
            return JobInput(spec=sent)
        known = self._inputs.get(record.slug)
        if known is None:
            content = await self._input_content(record.slug)
            if content is None:
                return None
            known = evolve(await parse_input_file(content), params=None)
            remember(self._inputs, record.slug, known, most=_KEPT)
        return known

    async def _input_content(self, job_id: str) -> bytes | None:
        limit = self._capabilities.max_params_bytes + _AROUND
        return await self._content(job_id, INPUT_FILE, max_bytes=limit)

    async def _failure_of(self, record: JobRecord) -> JobFailure | None:
        """Return why a job did not complete, as its file of errors says."""
        if record.state not in {JobState.FAILED, JobState.CANCELLED}:
            return None
        known = self._failures.get(record.slug)
        names = [file.name for file in record.files if _tells_errors(file.name)]
        if known is not None or not names:
            return known
        try:
            content = await self._content(record.slug, names[0] or "", max_bytes=_ERROR_LIMIT)
            if content is None:
                return None
            known = parse_error_file(content)
        except (ProtocolError, InvalidInputError) as error:
            logger.warning("job %s has failed and does not say why: %s", record.slug, error)
            return None
        remember(self._failures, record.slug, known)
        return known

    # --- one job -------------------------------------------------------------------------------

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""
        return await self.look_at(job_id)

    async def look_at(self, job_id: str, *, again: bool = True, with_result: bool = False) -> Job:  # noqa: ARG002 - results are files
        """Return one job; see ``RemoteJobs``."""
        self._api.check()
        asked = self._jobs.asked()
        record, answer = await self._record(job_id, again=again)
        return await self._seen(record, answer.documents("jobs").get(job_id), asked)

    async def completed(self, job: Job) -> Job:
        """Return an ended job: it tells all that it will."""
        return job

    # --- many jobs -----------------------------------------------------------------------------

    async def look_at_page(self, cursor: str | None, wanted: Collection[str]) -> PageGlance:
        """Return a page of the resource's jobs, for the poller."""
        asked = self._jobs.asked()
        answer = await self._api.query(
            GET_JOBS,
            self._errand("list jobs"),
            variables={**self._mine, "first": self._page_size, "after": cursor},
        )
        page = parse_connection(answer.data, "jobs", lambda node: node)
        if page.more and page.end_cursor == cursor:
            raise ProtocolError(NAME, "the list of jobs goes on where it began")
        told = answer.documents("jobs")
        records: list[JobRecord] = []
        jobs: dict[str, Job | SwqrError] = {}
        for node in page.nodes:
            try:
                records.append(parse_job_node(node))
            except ProtocolError as error:  # of this one job
                slug = node.get("slug") if isinstance(node, Mapping) else None
                if slug in wanted:
                    jobs[str(slug)] = error
        mine = [r for r in records if r.slug in wanted and self._is_mine(r)]
        seen = await asyncio.gather(
            *(self._seen_or_error(r, told.get(r.slug), asked) for r in mine)
        )
        jobs |= {record.slug: job for record, job in zip(mine, seen, strict=True)}
        return PageGlance(
            jobs=jobs,
            first=records[0].created_at if records else None,
            last=records[-1].created_at if records else None,
            cursor=page.end_cursor if page.more else None,
        )

    async def _seen_or_error(self, record: JobRecord, told: object, asked: int) -> Job | SwqrError:
        try:
            return await self._seen(record, told, asked)
        except (ProtocolError, InvalidInputError, JobNotFoundError) as error:  # of this one job
            return error

    @property
    def _page_size(self) -> int:
        """How many nodes to ask for: what official clients do, or what a server of ours gives."""
        return MAX_PAGE if self._ours else PAGE_SIZE

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return a page of jobs.

        The platform lists by resource, status and tag, in an order that nobody promises. The rest
        is chosen and put in order here, so all that may match is read.
        """
        self._api.check()
        asked = self._jobs.asked()
        if query.key is not None:
            self._need("find_by_key", "finding a job by its key")
            records, told = await self._records_with(query.key, since=query.created_after)
        else:
            records, told = await self._records_of(
                tags=query.tags[:1], statuses=_words_of(query.states)
            )
        records = [record for record in records if _may_match(record, query)]
        if query.newest_first:
            records.reverse()
        chosen = slice(query.offset, query.offset + query.limit)
        if _needs_a_look(query):
            jobs = [
                job for job in await self._all_seen(records, told, asked) if _matches(job, query)
            ]
            items, total = jobs[chosen], len(jobs)
        else:
            items, total = await self._all_seen(records[chosen], told, asked), len(records)
        return Page(items=tuple(items), total=total, offset=query.offset, limit=query.limit)

    async def _all_seen(
        self, records: Sequence[JobRecord], told: Document, asked: int
    ) -> list[Job]:
        """Return the jobs of some records, but for those that are gone by now."""

        async def one(record: JobRecord) -> Job | None:
            try:
                return await self._seen(record, told.get(record.slug), asked)
            except JobNotFoundError:
                return None

        found = await asyncio.gather(*map(one, records))
        return [job for job in found if job is not None]

    async def _records_of(
        self, *, tags: Sequence[str] = (), statuses: Sequence[str] = (), key: str | None = None
    ) -> tuple[list[JobRecord], Document]:
        """Return the records of the resource's jobs, oldest first, and what is told of them.

        Only a server of ours can be asked for a key.

        Jobs of another kind, which the same product may run too, have no input file.
        """
        found: list[JobRecord] = []
        told: dict[str, Any] = {}
        pages = read_pages(
            self._api,
            GET_JOBS if key is None else GET_JOBS_BY_KEY,
            "jobs",
            parse_job_node,
            lambda record: record.slug,
            errand=self._errand("list jobs"),
            variables={**self._mine, "statuses": list(statuses), "tags": list(tags)}
            | ({} if key is None else {"key": key}),
            page_size=self._page_size,
        )
        async for page, answer in pages:
            found += page
            told |= answer.documents("jobs")
        mine = [
            record
            for record in found
            if self._is_mine(record) and (record.slug in told or record.file(INPUT_FILE))
        ]
        # Of what is equally old, the later one is taken to be listed first.
        mine.reverse()
        return sorted(mine, key=_age), told

    async def find_marked(self, tag: str, *, since: datetime) -> Job | None:
        """Return the job of this resource that carries a tag, or None."""
        asked = self._jobs.asked()
        records, told = await self._records_marked(tag, since=since)
        for record in records:
            return await self._seen(record, told.get(record.slug), asked)
        return None

    async def _records_with(
        self, key: str, *, since: datetime | None
    ) -> tuple[list[JobRecord], Document]:
        """Return the records of jobs that were submitted with a key, oldest first."""
        if self._capabilities.idempotent_submit:
            return await self._records_of(key=key)
        return await self._records_marked(self._tags.of(key), since=since)

    async def _records_marked(
        self, tag: str, *, since: datetime | None
    ) -> tuple[list[JobRecord], Document]:
        """Return the records of jobs that carry a tag, oldest first.

        The platform's list is searched by the tag, and then the input files of what was accepted
        since, for nobody says that it makes tags of those that a submission names. A server of ours
        does.
        """
        records, told = await self._records_of(tags=(tag,))
        marked = [record for record in records if tag in record.tags]
        if marked or self._ours:
            return marked, told
        records, told = await self._records_of()
        for record in records:
            if since is not None and (
                record.created_at is None or record.created_at < since - _CLOCKS
            ):
                continue
            given = await self._input_of(record)
            if given is not None and tag in given.spec.tags:
                return [record], told
        return [], told


def _tells_errors(name: str | None) -> bool:
    return name is not None and "error" in name.lower() and "result" not in name.lower()


def _age(record: JobRecord) -> float:
    return 0.0 if record.created_at is None else record.created_at.timestamp()


def _words_of(states: frozenset[JobState]) -> list[str]:
    """Return the platform's words for some states; none for all."""
    plain = {JobState.FAILED if state is JobState.TIMED_OUT else state for state in states}
    if JobState.TIMED_OUT in states:
        plain.add(JobState.CANCELLED)
    return sorted(word for word, state in STATES.items() if state in plain)


def _may_match(record: JobRecord, query: JobQuery) -> bool:
    at = record.created_at
    return (
        set(query.tags) <= set(record.tags)
        and (query.created_after is None or (at is not None and at >= query.created_after))
        and (query.created_before is None or (at is not None and at <= query.created_before))
    )


def _needs_a_look(query: JobQuery) -> bool:
    """Return whether records alone do not tell what matches."""
    ambiguous = query.states & {JobState.FAILED, JobState.CANCELLED, JobState.TIMED_OUT}
    asked = (query.program_id, query.backend, query.session_id)
    return bool(ambiguous) or any(condition is not None for condition in (*asked, query.key))


def _matches(job: Job, query: JobQuery) -> bool:
    spec = job.spec
    return (
        (not query.states or job.state in query.states)
        and query.program_id in {None, spec.program_id}
        and query.backend in {None, spec.backend}
        and query.session_id in {None, spec.session_id}
    )
