"""The blocking runtime, called from threads, keeps every promise of the transport beneath it."""

import pytest
from hypothesis import settings

from swqr_adapters.harnesses import RuntimeHarness
from swqr_core.testing import Harness, TransportContract, lifecycle_test


class TestTheBlockingRuntime(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return RuntimeHarness()


def test_used_from_threads_sessions_and_jobs_live_as_the_model_says() -> None:
    many = max(6, settings().max_examples // 16)

    lifecycle_test(RuntimeHarness, settings=settings(max_examples=many, stateful_step_count=25))
