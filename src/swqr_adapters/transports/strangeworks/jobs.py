"""Submitting jobs, reading what they leave, and changing them."""

import logging

from swqr_adapters.http import Deadlines
from swqr_adapters.remote.bound import CONFLICTS
from swqr_adapters.remote.interim import read_interim
from swqr_adapters.wire.strangeworks import (
    ADD_TAGS,
    CANCEL_JOB,
    INTERIM_RESULTS,
    LOG_FILE,
    RESULT_FILE,
    TRACEBACK_FILE,
    interim_request,
    job_request,
    load,
    parse_input_file,
    parse_interim,
    parse_job_status,
    parse_result_file,
    parse_tags_answer,
)
from swqr_core.errors import (
    JobEndedError,
    JobNotFoundError,
    PayloadTooLargeError,
    ProtocolError,
    SwqrError,
    UnsupportedOperation,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.program import InterimResults
from swqr_core.model.query import MAX_PAGE

from .reading import JobReading
from .refusals import NAME, refused
from .sessions import SessionCalls

__all__ = ["JobCalls"]

logger = logging.getLogger(__name__)


class JobCalls(JobReading, SessionCalls):
    """The port ``JobPort``. Parameters and results pass through as the bytes that they are."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job, once; see ``JobPort.submit`` and ``Submitter``."""
        job = await super().submit(spec, params, key=key)
        missing = [tag for tag in spec.tags if tag not in job.spec.tags]
        if missing and not self._ours:
            # It names them in its submission, and the platform made none of them.
            try:
                with self._submitter.handing_over(job, key=key):
                    await self.add_tags(job.id, missing)
                    return await self.look_at(job.id)
            except SwqrError as error:
                self._api.check()
                logger.warning("job %s is submitted, without its tags: %s", job.id, error)
        return job

    async def params(self, job_id: str) -> bytes:
        """Return the job's parameters as they came."""
        self._api.check()
        limit = self._capabilities.max_params_bytes
        try:
            content = await self._input_content(job_id)
        except PayloadTooLargeError as error:
            raise PayloadTooLargeError("params", error.size, limit) from error
        if content is None:
            raise ProtocolError(NAME, f"job {job_id!r} has no file of what was submitted")
        given = await parse_input_file(content)
        if given.params is None:
            raise ProtocolError(NAME, f"job {job_id!r}: its file of input has no parameters")
        return given.params

    async def result(self, job_id: str) -> bytes | None:
        """Return the job's result, or None; see ``JobPort.result``."""
        self._api.check()
        record = self._records.get(job_id)
        if record is None or not record.state.ended:
            record, _ = await self._record(job_id)
        state = record.state
        if not state.ended or state is JobState.CANCELLED:
            return None
        name = RESULT_FILE if state is JobState.COMPLETED else TRACEBACK_FILE
        limit = self._capabilities.max_result_bytes
        try:
            # Encoded once more, it may be three times as long.
            content = await self._content(job_id, name, max_bytes=3 * limit)
        except PayloadTooLargeError as error:
            raise PayloadTooLargeError("result", error.size, limit) from error
        if content is None:
            if state is JobState.COMPLETED:
                raise ProtocolError(NAME, f"job {job_id!r} has completed and has no {name!r}")
            return None
        result = await parse_result_file(content)
        if len(result) > limit:
            raise PayloadTooLargeError("result", len(result), limit)
        return result

    async def logs(self, job_id: str) -> str:
        """Return the job's log."""
        self._need("logs", "logs")
        content = await self.file(job_id, LOG_FILE)
        return "" if content is None else content.decode(errors="replace")

    async def metrics(self, job_id: str) -> JobMetrics:
        """Not there: the platform tells no metrics."""
        self._need("metrics", "metrics")
        raise UnsupportedOperation(NAME, f"metrics of job {job_id!r}")

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return what a job has published, which servers of ours tell."""
        self._need("interim_results", "interim results")
        if not job_id:
            raise JobNotFoundError(job_id)
        errand = self._errand("read a job's interim results", job=job_id)

        async def ask(wait: float, deadlines: Deadlines) -> InterimResults:
            response = await self._api.operate(
                INTERIM_RESULTS,
                errand,
                interim_request(job_id, channel=self._channel, start=start, limit=limit, wait=wait),
                idempotent=True,
                deadlines=deadlines,
            )
            return parse_interim(self._api.document(response, errand))

        return await read_interim(ask, self._api, start=start, limit=limit, timeout=timeout)

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job."""
        self._api.check()
        if not job_id:
            raise JobNotFoundError(job_id)
        errand = self._command("cancel_job", job_id, job=job_id)
        response = await self._api.operate(
            CANCEL_JOB,
            errand,
            job_request(job_id, channel=self._channel),
            idempotent=True,
            accept=CONFLICTS,
        )
        if response.status in CONFLICTS:
            error = refused(response, errand, self._api.clock)
            await self._explain_conflict(response, job_id, error, ended=True)
        else:
            status = parse_job_status(load(response.body, "cancelled job"), needed=False)
            if status.state in {JobState.COMPLETED, JobState.FAILED}:
                raise JobEndedError(job_id, status.state.value)
        self._poller.hurry(job_id)

    async def delete_job(self, job_id: str) -> None:
        """Not there: the platform keeps its jobs."""
        self._need("delete_jobs", "deleting jobs")
        raise UnsupportedOperation(NAME, f"deleting job {job_id!r}")

    # --- tags ----------------------------------------------------------------------------------

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        """Add the tags that the job lacks; the platform takes none away.

        Raises:
            UnsupportedOperation: The job has a tag that is not among *tags*.
            and what ``JobPort.set_tags`` raises.
        """
        self._need("tags", "tags")
        self._tags.check(tags, most=self._capabilities.user_tags)
        present = (await self.look_at(job_id)).spec.tags
        if not set(present) <= set(tags):
            raise UnsupportedOperation(NAME, "taking tags away")
        missing = [tag for tag in tags if tag not in present]
        if missing:
            await self.add_tags(job_id, missing)

    async def add_tags(self, job_id: str, tags: list[str]) -> tuple[str, ...]:
        """Add tags to a job, and return those that are the user's.

        Raises:
            JobNotFoundError: There is no such job.
        """
        answer = await self._api.query(
            ADD_TAGS,
            self._command("add tags", job_id, job=job_id),
            variables={
                "workspace_slug": self._workspace.slug,
                "job_slug": job_id,
                "tags": tags,
            },
        )
        return self._tags.users(parse_tags_answer(answer.data))
