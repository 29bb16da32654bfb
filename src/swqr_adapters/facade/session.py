"""Sessions and batches, in the official form and in the older one that is still documented."""

from typing import Any, ClassVar, Self

from swqr_core.errors import InvalidInputError, SessionClosedError
from swqr_core.model.duration import parse_seconds
from swqr_core.model.timeline import Timeline

from . import contract
from .errors import IBMInputValueError, IBMRuntimeError, official_error, official_errors
from .job import Callback, call_back, options_of

__all__ = ["Batch", "Session"]


class Session(contract.Session):
    """A session: jobs that run one after the other, with the backend for themselves.

    Two forms are accepted: the current one, ``Session(backend, max_time)``, and the older one,
    ``Session(service, backend, max_time)``. Leaving a ``with`` block closes the session, whatever
    happened in it: jobs that were accepted still run.

    Args:
        service: The service of *backend*; may be left out, also by position: then it is the
            backend's own, or ``QiskitRuntimeService()`` for a name.
        backend: The backend, or its name.
        max_time: The longest time from the first job's start to the session's end: seconds, or
            text such as ``"2h 30m 40s"``.
        create_new: Whether to open a session; False for one that exists already.

    Raises:
        IBMInputValueError: *max_time* is no time, or the backend is missing or of another service.
        QiskitBackendNotFoundError: There is no backend of that name.
        ValueError: *backend* is no backend.
    """

    mode: ClassVar[str] = "dedicated"

    def __init__(
        self,
        service: Any = None,
        backend: Any = None,
        max_time: int | str | None = None,
        *,
        create_new: bool | None = True,
    ) -> None:
        if service is not None and not isinstance(service, contract.QiskitRuntimeService):
            # The current form: what stands first is the backend, and then comes the time.
            if backend is not None and max_time is not None:
                msg = f"service: must be a QiskitRuntimeService, not {type(service).__name__}"
                raise IBMInputValueError(msg, 400)
            service, backend, max_time = None, service, backend if max_time is None else max_time
        super().__init__(
            backend=_backend(service, backend),
            max_time=_seconds(max_time),
            create_new=create_new,
        )
        ours = isinstance(self._backend, contract.IBMBackend)
        if create_new and ours and self.session_id is None:
            # Official code is silent here, and would run the jobs outside any session.
            msg = (
                f"backend {self._backend.name!r} opens no session: its configuration says that it "
                "is a simulator; run jobs on the backend itself"
            )
            raise IBMRuntimeError(msg)

    @classmethod
    def from_id(
        cls,
        session_id: str,
        service: Any,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> Self:
        """Return a session or batch that exists.

        Args:
            session_id: Its id.
            service: The service that has it.
            use_fractional_gates: As for ``service.backend``.
            calibration_id: As for ``service.backend``.

        Raises:
            IBMInputValueError: There is none of that id, or it is of the other mode.
            IBMRuntimeError: Its backend is not known yet.
        """
        if not isinstance(service, contract.QiskitRuntimeService):
            msg = f"service: must be a QiskitRuntimeService, not {service!r}"
            raise IBMInputValueError(msg, 400)
        client = service._get_api_client()  # noqa: SLF001 - the seam
        document = client.session_details(session_id)
        if document["mode"] != cls.mode:
            msg = f"{session_id} has the mode {document['mode']!r}, not {cls.mode!r}"
            raise IBMInputValueError(msg, 400)
        if not document["backend_name"]:
            msg = f"the backend of session {session_id} is not known yet: run a job in it first"
            raise IBMRuntimeError(msg)
        backend = service.backend(
            document["backend_name"],
            use_fractional_gates=use_fractional_gates,
            calibration_id=calibration_id,
        )
        session = cls(backend=backend, create_new=False)
        session._session_id = document["id"]
        session._active = document["state"] != "closed"
        return session

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        if not self._active:  # the official message names neither the session nor a way out
            closed = SessionClosedError(str(self.session_id), "closed")
            raise official_error(closed, f"The session is closed. {closed}") from closed
        return super()._run(*args, **kwargs)

    def run(
        self,
        program_id: str,
        inputs: dict[str, Any],
        options: dict[str, Any] | None = None,
        callback: Callback | None = None,
        result_decoder: Any = None,
    ) -> Any:
        """Run a program in the session.

        Args:
            program_id: The program, for example ``sampler``.
            inputs: Its parameters.
            options: Runtime options: ``job_tags``, ``max_execution_time``, ``log_level``,
                ``private``, ``image``.
            callback: Called from a thread of its own with the job's id and each interim result, if
                the transport tells them, and then its result. What it raises is logged and ends
                the calls; so is that a job has no result.
            result_decoder: A decoder class, or several, instead of the program's own.

        Returns:
            The submitted job.

        Raises:
            IBMRuntimeError: The session is closed.
            IBMInputValueError: Something in the inputs or options cannot be.
        """
        job = self._run(
            program_id=program_id,
            inputs=inputs,
            options=options_of(options),
            result_decoder=result_decoder,
        )
        if callback is not None:
            call_back(job, callback)
        return job

    def timeline(self) -> Timeline:
        """Return a picture of the session's life so far; a notebook shows it by itself.

        Raises:
            IBMRuntimeError: There is no session (any more).
        """
        if self.session_id is None:
            msg = "there is no session to draw: the backend opens none"
            raise IBMRuntimeError(msg)
        client = self._service._get_api_client()  # noqa: SLF001 - the seam
        with official_errors():
            found: Timeline = client.runtime.attach_session(self.session_id).timeline()
        return found


class Batch(Session, contract.Batch):
    """A batch: independent jobs that run side by side, ahead of others.

    It takes what ``Session`` takes.
    """

    mode: ClassVar[str] = "batch"


def _backend(service: Any, backend: Any) -> Any:
    """Return the backend that is meant."""
    if backend is None:
        msg = "backend: none was given; pass a backend or its name"
        raise IBMInputValueError(msg, 400)
    if isinstance(backend, str):
        if service is None:
            from .service import QiskitRuntimeService

            service = QiskitRuntimeService()
        return service.backend(backend)
    owner = getattr(backend, "service", None)
    if service is not None and owner is not None and _cloud(owner) is not _cloud(service):
        msg = f"backend {backend.name!r} is of another service: get it from this one"
        raise IBMInputValueError(msg, 400)
    return backend


def _cloud(service: Any) -> Any:
    """Return what tells whether two services are views of one cloud."""
    client = service._get_api_client()  # noqa: SLF001 - the seam
    return getattr(client, "runtime", client)


def _seconds(max_time: object) -> int | None:
    if max_time is None:
        return None
    if not isinstance(max_time, int | float | str):
        problem = InvalidInputError("max_time", f"must be seconds or text, not {max_time!r}")
        with official_errors():
            raise problem
    with official_errors():
        return parse_seconds(max_time)
