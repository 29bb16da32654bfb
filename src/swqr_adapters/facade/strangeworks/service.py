"""The service that Strangeworks documents."""

from collections.abc import Callable, Mapping
from typing import Any

from swqr_adapters.facade.backend import IBMBackend
from swqr_adapters.facade.errors import IBMInputValueError, official_errors
from swqr_adapters.facade.job import Callback, options_of
from swqr_adapters.facade.service import Account, QiskitRuntimeService
from swqr_core.model.job import Job
from swqr_core.runtime.blocking import Runtime

from .sw_runtime_job import StrangeworksRuntimeJob
from .target import connect

__all__ = ["StrangeworksQiskitRuntimeService"]


class StrangeworksQiskitRuntimeService(QiskitRuntimeService):
    """The documented service, on Strangeworks or on any other transport.

    It has all that ``QiskitRuntimeService`` has, so official primitives and sessions work with it;
    what Strangeworks documents otherwise is here. Making one asks nobody and prints nothing.

    Args:
        resource_slug: The slug of the resource to use; it wins over *channel*. On other transports
            than Strangeworks it is the instance.
        channel: ``ibm_cloud`` or ``ibm_quantum`` for a resource of that product, ``local`` for the
            in-memory cloud.
        transport: A profile's name, or the URL of a transport, for example ``memory://?seed=7``;
            if neither this nor *runtime* is given, the active profile, or else Strangeworks.
        runtime: A runtime that the caller made, and closes, instead.

    Raises:
        IBMInputValueError: A value cannot be, both *transport* and *runtime* are given, or the
            runtime is bound to another instance than *resource_slug*.
        ConfigurationError: There is no such profile or transport. What else is wrong about it shows
            at the first question, as an ``IBMRuntimeError``.
    """

    def __init__(
        self,
        resource_slug: str | None = None,
        channel: str | None = "ibm_cloud",
        *,
        transport: str | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        connection = connect(resource_slug, channel, transport, runtime)
        # A transport of ours is bound to the resource by its settings, without being asked.
        bound = None if runtime is None else resource_slug
        self._begin(connection, Account(channel=str(channel)), bound)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self.runtime!r}>"  # whose answer asks nobody

    def _job(
        self,
        job: Job,
        backend: Any = None,
        result_decoder: Any = None,
        version: int | None = None,
    ) -> StrangeworksRuntimeJob:
        return StrangeworksRuntimeJob._of(  # noqa: SLF001 - the one other maker of jobs
            self, job, backend, result_decoder, version
        )

    # --- backends ------------------------------------------------------------------------------

    def backend(
        self,
        name: str | None = None,
        instance: str | None = None,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> IBMBackend:
        """Return one backend; the same object for the same question.

        Args:
            name: Its name; None for the least busy one.
            instance: The resource; only the service's own is possible.
            use_fractional_gates: Whether the backend has gates such as ``rx`` and ``rzz``; None for
                all gates that it has.
            calibration_id: The calibration to use.

        Raises:
            QiskitBackendNotFoundError: There is none of that name; the error lists near ones.
            IBMInputValueError: It has no fractional gates and they are asked for, or there is no
                such calibration or resource.
        """
        if name is None:
            return self.least_busy(
                instance=instance,
                use_fractional_gates=use_fractional_gates,
                calibration_id=calibration_id,
            )
        return super().backend(name, instance, use_fractional_gates, calibration_id)

    def backend_options(
        self,
        name: str | None = None,
        combined: Any = None,
        min_num_qubits: int | None = None,
        instance: str | None = None,
        filters: Callable[[Any], bool] | None = None,
        **kwargs: Any,
    ) -> list[IBMBackend]:
        """Return all backends that meet every condition that is given.

        Args:
            name: That name.
            combined: Options of a primitive. They say nothing about backends and change nothing.
            min_num_qubits: At least that many qubits.
            instance: The resource; only the service's own is possible.
            filters: Any condition on a backend.
            **kwargs: Attributes of the configuration or the status, and the value of each.

        Raises:
            IBMInputValueError: There is no such resource, or *combined* is no mapping.
        """
        if not isinstance(combined, Mapping | None):
            msg = f"combined: must be a dictionary of options, not {combined!r}"
            raise IBMInputValueError(msg, 400)
        return self.backends(name, min_num_qubits, instance, filters=filters, **kwargs)

    # --- jobs ----------------------------------------------------------------------------------

    def job(self, job_id: str) -> StrangeworksRuntimeJob:
        """Return one job.

        Args:
            job_id: Its slug.

        Raises:
            RuntimeJobNotFound: There is none of that id.
            IBMRuntimeError: The platform could not be asked.
        """
        with official_errors():
            return self._job(self.runtime.job(job_id))

    def jobs(
        self, limit: int | None = None, *args: Any, **conditions: Any
    ) -> list[StrangeworksRuntimeJob]:
        """Return the jobs that meet every condition that is given, and all if none is.

        Args:
            limit: The most jobs to return; None or 0 for all.
            *args: Further conditions, as for ``QiskitRuntimeService.jobs``: ``skip``,
                ``backend_name``, ``pending``, ``program_id``, ``instance``, ``job_tags``,
                ``session_id``, ``created_after``, ``created_before``, ``descending``.
            **conditions: The same by name.

        Raises:
            IBMInputValueError: A condition cannot be.
        """
        return super().jobs(limit, *args, **conditions)

    def run(  # type: ignore[override] # noqa: PLR0917 - the documented signature
        self,
        program_id: str,
        inputs: dict[str, Any],
        options: dict[str, Any] | None = None,
        callback: Callback | None = None,
        result_decoder: Any = None,
        session_id: str | None = None,
        start_session: bool | None = False,
    ) -> StrangeworksRuntimeJob:
        """Run a program.

        Args:
            program_id: The program, for example ``sampler``.
            inputs: Its parameters.
            options: Runtime options: ``backend`` (a backend or its name; not needed in a session),
                ``job_tags``, ``max_execution_time``, ``log_level``, ``private``, ``image``,
                ``session_time``.
            callback: Called from a thread of its own with the job's id and each interim result, if
                the transport tells them, and then its result.
            result_decoder: A decoder class, or several, instead of the program's own.
            session_id: The session to run it in.
            start_session: Whether to open a session for it, of ``session_time`` seconds if that is
                given. ``StrangeworksSession.from_id(job.session_id, service)`` has it.

        Returns:
            The submitted job.

        Raises:
            IBMInputValueError: Something in the inputs or options cannot be.
            RuntimeProgramNotFound: There is no such program.
            IBMRuntimeError: The job could not be submitted.
        """
        options = options_of(options)
        return super().run(
            program_id,
            inputs,
            options,
            callback,
            result_decoder,
            session_id=session_id,
            start_session=bool(start_session),
            session_time=options.get("session_time"),
        )
