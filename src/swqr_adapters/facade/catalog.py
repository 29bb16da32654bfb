"""The backends of a service: how they are found, and what was made of them once."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.providerutils import filter_backends

from swqr_core.errors import BackendNotFoundError
from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.job import Job
from swqr_core.runtime.blocking import Runtime

from . import contract
from .backend import IBMBackend, backend_from
from .client import PortClient
from .errors import IBMInputValueError, official_errors
from .errors import QiskitBackendNotFoundError as OurBackendNotFoundError

__all__ = ["MOCK", "BackendMethods", "Catalog"]

MOCK: Final = "mock_"
_FRACTIONAL: Final = frozenset({"rx", "rzz"})
"""The gates that only a backend with fractional gates has."""


class Catalog:
    """What official objects a service has made for its backends.

    Args:
        client: The instance's client.
        service: The service that the backends belong to.
    """

    def __init__(self, client: PortClient, service: object) -> None:
        self._client, self._service = client, service
        self._made: dict[tuple[str, bool | None, str | None], IBMBackend] = {}

    def listing(self, name: str | None) -> tuple[Backend, ...]:
        """Return the backends of that name, one or none, or all of them."""
        if name is None:
            return self._client.runtime.backends()
        try:
            return (self._client.runtime.backend(name),)
        except BackendNotFoundError:
            return ()

    def official(
        self,
        listed: Backend,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> IBMBackend:
        """Return the official object for a backend; making one takes milliseconds.

        Raises:
            QiskitBackendNotFoundError: There is none, or its configuration cannot be read.
        """
        key = (str(listed.name), use_fractional_gates, calibration_id)
        known = self._made.get(key)
        if known is None:
            qubits = listed.extra.get("physical_qubits")
            made = backend_from(
                self._client,
                self._service,
                listed.name,
                use_fractional_gates=use_fractional_gates,
                calibration_id=calibration_id,
                physical_qubits=qubits if isinstance(qubits, int) else None,
                is_mock=listed.is_mock,
            )
            known = self._made.setdefault(key, made)
        return known

    def of_job(self, job: Job) -> Any:
        """Return the backend of a job, as a retired one if it is not there any more."""
        try:
            listed = Backend(name=job.spec.backend, num_qubits=1)
            return self.official(listed, calibration_id=job.spec.calibration_id)
        except QiskitBackendNotFoundError:
            return contract.IBMRetiredBackend.from_name(backend_name=job.spec.backend, api=None)

    def mock_of(self, backend: Any) -> Any:
        """Return the mock device that stands for a backend in dry runs.

        Raises:
            QiskitBackendNotFoundError: There is none.
        """
        if backend.name.startswith(MOCK):
            return backend
        name = re.sub(r"^[^_]+", "mock", backend.name)
        try:
            return self.official(self._client.runtime.backend(name))
        except BackendNotFoundError as error:
            msg = (
                f"Unable to use `dry_run` mode: backend {name!r} was not found. This transport "
                "has no mock device for it; run on the backend itself."
            )
            raise OurBackendNotFoundError(msg, 404) from error


class BackendMethods:
    """A part of ``QiskitRuntimeService``."""

    _catalog: Catalog
    _check_instance: Any

    if TYPE_CHECKING:

        @property
        def runtime(self) -> Runtime:
            """The runtime underneath."""
            ...

    def backend(
        self,
        name: Any,
        instance: str | None = None,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> IBMBackend:
        """Return one backend; the same object for the same question.

        Args:
            name: Its name.
            instance: The CRN or name of the instance; only the service's own is possible.
            use_fractional_gates: Whether the backend has gates such as ``rx`` and ``rzz``; None for
                all gates that it has.
            calibration_id: The calibration to use.

        Raises:
            QiskitBackendNotFoundError: There is none of that name; the error lists near ones.
            IBMInputValueError: It has no fractional gates and they are asked for, or there is no
                such calibration or instance.
        """
        self._check_instance(instance)
        if not (isinstance(name, str) and name):
            msg = f"name: must be the name of a backend, not {name!r}; service.backends() has them"
            raise IBMInputValueError(msg, 400)
        with official_errors():
            listed = self.runtime.backend(name)
        found = self._catalog.official(listed, use_fractional_gates, calibration_id)
        if use_fractional_gates and not _FRACTIONAL & set(found.basis_gates):
            msg = (
                f"Backend {name!r} does not support fractional gates, "
                "but use_fractional_gates was set to True."
            )
            raise IBMInputValueError(msg, 400)
        return found

    def backends(
        self,
        name: str | None = None,
        min_num_qubits: int | None = None,
        instance: str | None = None,
        dynamic_circuits: bool | None = None,
        filters: Callable[[Any], bool] | None = None,
        *,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
        include_mocks: bool = False,
        **kwargs: Any,
    ) -> list[IBMBackend]:
        """Return all backends that meet every condition that is given.

        Args:
            name: That name.
            min_num_qubits: At least that many qubits.
            instance: The CRN or name of the instance; only the service's own is possible.
            dynamic_circuits: Whether it supports dynamic circuits.
            filters: Any condition on a backend.
            use_fractional_gates: As for ``backend``.
            calibration_id: As for ``backend``.
            include_mocks: Whether devices for dry runs are among them.
            **kwargs: Attributes of the configuration or the status, and the value of each.

        Raises:
            IBMInputValueError: There is no such instance or calibration.
        """
        self._check_instance(instance)
        with official_errors():
            listed = self._catalog.listing(name)
        found = []
        for one in listed:
            if (one.is_mock and not include_mocks) or one.num_qubits < (min_num_qubits or 0):
                continue
            try:
                backend = self._catalog.official(one, use_fractional_gates, calibration_id)
            except QiskitBackendNotFoundError:
                continue  # retired meanwhile, or beyond what this client can read
            features = getattr(backend.configuration(), "supported_features", None) or ()
            if dynamic_circuits in {None, "dynamic_circuits" in features}:
                found.append(backend)
        return filter_backends(found, filters=filters, **kwargs)  # type: ignore[no-any-return]

    def least_busy(
        self,
        min_num_qubits: int | None = None,
        instance: str | None = None,
        filters: Callable[[Any], bool] | None = None,
        use_fractional_gates: bool | None = False,
        **kwargs: Any,
    ) -> IBMBackend:
        """Return the online backend with the fewest waiting jobs that meets every condition.

        Args:
            min_num_qubits: As for ``backends``, like *instance* and *filters*.
            instance: See *min_num_qubits*.
            filters: See *min_num_qubits*.
            use_fractional_gates: As for ``backend``; True leaves out what has none.
            **kwargs: As for ``backends``.

        Raises:
            QiskitBackendNotFoundError: None meets them.
            IBMInputValueError: There is no such instance.
        """
        self._check_instance(instance)
        calibration_id = kwargs.pop("calibration_id", None)
        dynamic_circuits = kwargs.pop("dynamic_circuits", None)
        include_mocks = kwargs.pop("include_mocks", False)
        with official_errors():
            listed = self._catalog.listing(kwargs.pop("name", None))
        for one in sorted(listed, key=lambda backend: backend.queue_length):
            if one.status is not BackendStatus.ONLINE or (one.is_mock and not include_mocks):
                continue
            found = self.backends(
                one.name,
                min_num_qubits,
                dynamic_circuits=dynamic_circuits,
                filters=filters,
                use_fractional_gates=use_fractional_gates,
                calibration_id=calibration_id,
                include_mocks=include_mocks,
                **kwargs,
            )
            if found and (not use_fractional_gates or _FRACTIONAL & set(found[0].basis_gates)):
                return found[0]
        msg = (
            "No backend matches the criteria. service.backends() lists what there is; loosen "
            "min_num_qubits, filters or the other conditions."
        )
        raise OurBackendNotFoundError(msg, 404)
