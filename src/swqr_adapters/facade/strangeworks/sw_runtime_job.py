"""The job, and the backend where it ran, as Strangeworks documents them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn, Self

from qiskit.providers import JobStatus

from swqr_adapters.facade.errors import (
    IBMInputValueError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobTimeoutError,
    official_errors,
)
from swqr_adapters.facade.job import STATUSES, RuntimeJobV2
from swqr_adapters.facade.service import QiskitRuntimeService
from swqr_core.model.job import Job

from .records import ask_for_record

__all__ = ["Backend", "StrangeworksRuntimeJob"]

_JOB_STATUSES: Final[Mapping[str, JobStatus]] = MappingProxyType(
    {word: JobStatus[word] for word in STATUSES.values()}
)


class Backend(str):
    """A backend by its name.

    It is text, so it may stand wherever a name may. If it came from a job it also has every
    attribute of that job's backend (``num_qubits``, ``target``, ``status()``, ...), which is looked
    up when the first of them is wanted.

    Args:
        name: The name.
        find: Looks the backend up.
    """

    __slots__ = ("_find",)

    _find: Callable[[], Any] | None

    def __new__(cls, name: str, find: Callable[[], Any] | None = None) -> Self:
        """Make the text."""
        made = super().__new__(cls, name)
        made._find = find
        return made

    @property
    def name(self) -> str:
        """The name."""
        return str(self)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") or self._find is None:
            msg = (
                f"backend {str(self)!r} is only a name and has no {attribute!r}: "
                "get the backend from service.backend()"
            )
            raise AttributeError(msg)
        return getattr(self._find(), attribute)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)  # a copy is the name


class RuntimeJobWaitTimeoutError(RuntimeJobMaxTimeoutError, RuntimeJobTimeoutError):
    """The job has not ended in the time that was waited: one class per document."""


class RuntimeJobRanTooLongError(RuntimeJobMaxTimeoutError, RuntimeJobFailureError):
    """The job ran longer than it was allowed to, and so it failed."""


class RuntimeJobCancelledError(RuntimeJobFailureError, RuntimeInvalidStateError):
    """The job was cancelled, so it has no result."""


class StrangeworksRuntimeJob(RuntimeJobV2):
    """A job, named by its slug.

    Making one asks nobody: the platform is asked at the first question about the job. It has all
    that ``RuntimeJobV2`` has; what Strangeworks documents otherwise is here.

    Args:
        job_slug: The job's slug; on other transports than Strangeworks its id.
        service: The service that has it; None for ``StrangeworksQiskitRuntimeService()``.
        backend: The name of its backend, if it is known.
        params: The parameters that it was submitted with, if they are known.
        session_id: Its session, for a platform that does not tell.
        tags: Its tags, if they are known.

    Raises:
        IBMInputValueError: *job_slug* is no slug, or *service* no service.
    """

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        job_slug: Any,
        service: Any | None = None,
        backend: str | None = None,
        params: dict[str, Any] | None = None,
        session_id: str | None = None,
        tags: list[str] | None = None,
    ) -> None:
        # Not the constructor of RuntimeJobV2: what that sets is asked for by __getattr__.
        if not (isinstance(job_slug, str) and job_slug):
            msg = f"job_slug: must be the slug of a job, not {job_slug!r}"
            raise IBMInputValueError(msg, 400)
        if service is not None and not isinstance(service, QiskitRuntimeService):
            msg = f"service: must be a service of this package, not {service!r}"
            raise IBMInputValueError(msg, 400)
        self._job_slug = self._job_id = job_slug
        self._asked = False
        self._given_service = service
        self._given_backend = None if backend is None else str(getattr(backend, "name", backend))
        self._given_params = params
        self._given_session = session_id
        self._given_tags = tags

    @classmethod
    def _of(
        cls,
        service: Any,
        snapshot: Job,
        backend: Any = None,
        result_decoder: Any = None,
        version: int | None = None,
    ) -> Self:
        """Return the object for a job that was just looked at.

        Args:
            service: The service that has it.
            snapshot: The job.
            backend: The backend that it runs on; None to look it up when it is wanted.
            result_decoder: As for ``RuntimeJobV2``, like *version*.
            version: See *result_decoder*.
        """
        job = cls(snapshot.id, service)
        job._take(snapshot, backend, result_decoder, version)
        return job

    def _take(
        self,
        snapshot: Job,
        backend: Any = None,
        result_decoder: Any = None,
        version: int | None = None,
    ) -> None:
        self._asked = True
        service = self._service_of_it()
        client = service._get_api_client()  # noqa: SLF001 - the seam
        super().__init__(
            client,
            snapshot,
            backend=backend,
            service=service,
            result_decoder=result_decoder,
            version=version,
        )
        if backend is None:
            del self._backend  # until somebody wants it
        if self._given_tags is None:
            self._given_tags = list(snapshot.spec.tags)

    def __getattr__(self, name: str) -> Any:
        """Ask the platform for what the constructor left out, at the first question."""
        if name.endswith("_") or "_job_slug" not in vars(self):
            pass  # copies and notebooks look for methods that may be there, before anything is
        elif name == "_backend" and self._asked:
            self._backend = self._service._catalog.of_job(self._snapshot)  # noqa: SLF001 - ours
            return self._backend
        elif not self._asked and (name.startswith("_") or name == "metadata"):
            runtime = self._service_of_it().runtime
            with official_errors():
                snapshot = runtime.job(self._job_slug)
            self._take(snapshot)
            return getattr(self, name)
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(msg)

    def _service_of_it(self) -> Any:
        if self._given_service is None:
            from .service import StrangeworksQiskitRuntimeService

            self._given_service = StrangeworksQiskitRuntimeService()
        return self._given_service

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._job_slug!r}>"

    # --- what is documented --------------------------------------------------------------------

    @property
    def job_slug(self) -> str:
        """The job's slug."""
        return self._job_slug

    def job_id(self) -> str:
        """Return the id by which the service finds the job: its slug."""
        return self._job_slug

    def backend(self, timeout: float | None = None) -> Backend:  # noqa: ARG002 - official
        """Return the backend where the job runs, by its name; see ``Backend``.

        Args:
            timeout: Ignored: the backend is known from the beginning.

        Raises:
            RuntimeJobNotFound: There is no such job.
        """
        name = self._given_backend or self._snapshot.spec.backend
        return Backend(name, lambda: self._backend)

    @property
    def session_id(self) -> str | None:
        """The id of the session in which the job runs; None outside sessions."""
        return self._snapshot.spec.session_id or self._given_session

    @property
    def tags(self) -> list[str]:
        """The job's tags."""
        if self._given_tags is None:
            self._given_tags = list(self._snapshot.spec.tags)
        return self._given_tags

    def update_tags(self, new_tags: list[str]) -> list[str]:
        """Replace the job's tags and return them; see ``RuntimeJobV2``."""
        self._given_tags = super().update_tags(new_tags)
        return self._given_tags

    @property
    def inputs(self) -> dict[str, Any]:
        """The parameters that the job was submitted with."""
        return super().inputs if self._given_params is None else self._given_params

    def status(self) -> JobStatus:
        """Return where the job is in its life.

        Raises:
            RuntimeJobNotFound: There is no such job (any more).
        """
        return _JOB_STATUSES[super().status()]

    def cancelled(self) -> bool:
        """Return whether the job was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def done(self) -> bool:
        """Return whether the job has ended well."""
        return self.status() is JobStatus.DONE

    def errored(self) -> bool:
        """Return whether the job has failed."""
        return self.status() is JobStatus.ERROR

    def running(self) -> bool:
        """Return whether the job is running."""
        return self.status() is JobStatus.RUNNING

    def in_final_state(self) -> bool:
        """Return whether the job has ended, well or not."""
        return self._refresh().state.ended

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
            RuntimeJobMaxTimeoutError: The time is over and the job goes on (the error is a
                ``RuntimeJobTimeoutError`` too), or the job ran longer than it was allowed to (it
                is a ``RuntimeJobFailureError`` too).
            RuntimeJobFailureError: The job failed, or it was cancelled (the error is a
                ``RuntimeInvalidStateError`` too).
            RuntimeJobNotFound: There is no such job (any more).
            IBMRuntimeError: The result cannot be decoded.
        """
        try:
            return super().result(timeout, decoder, poll_interval)
        except RuntimeJobTimeoutError as error:
            _again(RuntimeJobWaitTimeoutError, error)
        except RuntimeJobMaxTimeoutError as error:
            _again(RuntimeJobRanTooLongError, error)
        except RuntimeInvalidStateError as error:
            _again(RuntimeJobCancelledError, error)

    def interim_results(self, decoder: Any = None) -> list[Any]:
        """Return what the job has published so far, in order; it is kept after the job's end.

        Args:
            decoder: As for ``result``.

        Raises:
            RuntimeJobFailureError: The job failed, as is documented. ``stream()`` has what it has
                published before.
            RuntimeJobNotFound: There is no such job (any more).
            IBMRuntimeError: The transport tells no interim results, or one cannot be decoded.
        """
        if self.errored():
            self._raise_for_state()
        return super().interim_results(decoder)

    def sdk_job(self) -> Any:
        """Return the job as it is now, as a record of the SDK.

        It has what ``strangeworks.jobs()`` has: the platform's status, files, child jobs, tags. A
        status that the SDK does not know is None, and stands in ``remote_status``.

        Raises:
            RuntimeJobNotFound: There is no such job (any more).
            IBMRuntimeError: The transport is not Strangeworks, the SDK is not installed, or it
                cannot hold what the platform tells.
        """
        return ask_for_record(self._service_of_it().runtime, "sdk_job", self._job_slug)


def _again(kind: Any, error: Any) -> NoReturn:
    """Raise the same as the type that Strangeworks documents."""
    raise kind(error.message, error.status_code) from error.__cause__
