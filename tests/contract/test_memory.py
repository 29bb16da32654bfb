"""The in-memory cloud keeps every promise of the port."""

import pytest

from swqr_core.testing import Harness, TransportContract


class TestMemory(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return memory_harness
