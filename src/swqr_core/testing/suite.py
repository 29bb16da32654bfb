"""All that the kit has, for the harness that the option ``--swqr-platform`` names.

::

    python -m pytest --pyargs swqr_core.testing.suite --swqr-platform my_package.testing:MyHarness

It is the contract, generated lifecycles, and a simulated world. ``-m swqr_contract``,
``-m swqr_lifecycle`` and ``-m swqr_simulation`` choose one of them.
"""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from .contract import TransportContract
from .harness import Control, Harness
from .machines import lifecycle_test
from .simulation import Settings, cannot_be_simulated, simulate

__all__ = ["TestContract", "test_a_simulated_world", "test_lifecycles"]


class TestContract(TransportContract):
    """Every promise of the ports."""

    @pytest.fixture
    def harness(self, swqr_platform: Callable[[], Harness]) -> Harness:
        """Return a new harness of the platform that was named."""
        return swqr_platform()


@pytest.mark.swqr_lifecycle
def test_lifecycles(swqr_platform: Callable[[], Harness]) -> None:
    """Compare the platform with the model in generated histories."""
    missing = {Control.TIME, Control.EXECUTIONS} - swqr_platform().controls
    if missing:
        pytest.skip(f"the harness has no control over: {', '.join(sorted(missing))}")
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    lifecycle_test(swqr_platform, settings=patient)


@pytest.mark.swqr_simulation
@pytest.mark.parametrize("seed", range(3))
def test_a_simulated_world(swqr_platform: Callable[[], Harness], seed: int) -> None:
    """Let many clients work over a bad network for an hour."""
    problem = cannot_be_simulated(swqr_platform())
    if problem is not None:
        pytest.skip(problem)
    asyncio.run(simulate(swqr_platform, Settings(seed=seed, hours=1.0, loss=0.2)))
