"""A cloud on virtual time whose jobs end as they are told."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import AsyncRuntime, VirtualClock
from swqr_core.testing import SequentialIds, StubExecutor


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def stub() -> StubExecutor:
    return StubExecutor()


@pytest.fixture
async def make_cloud(clock: VirtualClock, stub: StubExecutor) -> AsyncIterator[Any]:
    """Make clouds that are closed at the end of the test."""
    made: list[MemoryCloud] = []

    def make(**parts: Any) -> MemoryCloud:
        defaults = {
            "clock": clock,
            "ids": SequentialIds(),
            "executor": stub,
            "runner": stub,
            "blobs": SpillingBlobStore(),
        }
        made.append(MemoryCloud(**{**defaults, **parts}))
        return made[-1]

    yield make
    for cloud in made:
        await cloud.aclose()


@pytest.fixture
def cloud(make_cloud: Callable[..., MemoryCloud]) -> MemoryCloud:
    return make_cloud()


@pytest.fixture
def runtime(cloud: MemoryCloud, clock: VirtualClock) -> AsyncRuntime:
    return AsyncRuntime(cloud.transport(), clock=clock, ids=SequentialIds())
