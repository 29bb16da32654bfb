"""A wrapper that changes nothing of what is said keeps every promise of what it wraps."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import pytest

from swqr_core.clock import VirtualClock
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Harness, Seat, TransportContract
from swqr_core.wrappers import FaultyTransport, RecordingTransport, ScriptedFaults, SlowTransport


class Turns:
    """A clock on which a second is a turn of the event loop."""

    def __init__(self) -> None:
        self._clock = VirtualClock()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            await asyncio.sleep(0)

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()


def wrapped(harness: Harness, wrap: Callable[[RuntimeTransport], RuntimeTransport]) -> Harness:
    """Let a harness connect through a wrapper."""
    inner = harness.connect

    async def connect(seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return wrap(await inner(seat))

    harness.connect = connect  # type: ignore[method-assign]
    return harness


class TestASlowTransport(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, lambda t: SlowTransport(t, Turns(), there=3, back=2))


class TestAFaultyTransportWithoutFaults(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, lambda t: FaultyTransport(t, ScriptedFaults(), Turns()))


class TestARecordingTransport(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, RecordingTransport)
