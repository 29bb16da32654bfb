"""The conformance kit: what shows that a transport keeps the promises of its port.

Write a ``Harness`` for your platform, let pytest collect the contract over it, and hold it to the
model of a cloud in histories that hypothesis makes up::

    from swqr_core.testing import TransportContract, lifecycle_test


    class TestMyTransport(TransportContract):
        @pytest.fixture
        def harness(self) -> Harness:
            return MyHarness()


    def test_lifecycles() -> None:
        lifecycle_test(MyHarness)

``python -m pytest --pyargs swqr_core.testing.suite --swqr-platform my_package:MyHarness`` is all
of it, without a test file of one's own.

The names below are public, and imported when they are first used; only ``TransportContract`` needs
pytest, only ``lifecycle_test`` and its machine need hypothesis. Two programs come with them:
``python -m swqr_core.testing.engine_check`` and ``python -m swqr_core.testing.simulation``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swqr_core.clock import VirtualClock as VirtualClock
    from swqr_core.wrappers import Fault as Fault
    from swqr_core.wrappers import FaultyTransport as FaultyTransport
    from swqr_core.wrappers import Loss as Loss
    from swqr_core.wrappers import RandomFaults as RandomFaults
    from swqr_core.wrappers import RecordingTransport as RecordingTransport
    from swqr_core.wrappers import ReplayTransport as ReplayTransport
    from swqr_core.wrappers import ScriptedFaults as ScriptedFaults
    from swqr_core.wrappers import SlowTransport as SlowTransport
    from swqr_core.wrappers import Tape as Tape
    from swqr_core.wrappers import TransportWrapper as TransportWrapper

    from .contract import TransportContract as TransportContract
    from .executors import StubExecutor as StubExecutor
    from .harness import Control as Control
    from .harness import Harness as Harness
    from .harness import Seat as Seat
    from .ids import SequentialIds as SequentialIds
    from .machines import SessionLifecycleMachine as SessionLifecycleMachine
    from .machines import lifecycle_test as lifecycle_test
    from .model import Rules as Rules
    from .platforms import find_harness as find_harness
    from .simulation import simulate as simulate

_HOME = {
    "Control": ".harness",
    "Fault": "swqr_core.wrappers",
    "FaultyTransport": "swqr_core.wrappers",
    "Harness": ".harness",
    "Loss": "swqr_core.wrappers",
    "RandomFaults": "swqr_core.wrappers",
    "RecordingTransport": "swqr_core.wrappers",
    "ReplayTransport": "swqr_core.wrappers",
    "Rules": ".model",
    "ScriptedFaults": "swqr_core.wrappers",
    "Seat": ".harness",
    "SequentialIds": ".ids",
    "SessionLifecycleMachine": ".machines",
    "SlowTransport": "swqr_core.wrappers",
    "StubExecutor": ".executors",
    "Tape": "swqr_core.wrappers",
    "TransportContract": ".contract",
    "TransportWrapper": "swqr_core.wrappers",
    "VirtualClock": "swqr_core.clock",
    "find_harness": ".platforms",
    "lifecycle_test": ".machines",
    "simulate": ".simulation",
}

__all__ = [
    "Control",
    "Fault",
    "FaultyTransport",
    "Harness",
    "Loss",
    "RandomFaults",
    "RecordingTransport",
    "ReplayTransport",
    "Rules",
    "ScriptedFaults",
    "Seat",
    "SequentialIds",
    "SessionLifecycleMachine",
    "SlowTransport",
    "StubExecutor",
    "Tape",
    "TransportContract",
    "TransportWrapper",
    "VirtualClock",
    "find_harness",
    "lifecycle_test",
    "simulate",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_HOME[name], __name__)
    except ModuleNotFoundError as error:
        if error.name in {"hypothesis", "pytest"}:
            from swqr_core.errors import MissingExtraError

            raise MissingExtraError(f"swqr_core.testing.{name}", "testing") from error
        raise
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
