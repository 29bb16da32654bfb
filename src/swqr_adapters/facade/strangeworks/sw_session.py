"""The session that Strangeworks documents."""

from typing import Any

from swqr_adapters.facade import contract
from swqr_adapters.facade.session import Session

from .service import StrangeworksQiskitRuntimeService

__all__ = ["StrangeworksSession"]

DEFAULT_SECONDS = 1440


class StrangeworksSession(Session):
    """A session on Strangeworks or, through its service, on any transport.

    It is opened at once and carries its id; jobs of primitives made with ``mode=session`` and of
    ``run`` belong to it. All that ``Session`` has is here, ``from_id`` among it. The current
    official form, ``StrangeworksSession(backend, max_time)``, is understood too.

    Args:
        service: The service; None for that of *backend*, or for
            ``StrangeworksQiskitRuntimeService()`` if *backend* is a name or None.
        backend: The backend or its name; None for the service's least busy one.
        max_time: The longest time from the first job's start to the session's end: seconds, or
            text such as ``"2h 30m 40s"``; None for what the plan allows.
        create_new: Whether to open a session; False for one that exists already.

    Raises:
        IBMInputValueError: *max_time* is no time, or the backend is of another service.
        QiskitBackendNotFoundError: There is no backend of that name.
        ValueError: *backend* is no backend.
    """

    def __init__(
        self,
        service: Any = None,
        backend: Any = None,
        max_time: int | str | None = DEFAULT_SECONDS,
        *,
        create_new: bool | None = True,
    ) -> None:
        if service is not None and not isinstance(service, contract.QiskitRuntimeService):
            # The current form: what stands first is the backend, and then comes the time.
            service, backend, max_time = None, service, max_time if backend is None else backend
        if service is None and (backend is None or isinstance(backend, str)):
            service = StrangeworksQiskitRuntimeService()
        if backend is None:
            backend = service.least_busy()
        super().__init__(service, backend, max_time, create_new=create_new)
