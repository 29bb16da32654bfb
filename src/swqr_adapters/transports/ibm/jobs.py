"""Submitting jobs, waiting for them, and changing them."""

from typing import Final

from swqr_adapters.http import Deadlines, Response
from swqr_adapters.remote.bound import CONFLICTS, NO_CONTENT, NOT_FOUND
from swqr_adapters.remote.calls import segment
from swqr_adapters.wire.splicing import split_async
from swqr_core.errors import (
    InvalidInputError,
    JobNotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ProtocolError,
    SwqrError,
)
from swqr_core.lifecycle.job import JobState

from .reading import JobReading
from .refusals import NAME, refused
from .sessions import SessionCalls

__all__ = ["JobCalls"]

_BIG: Final = Deadlines(connect=10.0, read=120.0, total=900.0)
_JSON_AROUND: Final = 2**20  # what stands around the parameters in a job's document


class JobCalls(JobReading, SessionCalls):
    """The port ``JobPort``. Parameters and results pass through as the bytes that they are."""

    async def params(self, job_id: str) -> bytes:
        """Return the job's parameters as they came."""
        limit = self._capabilities.max_params_bytes
        try:
            response = await self._api.call(
                "GET",
                f"/jobs/{segment(job_id, JobNotFoundError)}",
                self._errand("read a job's parameters", job=job_id),
                query=[("exclude_params", "false")],
                deadlines=_BIG,
                max_bytes=limit + _JSON_AROUND,
            )
        except PayloadTooLargeError as error:
            raise PayloadTooLargeError("params", error.size, limit) from error
        try:
            found = await split_async(response.body, "params")
        except InvalidInputError as error:
            raise ProtocolError(NAME, f"job {job_id!r}: its document {error.problem}") from error
        params = found.value or b"{}"
        if len(params) > limit:
            raise PayloadTooLargeError("params", len(params), limit)
        return params

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
        if response.status != NO_CONTENT:
            return response.body
        if response.unsure:
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

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job."""
        response = await self._api.call(
            "POST",
            f"/jobs/{segment(job_id, JobNotFoundError)}/cancel",
            self._command("cancel_job", job_id, job=job_id),
            idempotent=True,
            accept=CONFLICTS,
        )
        if response.status in CONFLICTS:
            await self._explain_conflict(
                response, job_id, self._conflict(response, job_id), ended=True
            )
        self._poller.hurry(job_id)

    async def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended."""
        self._need("delete_jobs", "deleting jobs")
        response = await self._api.call(
            "DELETE",
            f"/jobs/{segment(job_id, JobNotFoundError)}",
            self._command("delete_job", job_id, job=job_id),
            accept=(*CONFLICTS, NOT_FOUND),
        )
        if response.status in CONFLICTS:
            await self._explain_conflict(
                response, job_id, self._conflict(response, job_id), ended=False
            )
        if response.status == NOT_FOUND and not response.unsure:
            raise refused(response, self._errand("delete a job", job=job_id), self._api.clock)
        self._jobs.forget(job_id)
        self._submitted.pop(job_id, None)
        self._times.pop(job_id, None)
        self._results.pop(job_id, None)

    def _conflict(self, response: Response, job_id: str) -> SwqrError:
        return refused(response, self._command("change a job", job_id, job=job_id), self._api.clock)

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
