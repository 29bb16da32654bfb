"""The official job, waiting by event and not by polling."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from swqr_adapters.codec.errors import PayloadError
from swqr_adapters.codec.official import ResultDecoder, result_decoder_for
from swqr_adapters.progress import wait_job
from swqr_adapters.wire import ibm
from swqr_core.errors import (
    JobCancelledError,
    JobFailedError,
    JobTimedOutError,
    WaitTimeoutError,
    followed_by,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job

from . import contract
from .client import PortClient
from .errors import IBMInputValueError, IBMRuntimeError, official_error, official_errors

__all__ = ["Callback", "RuntimeJobV2", "call_back", "options_of"]

logger = logging.getLogger(__name__)

Callback = Callable[[str, Any], Any]

STATUSES: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.QUEUED: "QUEUED",
        JobState.RUNNING: "RUNNING",
        JobState.COMPLETED: "DONE",
        JobState.FAILED: "ERROR",
        JobState.CANCELLED: "CANCELLED",
        JobState.TIMED_OUT: "ERROR",
    }
)
"""The official client's word for each state."""


class RuntimeJobV2(contract.RuntimeJobV2):
    """A job, as the official client shows it.

    Args:
        client: The instance's client.
        snapshot: The job as it was when last looked at.
        backend: The backend that it runs on.
        service: The service that it belongs to.
        result_decoder: A decoder class, or several that are applied one after the other, instead
            of the program's own.
        version: The version of the primitive, for the official class.
    """

    def __init__(
        self,
        client: PortClient,
        snapshot: Job,
        *,
        backend: Any,
        service: Any,
        result_decoder: Any = None,
        version: int | None = None,
    ) -> None:
        spec = snapshot.spec
        self._snapshot = snapshot
        self._chosen_decoder = result_decoder
        values = {
            "backend": backend,
            "api_client": client,
            "job_id": snapshot.id,
            "program_id": spec.program_id,
            "service": service,
            "creation_date": ibm.timestamp(snapshot.created_at),
            "image": spec.image,
            "session_id": spec.session_id,
            "tags": list(spec.tags),
            "version": version,
            "private": spec.private,
        }
        super().__init__(**contract.accepted_by(contract.RuntimeJobV2.__init__, values))

    @property
    def tells_interim_results(self) -> bool:
        """Whether the transport tells what a job publishes while it runs."""
        return self._client.runtime.capabilities.interim_results

    @property
    def _client(self) -> PortClient:
        return self._api_client  # type: ignore[no-any-return] # what __init__ was given

    def status(self) -> str:
        """Return ``QUEUED``, ``RUNNING``, ``DONE``, ``ERROR`` or ``CANCELLED``.

        Raises:
            RuntimeJobNotFound: The job was deleted.
        """
        return STATUSES[self._refresh().state]

    def _refresh(self) -> Job:
        """Return the job as it is now; one that has ended stays as it is."""
        if not self._snapshot.state.ended:
            with official_errors():
                self._snapshot = self._client.runtime.job(self._snapshot.id)
        return self._snapshot

    def wait_for_final_state(
        self,
        timeout: Any = None,
        poll_interval: float | None = None,  # noqa: ARG002 - nothing is polled
    ) -> None:
        """Wait until the job has ended; where a person looks, a line shows how it is doing.

        Args:
            timeout: Seconds to wait, or None for ever.
            poll_interval: Ignored: the wait is for an event.

        Raises:
            RuntimeJobTimeoutError: The time is over; the job goes on.
            RuntimeJobNotFound: The job was deleted.
        """
        if not isinstance(timeout, int | float | None):
            msg = f"timeout: must be a number of seconds or None, not {timeout!r}"
            raise IBMInputValueError(msg, 400)
        if self._snapshot.state.ended:
            return
        with official_errors():
            if timeout is not None and timeout < 0:
                raise WaitTimeoutError("job", self._snapshot.id, timeout)
            self._snapshot = wait_job(self._client.runtime, self._snapshot.id, timeout=timeout)

    def result(
        self,
        timeout: float | None = None,
        decoder: Any = None,
        poll_interval: float | None = None,
    ) -> Any:
        """Wait until the job has ended and return its result.

        Args:
            timeout: Seconds to wait, or None for ever.
            decoder: A decoder class, or several that are applied one after the other, instead of
                the job's own.
            poll_interval: Ignored: the wait is for an event.

        Returns:
            What the program's decoder makes of the result; None if there is none (any more).

        Raises:
            RuntimeJobFailureError: The job failed.
            RuntimeJobMaxTimeoutError: The job ran longer than it was allowed to.
            RuntimeInvalidStateError: The job was cancelled.
            RuntimeJobTimeoutError: The time is over; the job goes on.
            RuntimeJobNotFound: The job was deleted.
            IBMRuntimeError: The result cannot be decoded.
        """
        self.wait_for_final_state(timeout=timeout, poll_interval=poll_interval)
        self._raise_for_state()
        text = self._client.job_results(self._snapshot.id)
        return self._decoded(text, decoder, interim=False) if text else None

    def interim_results(self, decoder: Any = None) -> list[Any]:
        """Return what the job has published so far, in order; it is kept after the job's end.

        Args:
            decoder: As for ``result``.

        Raises:
            RuntimeJobNotFound: The job was deleted.
            IBMRuntimeError: The transport tells no interim results, or one cannot be decoded.
        """
        with official_errors():
            texts = self._client.runtime.attach_job(self._snapshot.id).interim_results()
        return [self._decoded(text.decode(), decoder, interim=True) for text in texts]

    def stream(self, decoder: Any = None) -> Iterator[Any]:
        """Yield each interim result as it comes, the earlier ones first, until the job has ended.

        Args:
            decoder: As for ``result``.

        Raises:
            RuntimeJobNotFound: The job was deleted.
            IBMRuntimeError: The transport tells no interim results, or one cannot be decoded.
        """
        texts = self._client.runtime.stream(self._snapshot.id)
        while True:
            with official_errors():
                text = next(texts, None)
            if text is None:
                return
            yield self._decoded(text.decode(), decoder, interim=True)

    def _decoded(self, text: str, decoder: Any, *, interim: bool) -> Any:
        result: Any = text
        try:
            for one in self._decoders(decoder, interim=interim):
                applies = getattr(one, "is_applicable", None)
                if applies is None or applies(result):
                    result = one.decode(result)
        except PayloadError as error:
            what = "An interim result" if interim else "The result"
            msg = f"{what} of job {self._snapshot.id} cannot be decoded: {error}"
            raise IBMRuntimeError(msg) from error
        return result

    def _decoders(self, decoder: Any, *, interim: bool) -> Sequence[Any]:
        """Return what to apply in turn; what is the client's own is done by our safe decoder."""
        chosen = decoder or self._chosen_decoder
        chain = list(chosen) if isinstance(chosen, Sequence) else [chosen]
        if chosen is None or _is_the_clients_own(chain):
            return [result_decoder_for(self._snapshot.spec.program_id)]
        # Until 0.47 several are no chain, but one for interim results and one for the result.
        if hasattr(ResultDecoder, "is_applicable"):
            return chain
        return chain[:1] if interim else chain[-1:]

    def _raise_for_state(self) -> None:
        job = self._snapshot
        facts = (job.id, job.reason, job.reason_code, job.reason_solution)
        why = f"Unable to retrieve the result of job {job.id}."
        match job.state:
            case JobState.FAILED:
                failure = JobFailedError(*facts)
                raise official_error(failure, f"{why} {self._reason_text()}") from failure
            case JobState.TIMED_OUT:
                late = JobTimedOutError(*facts)
                raise official_error(late, f"{why} {self._reason_text()}") from late
            case JobState.CANCELLED:
                end = JobCancelledError(*facts)
                raise official_error(end, f"{why} Job was cancelled.") from end
            case _:
                return

    def _reason_text(self) -> str:
        """Return the reason in the official form, and what the platform advises."""
        state = ibm.job_document(self._snapshot)["state"]
        text: str = state.get("reason") or "No reason was given; see the job's logs."
        if code := state.get("reason_code"):
            text = f"Error code {code}; {text}"
        if solution := state.get("reason_solution"):
            text = followed_by(text, solution)
        return text

    def error_message(self) -> str | None:
        """Return why the job failed, or None if it did not (yet)."""
        job = self._refresh()
        if job.state is JobState.FAILED:
            said = self._reason_text() if job.reason else self._traceback()
            return f"Job {job.id} has failed:\n{said or self._reason_text()}"
        if job.state is JobState.TIMED_OUT:
            return (
                f"Job {job.id} ran longer than maximum execution time. Job was cancelled:\n"
                f"{self._traceback() or self._reason_text()}"
            )
        return None

    def _traceback(self) -> str:
        text = self._client.job_results(self._snapshot.id)
        return text[max(text.rfind("Traceback"), 0) :]

    def cancel(self) -> None:
        """Stop the job.

        Raises:
            RuntimeInvalidStateError: It has ended already.
            RuntimeJobNotFound: It was deleted.
        """
        self._client.job_cancel(self._snapshot.id)

    def metrics(self) -> dict[str, Any]:
        """Return the job's metrics: ``timestamps``, ``usage`` and what else the platform tells.

        Raises:
            RuntimeJobNotFound: The job was deleted.
        """
        return self._client.job_metadata(self._snapshot.id)

    def properties(self, refresh: bool = False) -> Any:
        """Return the backend's properties at the time when the job started, or None.

        Args:
            refresh: Ask again for what is known already.

        Raises:
            RuntimeJobNotFound: The job was deleted.
            IBMRuntimeError: The transport has none of that time.
        """
        job = self._refresh()
        started = job.running_at
        if started is None and self._client.runtime.capabilities.metrics:
            with official_errors():
                started = self._client.runtime.metrics(job.id).running_at
        return self._backend.properties(refresh, (started or job.created_at).astimezone())

    def usage(self, partial: bool = False) -> float:
        """Return the seconds that the job kept the device, 0 until the figure is final.

        Args:
            partial: Return the figure so far instead.

        Raises:
            RuntimeJobNotFound: The job was deleted.
        """
        usage = self.metrics()["usage"]
        final = partial or usage["status"] != "pending"
        return usage["qpu_charge_time_seconds"] if final else 0

    def logs(self) -> str:
        """Return the job's log, which is complete only after the job has ended.

        Raises:
            RuntimeJobNotFound: The job was deleted.
        """
        if not self._refresh().state.ended:
            logger.warning("job %s has not ended: its log is not complete", self._snapshot.id)
        return self._client.job_logs(self._snapshot.id)


