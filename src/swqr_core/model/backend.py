"""Backends."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from .ids import BackendName
from .validators import integer, text

__all__ = ["Backend", "BackendStatus"]


class BackendStatus(StrEnum):
    """Whether a backend takes jobs out of its queue (REST: ``status.name``)."""

    ONLINE = "online"
    PAUSED = "paused"
    OFFLINE = "offline"


@frozen(kw_only=True)
class Backend:
    """A backend as it was at one moment.

    Attributes:
        name: Its name, for example ``ibm_brisbane``.
        num_qubits: How many qubits a circuit may use.
        status: Whether it takes jobs out of its queue.
        status_reason: Why, for people.
        queue_length: Jobs that wait for it.
        version: The version of its calibration data or software.
        is_mock: Whether it is there for dry runs only (REST: ``class`` ``mock``).
        extra: The other fields of its listing as plain JSON values: ``clops``,
            ``processor_type``, ``physical_qubits``, ``performance_metrics``, ...
    """

    name: BackendName = field(validator=text(at_most=255))
    num_qubits: int = field(validator=integer(at_least=1))
    status: BackendStatus = BackendStatus.ONLINE
    status_reason: str = ""
    queue_length: int = field(default=0, validator=integer(at_least=0))
    version: str = "1.0.0"
    is_mock: bool = False
    extra: Mapping[str, object] = field(factory=dict)
