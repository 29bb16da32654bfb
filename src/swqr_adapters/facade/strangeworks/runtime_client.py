"""The low-level client that Strangeworks documents: dictionaries instead of objects."""

from collections.abc import Mapping
from datetime import datetime as python_datetime
from typing import Any

from attrs import evolve

from swqr_adapters.codec.official import encode_params
from swqr_adapters.facade import contract
from swqr_adapters.facade.client import PortClient, closed_if_unused
from swqr_adapters.facade.errors import IBMInputValueError, official_errors
from swqr_adapters.facade.queries import job_query
from swqr_adapters.wire import ibm
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import MAX_PAGE
from swqr_core.runtime.blocking import Runtime

from .records import ask_for_record
from .target import connect

__all__ = ["StrangeworksRuntimeClient"]


class StrangeworksRuntimeClient(PortClient, contract.low_level_client()):  # type: ignore[misc]
    """A client of one resource; every answer is a dictionary in the words of IBM's interface.

    It has every method of the official low-level client, of which it takes nothing but the name.
    Making one asks nobody.

    Args:
        channel: As for ``StrangeworksQiskitRuntimeService``.
        rsc: The resource, a record of the SDK or its slug; it wins over *channel*.
        sdk_client: A client of the SDK whose key and address are used, so that several accounts can
            be used in one process; None for the SDK's configuration.
        transport: As for ``StrangeworksQiskitRuntimeService``.
        runtime: A runtime that the caller made, and closes, instead.
        **kwargs: Ignored: the official client takes parameters of its HTTP session here.

    Raises:
        IBMInputValueError: A value cannot be.
        ConfigurationError: There is no such profile or transport.
    """

    def __init__(
        self,
        channel: str,
        rsc: Any = None,
        sdk_client: Any = None,
        *,
        transport: str | None = None,
        runtime: Runtime | None = None,
        **kwargs: Any,  # noqa: ARG002 - see above
    ) -> None:
        slug = getattr(rsc, "slug", rsc)
        super().__init__(connect(slug, channel, transport, runtime, sdk_client))

    def close(self) -> None:
        """Give the runtime back, as ``StrangeworksQiskitRuntimeService.close`` does."""
        self._connection.release()

    @property
    def rsc(self) -> Any:
        """The resource on which everything is done, a record of the SDK, which asks the platform.

        Functions of the SDK take it: ``strangeworks.execute(client.rsc, ...)``.

        Raises:
            IBMRuntimeError: The transport is not Strangeworks, or the SDK is not installed.
        """
        return ask_for_record(self.runtime, "sdk_resource")

    # --- jobs ----------------------------------------------------------------------------------

    def program_run(  # noqa: PLR0917 - the documented signature
        self,
        program_id: str,
        backend_name: str | None,
        params: Mapping[str, Any],
        image: str | None,
        log_level: str | None,
        session_id: str | None,
        job_tags: list[str] | None = None,
        max_execution_time: int | None = None,
        start_session: bool | None = False,
        session_time: int | str | None = None,
        channel_strategy: str | None = None,
        *,
        hub: str | None = None,
        group: str | None = None,
        project: str | None = None,
        private: bool | None = False,
        calibration_id: str | None = None,
    ) -> dict[str, Any]:
        """Submit a job and return its document; ``id`` and ``slug`` name it.

        Args:
            program_id: The program.
            backend_name: The backend's name, or the backend; None inside a session.
            params: The program's parameters.
            image: The runtime image, ``name:tag``.
            log_level: For example ``WARNING``.
            session_id: The session to run it in.
            job_tags: The job's tags.
            max_execution_time: Seconds that it may take.
            start_session: Whether to open a session for it, unless *session_id* is given.
            session_time: That session's longest time: seconds, or text such as ``"1h"``.
            channel_strategy: None or ``default``; there is no other one.
            hub: With *group* and *project* the instance; only the client's own is possible.
            group: See *hub*.
            project: See *hub*.
            private: Whether parameters and result are kept from everybody else.
            calibration_id: The calibration to use.

        Raises:
            IBMInputValueError: A value cannot be.
            RuntimeProgramNotFound: There is no such program.
            QiskitBackendNotFoundError: There is no such backend.
            RuntimeInvalidStateError: The session takes no new jobs.
            IBMRuntimeError: The job could not be submitted.
        """
        self._check_instance(hub, group, project)
        if channel_strategy not in {None, "default"}:
            msg = f"channel_strategy: only 'default' is possible, not {channel_strategy!r}"
            raise IBMInputValueError(msg, 400)
        with official_errors():
            if backend_name is None and session_id is not None:
                backend_name = self.runtime.session(session_id).backend
            name = _backend_name(backend_name)
            spec = JobSpec(
                program_id=ProgramId(program_id),
                backend=BackendName(name),
                session_id=None if session_id is None else SessionId(session_id),
                tags=job_tags or (),
                max_execution_time=max_execution_time,
                log_level=log_level or "warning",
                private=bool(private),
                image=image or None,
                calibration_id=calibration_id,
            )
            encoded = encode_params(program_id, params)
            opened: str | None = None
            if start_session and session_id is None:
                opened = self.create_session(name, max_time=session_time)["id"]
                spec = evolve(spec, session_id=SessionId(opened))
            with closed_if_unused(self.runtime, opened):
                return _document(self.runtime.submit(spec, encoded).snapshot)

    def job_get(  # type: ignore[override] # the documented name
        self, job_slug: str, **kwargs: Any
    ) -> dict[str, Any]:
        """Return a job's document.

        Args:
            job_slug: The job's slug.
            **kwargs: ``exclude_params=False`` for the decoded parameters, too.

        Raises:
            RuntimeJobNotFound: There is no such job.
        """
        return {**super().job_get(job_slug, **kwargs), "slug": job_slug}

    def jobs_get(  # noqa: PLR0917 - the documented conditions
        self,
        limit: int | None = None,
        skip: int | None = None,
        backend_name: str | None = None,
        pending: bool | None = None,
        program_id: str | None = None,
        hub: str | None = None,
        group: str | None = None,
        project: str | None = None,
        job_tags: list[str] | None = None,
        session_id: str | None = None,
        created_after: python_datetime | None = None,
        created_before: python_datetime | None = None,
        descending: bool = True,
        include_mocks: bool = True,  # noqa: ARG002 - an official one: they are jobs like others
    ) -> dict[str, Any]:
        """Return the jobs that meet every condition that is given.

        Args:
            limit: The most jobs to return; None for all.
            skip: How many to leave out at the start.
            backend_name: On that backend.
            pending: Only those that are queued or running, or only those that have ended.
            program_id: Of that program.
            hub: With *group* and *project* the instance; only the client's own is possible.
            group: See *hub*.
            project: See *hub*.
            job_tags: With all of these tags.
            session_id: In that session or batch.
            created_after: Submitted then or later; local time unless the value has a time zone.
            created_before: Submitted then or earlier; likewise.
            descending: Newest first.
            include_mocks: Ignored.

        Returns:
            ``jobs``, ``count`` (how many match in all), ``offset`` and ``limit``.

        Raises:
            IBMInputValueError: A condition cannot be.
        """
        self._check_instance(hub, group, project)
        query = job_query(
            limit=limit,
            skip=skip,
            backend_name=backend_name,
            pending=pending,
            program_id=program_id,
            job_tags=job_tags,
            session_id=session_id,
            created_after=created_after,
            created_before=created_before,
            descending=descending,
        )
        offset = skip or 0
        jobs: list[Job] = []
        with official_errors():
            while True:
                left = limit - len(jobs) if limit else MAX_PAGE
                page = self.runtime.jobs(
                    evolve(query, offset=offset + len(jobs), limit=min(left, MAX_PAGE))
                )
                jobs += page
                if len(jobs) == limit or not page.items or offset + len(jobs) >= page.total:
                    break
        return {
            "jobs": [_document(job) for job in jobs],
            "count": page.total,
            "offset": offset,
            "limit": limit or len(jobs),
        }

    def job_delete(self, job_id: str) -> None:
        """Remove a job that has ended.

        Raises:
            RuntimeJobNotFound: There is no such job.
            RuntimeInvalidStateError: It is queued or running.
        """
        with official_errors():
            self.runtime.delete_job(job_id)

    # --- backends ------------------------------------------------------------------------------

    def backend_properties(
        self,
        backend_name: str,
        datetime: python_datetime | None = None,
        calibration_id: str | None = None,
        **_: Any,
    ) -> dict[str, Any] | None:
        """Return a backend's properties, which the caller may change, or None.

        Raises:
            NotImplementedError: *datetime* is given, as is documented.
            QiskitBackendNotFoundError: There is no such backend.
        """
        if datetime is not None:
            msg = (
                "datetime: this client knows the newest properties only; where the transport has "
                "older ones, service.backend(name).properties(datetime=...) returns them"
            )
            raise NotImplementedError(msg)
        self.forget_properties(backend_name)  # who asks here wants to know how things are now
        return super().backend_properties(backend_name, calibration_id=calibration_id)

    def backend_pulse_defaults(self, backend_name: str) -> dict[str, Any] | None:
        """Return a backend's pulse defaults, or None if it has none.

        Raises:
            QiskitBackendNotFoundError: There is no such backend.
        """
        with official_errors():
            text = self.runtime.backend_defaults(backend_name)
        return None if text is None else dict(ibm.load(text, f"pulse defaults of {backend_name}"))

    def list_backends(self, include_mocks: bool = False) -> list[dict[str, Any]]:
        """Return the listing of every backend."""
        with official_errors():
            listed = [b for b in self.runtime.backends() if include_mocks or not b.is_mock]
        return [ibm.backend_document(backend) for backend in listed]

    # --- sessions ------------------------------------------------------------------------------

    def create_session(  # type: ignore[override] # the documented order
        self,
        backend: str | None = None,
        instance: str | None = None,
        max_time: int | str | None = None,
        channel: str | None = None,  # noqa: ARG002 - the client has one
        mode: str | None = None,
        **extra: Any,
    ) -> dict[str, Any]:
        """Open a session and return its document; ``id`` names it.

        Args:
            backend: The backend's name, or the backend.
            instance: The resource; only the client's own is possible.
            max_time: The longest time from its first job's start to its end: seconds, or text such
                as ``"2m 5s"``; None for what the plan allows.
            channel: Ignored: the client has one.
            mode: ``dedicated``, which None stands for, or ``batch``.
            **extra: Further fields of the request.

        Raises:
            IBMInputValueError: A value cannot be.
            QiskitBackendNotFoundError: There is no such backend.
            IBMRuntimeError: No session could be opened.
        """
        self._check_bound(instance)
        return super().create_session(
            _backend_name(backend), max_time=max_time, mode=mode or "dedicated", **extra
        )

    # --- the account ---------------------------------------------------------------------------

    def cloud_usage(self) -> dict[str, Any]:
        """Return what the resource has used, in seconds, and its limits."""
        with official_errors():
            return ibm.usage_document(self.runtime.usage())

    usage = cloud_usage

    def _check_instance(self, hub: str | None, group: str | None, project: str | None) -> None:
        parts = (hub, group, project)
        if parts == (None, None, None):
            return
        if None in parts:
            msg = f"hub, group, project: give all of them or none, not {hub}, {group} and {project}"
            raise IBMInputValueError(msg, 400)
        self._check_bound("/".join(map(str, parts)))

    def _check_bound(self, instance: str | None) -> None:
        if instance is not None and instance != self.instance:
            msg = (
                f"instance {instance!r} is not the one of this client, which is "
                f"{self.instance!r}: make a client for it"
            )
            raise IBMInputValueError(msg, 404)


def _backend_name(backend: Any) -> str:
    name = getattr(backend, "name", backend)
    if not (isinstance(name, str) and name):
        msg = f"backend: must be the name of a backend, not {backend!r}; list_backends() has them"
        raise IBMInputValueError(msg, 400)
    return name


def _document(job: Job) -> dict[str, Any]:
    return {**ibm.job_document(job), "slug": job.id}
