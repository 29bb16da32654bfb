"""The in-memory cloud as the contract's platform."""

import pytest

from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core.testing import Harness


@pytest.fixture
def memory_harness() -> Harness:
    return MemoryHarness()