def _results(job: RuntimeJobV2) -> Iterator[Any]:
    if job.tells_interim_results:
        yield from job.stream()
    yield job.result()


def _is_the_clients_own(chain: list[Any]) -> bool:
    """Say whether this is what official primitives pass, as they do until 0.47.

    The plain base class alone is somebody's choice: the document without what a program adds.
    """
    return chain != [ResultDecoder] and all(
        getattr(one, "__module__", "").startswith("qiskit_ibm_runtime.") for one in chain
    )


def options_of(options: Any) -> dict[str, Any]:
    """Return a copy of the options of a run, which are a dictionary or None.

    Raises:
        IBMInputValueError: They are something else.
    """
    if not isinstance(options, dict | None):
        msg = f"options: must be a dictionary such as {{'job_tags': ['mine']}}, not {options!r}"
        raise IBMInputValueError(msg, 400)
    return dict(options or {})


def call_back(job: RuntimeJobV2, callback: Callback) -> None:
    """Call *callback* with the job's id and each of its results, from a thread of its own.

    Those are its interim results as they come, where the transport tells them, and its result.
    What the callback raises is logged, and ends the calls. So is that a job has no result.
    """
    threading.Thread(
        target=_call_back,
        args=(job, callback),
        name=f"swqr-callback-{job.job_id()}",
        daemon=True,
    ).start()


def _call_back(job: RuntimeJobV2, callback: Callback) -> None:
    try:
        for result in _results(job):
            try:
                callback(job.job_id(), result)
            except Exception:
                logger.exception("the callback of job %s failed", job.job_id())
                return
    except Exception:
        logger.exception("job %s has no result to call its callback with", job.job_id())
