"""State machines of hypothesis that hold a transport to an independent model.

``lifecycle_test`` is all that a test needs::

    def test_lifecycles() -> None:
        lifecycle_test(MyHarness)
"""

from .claims import Claims
from .lifecycle import FIRST_BUG, SessionLifecycleMachine, lifecycle_test
from .stage import Stage

__all__ = ["FIRST_BUG", "Claims", "SessionLifecycleMachine", "Stage", "lifecycle_test"]
