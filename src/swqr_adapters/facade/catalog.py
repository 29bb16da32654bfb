"""The backends of a service, made once and kept."""

import re
from typing import Any, Final

from qiskit.providers.exceptions import QiskitBackendNotFoundError

from swqr_core.errors import BackendNotFoundError
from swqr_core.model.backend import Backend
from swqr_core.model.job import Job

from . import contract
from .backend import IBMBackend, backend_from
from .client import PortClient
from .errors import QiskitBackendNotFoundError as OurBackendNotFoundError

__all__ = ["FRACTIONAL", "MOCK", "Catalog"]

MOCK: Final = "mock_"
FRACTIONAL: Final = frozenset({"rx", "rzz"})
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
