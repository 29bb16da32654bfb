"""The port to a quantum platform, made of four smaller ones and the account.

What every method promises unless it says otherwise:

* All methods are coroutines on the loop on which the transport was made, safe to call from many
  tasks at once. A transport is bound to one ``Principal``: an id of another instance answers as
  not found.
* Times are aware UTC datetimes, durations seconds, sizes bytes.
* ``InvalidInputError``, ``NotFoundError``, ``StateConflictError``, ``LimitExceededError`` and
  ``AccessDeniedError`` mean that the platform changed nothing. So does ``UnreachableError``.
  After ``OutcomeUnknownError`` a command may have happened. ``ProtocolError`` says that an answer
  cannot be true. ``ClosedError`` follows the use of a closed transport.
* What ``capabilities`` denies raises ``UnsupportedOperation`` and asks nothing of the platform.
* Queries change nothing.
* Cancelling the awaiting task stops waiting at once; a command that had left may have happened.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.model.usage import InstanceUsage

__all__ = [
    "AccountPort",
    "BackendCatalog",
    "JobPort",
    "ProgramPort",
    "RuntimeTransport",
    "SessionPort",
    "TransportFactory",
    "WrapperFactory",
]


class BackendCatalog(Protocol):
    """What there is to run on."""

    async def backends(self) -> tuple[Backend, ...]:
        """Return every backend of the instance, by name. Loads no device description."""
        ...

    async def backend(self, name: str) -> Backend:
        """Return one backend.

        Raises:
            BackendNotFoundError: There is none of that name; the error lists near names.
        """
        ...

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return the configuration document as JSON text (REST: ``/backends/{id}/configuration``).

        Raises:
            BackendNotFoundError: There is no such backend.
            InvalidInputError: There is no such calibration.
        """
        ...

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """Return the properties document as JSON text, or None if the backend has none.

        REST: ``/backends/{id}/properties``.

        Raises:
            BackendNotFoundError: There is no such backend.
            InvalidInputError: There is no such calibration, or none that old.
        """
        ...

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return the pulse defaults as JSON text, or None (REST: ``/backends/{id}/defaults``).

        Raises:
            BackendNotFoundError: There is no such backend.
        """
        ...


class SessionPort(Protocol):
    """Sessions and batches."""

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """Open a session or batch.

        Args:
            spec: What to open.
            key: The caller's name for this opening, 1 to 64 ASCII characters. Where
                ``capabilities.idempotent_open`` holds, the same key with the same spec returns
                the first session and opens no other one.

        Raises:
            BackendNotFoundError: There is no such backend.
            AccessDeniedError: The plan does not allow this mode (code 1352).
            IdempotencyConflictError: The key stands for another spec.
            OutcomeUnknownError: No answer came: a session may be open.
        """
        ...

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now.

        Raises:
            SessionNotFoundError: There is none of that id here.
        """
        ...

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """Return a page of the sessions and batches that match."""
        ...

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs; accepted ones still run, and it closes after the last.

        Doing so again, or to a closed session, changes nothing and is no error.

        Raises:
            SessionNotFoundError: There is none of that id here.
        """
        ...

    async def cancel_session(self, session_id: str) -> None:
        """Close it now: queued jobs do not run, running ones finish.

        Doing so again, or to a closed session, changes nothing and is no error.

        Raises:
            SessionNotFoundError: There is none of that id here.
        """
        ...


class JobPort(Protocol):
    """Jobs. Parameters and results are opaque bytes."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job.

        Args:
            spec: What to run, where, and how.
            params: The exact UTF-8 JSON text of the parameters; it comes back identical.
            key: The caller's name for this submission, 1 to 64 ASCII characters. Where
                ``capabilities.idempotent_submit`` holds, the same key with the same content
                returns the first job and queues no second one.

        Returns:
            The queued job (or, for a repeated key, the first one as it is now).

        Raises:
            BackendNotFoundError: There is no such backend.
            ProgramNotFoundError: There is no such program.
            SessionNotFoundError: There is no such session.
            SessionClosedError: The session takes no new jobs.
            InvalidInputError: Something in *spec* cannot be.
            PayloadTooLargeError: *params* are over the limit.
            LimitExceededError: Too many jobs are pending (code 3458).
            IdempotencyConflictError: The key stands for another content.
            OutcomeUnknownError: No answer came, and looking for the key did not settle it.
        """
        ...

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now.

        Raises:
            JobNotFoundError: There is none of that id here, or it was deleted.
        """
        ...

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return a page of the jobs that match."""
        ...

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        """Wait until a job has ended, and return it.

        Thousands may be awaited at once; they share whatever asking it takes.

        Args:
            job_id: The job.
            timeout: Seconds, or None for ever. Zero asks once.

        Raises:
            JobNotFoundError: There is none of that id here, or it was deleted meanwhile.
            WaitTimeoutError: The time is over; the job goes on.
        """
        ...

    async def params(self, job_id: str) -> bytes:
        """Return the parameters as they were submitted, in every state; ``{}`` for private jobs.

        Raises:
            JobNotFoundError: There is none of that id here.
            PayloadTooLargeError: They are over ``capabilities.max_params_bytes``.
        """
        ...

    async def result(self, job_id: str) -> bytes | None:
        """Return the result's exact text, or None if there is none (REST: 204).

        A failed job may have one: its traceback. A private job's result is given once.

        Raises:
            JobNotFoundError: There is none of that id here.
            PayloadTooLargeError: It is over ``capabilities.max_result_bytes``.
        """
        ...

    async def logs(self, job_id: str) -> str:
        """Return the job's log; it is complete only after the job has ended.

        Raises:
            JobNotFoundError: There is none of that id here.
        """
        ...

    async def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about the job's run.

        Raises:
            JobNotFoundError: There is none of that id here.
        """
        ...

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return what the job has published from a position on; it is kept after the job's end.

        Whoever asks again from ``next`` until ``complete`` gets everything in order, each once,
        however late it asks. What a private job has published goes with its result.

        Args:
            job_id: The job.
            start: The first position wanted, counted from 0.
            limit: The most results to return, 1 to 200; fewer if they are large.
            timeout: For how many seconds to wait for a first one, or None for ever. The wait
                ends with the job. When it is over, the answer has no results.

        Raises:
            JobNotFoundError: There is none of that id here, or it was deleted meanwhile.
            InvalidInputError: *start* or *limit* is out of range.
        """
        ...

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job.

        Raises:
            JobNotFoundError: There is none of that id here.
            JobEndedError: It has ended already (REST: 409).
        """
        ...

    async def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended, with its parameters, result and logs.

        Raises:
            JobNotFoundError: There is none of that id here.
            JobNotEndedError: It is queued or running.
        """
        ...

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        """Replace the job's tags.

        Raises:
            JobNotFoundError: There is none of that id here.
            InvalidInputError: Too many (code 1204) or too long (code 1205).
        """
        ...


class ProgramPort(Protocol):
    """What jobs can run.

    A program that was uploaded is private to the principal who did: to everybody else, other
    users of the instance included, it does not exist until it is published. After that everybody
    may run it and only its owner may change it. A job runs the source that the program had when
    the job was accepted, whatever becomes of the program.
    """

    async def programs(self, query: ProgramQuery) -> Page[Program]:
        """Return a page of the programs that this principal may run and that match, by id."""
        ...

    async def program(self, program_id: str) -> Program:
        """Return one program.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal.
        """
        ...

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        """Upload a program.

        Args:
            spec: What it is. A public one is published at once.
            source: UTF-8 Python source, up to 1 MiB, with a function
                ``main(backend, user_messenger, **kwargs)``.
            key: The caller's name for this upload, 1 to 64 ASCII characters. Where
                ``capabilities.idempotent_submit`` holds, the same key with the same content
                returns the first program and adds no other one.

        Raises:
            InvalidInputError: The source cannot be, or a schema is none.
            PayloadTooLargeError: The source is over the limit.
            IdempotencyConflictError: The key stands for another content.
            OutcomeUnknownError: No answer came: the program may be there.
        """
        ...

    async def program_source(self, program_id: str) -> bytes:
        """Return the source of a program of one's own, byte by byte.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal.
            AccessDeniedError: It is somebody else's, or built in.
        """
        ...

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """Change the metadata of a program of one's own; doing so again changes nothing.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal.
            AccessDeniedError: It is somebody else's, or built in.
            InvalidInputError: A schema is none.
        """
        ...

    async def replace_program(self, program_id: str, source: bytes) -> None:
        """Change the source of a program of one's own; doing so again changes nothing.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal.
            AccessDeniedError: It is somebody else's, or built in.
            InvalidInputError: The source cannot be.
            PayloadTooLargeError: It is over the limit.
        """
        ...

    async def publish_program(self, program_id: str, *, public: bool) -> None:
        """Let everybody see and run a program of one's own, or nobody else any more.

        Doing so again changes nothing. Jobs of others that were accepted still run.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal.
            AccessDeniedError: It is somebody else's, or built in.
        """
        ...

    async def delete_program(self, program_id: str) -> None:
        """Remove a program of one's own. Jobs that were accepted still run.

        Raises:
            ProgramNotFoundError: There is none of that id for this principal, any more.
            AccessDeniedError: It is somebody else's, or built in.
        """
        ...


class AccountPort(Protocol):
    """Who pays."""

    async def instances(self) -> tuple[Instance, ...]:
        """Return the instances that this user can reach, the bound one among them."""
        ...

    async def usage(self) -> InstanceUsage:
        """Return what the bound instance has used (REST: ``/instances/usage``)."""
        ...


class RuntimeTransport(BackendCatalog, SessionPort, JobPort, ProgramPort, AccountPort, Protocol):
    """Everything that swqr asks of a platform."""

    @property
    def capabilities(self) -> Capabilities:
        """What this transport can do; it never changes."""
        ...

    @property
    def principal(self) -> Principal:
        """Whom it acts for."""
        ...

    async def aclose(self) -> None:
        """Release everything. Waiting calls raise ``ClosedError``; closing twice is fine.

        It may be called while the interpreter ends, when no new thread can be started any more.
        """
        ...


class TransportFactory(Protocol):
    """What an entry point of the group ``swqr.transports`` names.

    It is called on the loop on which the transport will be used.
    """

    async def __call__(self, location: str, settings: Mapping[str, str]) -> RuntimeTransport:
        """Make a transport.

        Args:
            location: What stands in the URL behind ``//`` and before ``?``.
            settings: The settings behind ``?``, or those of a profile.

        Raises:
            ConfigurationError: A setting is unknown or cannot be used; the error names it.
            MissingExtraError: A package is not installed.
        """
        ...


class WrapperFactory(Protocol):
    """What an entry point of the group ``swqr.wrappers`` names.

    It is called on the loop on which the transport is used.
    """

    async def __call__(
        self, inner: RuntimeTransport, settings: Mapping[str, str]
    ) -> RuntimeTransport:
        """Make a transport around another one; closing it closes that one.

        Args:
            inner: The transport underneath.
            settings: The wrapper's settings, from a profile or a URL.

        Raises:
            ConfigurationError: A setting is unknown or cannot be used; the error names it.
        """
        ...
