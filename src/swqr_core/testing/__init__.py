"""The conformance kit: what shows that a transport keeps the promises of its port.

Write a ``Harness`` for your platform, and let pytest collect the contract over it::

    from swqr_core.testing import TransportContract


    class TestMyTransport(TransportContract):
        @pytest.fixture
        def harness(self) -> Harness:
            return MyHarness()

The names below are imported when they are first used; only ``TransportContract`` needs pytest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swqr_core.clock import VirtualClock as VirtualClock

    from .contract import TransportContract as TransportContract
    from .executors import StubExecutor as StubExecutor
    from .harness import Control as Control
    from .harness import Harness as Harness
    from .harness import Seat as Seat
    from .ids import SequentialIds as SequentialIds

_HOME = {
    "Control": ".harness",
    "Harness": ".harness",
    "Seat": ".harness",
    "SequentialIds": ".ids",
    "StubExecutor": ".executors",
    "TransportContract": ".contract",
    "VirtualClock": "swqr_core.clock",
}

__all__ = [
    "Control",
    "Harness",
    "Seat",
    "SequentialIds",
    "StubExecutor",
    "TransportContract",
    "VirtualClock",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
