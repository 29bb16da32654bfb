"""Submitting jobs once, waiting for them together, and what a conflict means."""

from abc import abstractmethod
from collections import OrderedDict
from typing import Any

from attrs import evolve

from swqr_adapters.http import Response
from swqr_core.errors import (
    JobEndedError,
    JobNotEndedError,
    PayloadTooLargeError,
    SessionClosedError,
    SwqrError,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import check_key
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.session import Session
from swqr_core.ports.clock import Clock

from .bound import Bound, remember
from .evidence import job_evidence
from .looks import Looks
from .polling import Poller, PollingPolicy
from .submission import Desk, SettlePolicy, Submitter
from .tags import KEY_TAGS, OWN_TAGS

__all__ = ["RemoteJobs"]


class RemoteJobs(Bound):
    """What ``JobPort`` asks of every platform that is looked at from afar."""

    _submitter: Submitter
    _poller: Poller

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tags = OWN_TAGS if self._ours else KEY_TAGS
        self._jobs = job_evidence(self._api.name)
        self._guessed: set[str] = set()  # jobs of which only the id was told
        self._submitted: OrderedDict[str, JobSpec] = OrderedDict()

    def _begin(
        self,
        desk: Desk,
        looks: Looks,
        *,
        polling: PollingPolicy | None,
        settle: SettlePolicy | None,
        pause_clock: Clock | None,
    ) -> None:
        """Get ready to submit and to wait.

        Args:
            desk: Where jobs are handed in.
            looks: How one request shows many jobs.
            polling: How often to look at jobs that are waited for.
            settle: How long to look for a job whose submission was not answered.
            pause_clock: For the pauses between looks, if it is not the clock of the calls.
        """
        settle = settle or SettlePolicy()
        self._submitter = Submitter(
            desk,
            name=self._api.name,
            clock=self._api.clock,
            keys=self._capabilities.idempotent_submit,
            settle=settle,
        )
        self._poller = Poller(
            self,
            looks,
            name=self._api.name,
            policy=polling or PollingPolicy(),
            clock=self._api.clock,
            pause_clock=pause_clock or self._api.clock,
            settle=settle.window,
            unwelcome_for=lambda: self._api.http.unwelcome_for,
        )

    async def aclose(self) -> None:
        """End all waits and close all connections."""
        self._api.stop()
        await self._poller.aclose()
        await self._api.aclose()

    @abstractmethod
    async def session(self, session_id: str) -> Session:
        """Return one session as it is now."""

    @abstractmethod
    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""

    @abstractmethod
    async def look_at(self, job_id: str, *, again: bool = True, with_result: bool = False) -> Job:
        """Return one job as its document tells it."""

    @abstractmethod
    async def completed(self, job: Job) -> Job:
        """Return an ended job with all that a waiter is to get."""

    @abstractmethod
    def _dressed(self, job: Job) -> Job:
        """Hide our tag, and add what the platform does not tell but is known."""

    # --- submitting ----------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job, once; see ``JobPort.submit`` and ``Submitter``."""
        self._api.check()
        check_key(key)
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
        remember(self._submitted, job.id, evolve(spec, tags=job.spec.tags))
        if not self._ours:
            try:
                # The answer tells the id and no more. This look is worth one attempt.
                with self._submitter.handing_over(job, key=key):
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

    # --- waiting -------------------------------------------------------------------------------

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        """Wait until a job has ended; all waits share what looking there is."""
        self._api.check()
        known = self._jobs.latest(job_id) if job_id in self._submitted else None
        fresh = known is not None and not known.state.ended and timeout != 0
        if not fresh or known is None:
            known = await self.completed(await self.look_at(job_id, with_result=True))
            if known.state.ended:
                return known
            if timeout is not None and timeout <= 0:
                raise WaitTimeoutError("job", job_id, timeout)
        told = job_id not in self._guessed
        return await self._poller.wait(known, told=told, timeout=timeout)

    # --- conflicts -----------------------------------------------------------------------------

    async def _explain_conflict(
        self, response: Response, job_id: str, error: SwqrError, *, ended: bool
    ) -> None:
        """Raise what a conflict means, unless an earlier attempt of ours has made it.

        Args:
            response: The answer.
            job_id: The job.
            error: What the answer says.
            ended: Whether it may not have ended for what was asked.
        """
        if isinstance(error, JobEndedError | JobNotEndedError) and not response.unsure:
            raise error
        job = await self.look_at(job_id)
        if ended and job.state.ended:
            if response.unsure and job.state is JobState.CANCELLED:
                return
            raise JobEndedError(job_id, job.state.value) from error
        if not ended and not job.state.ended:
            raise JobNotEndedError(job_id, job.state.value) from error
        raise error
