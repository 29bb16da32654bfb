"""A wrapper that changes nothing of what is said keeps every promise of what it wraps."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

import pytest

from swqr_adapters.harnesses import IbmHarness, PlainIbmHarness, StrangeworksHarness
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


Wrap = Callable[[RuntimeTransport], RuntimeTransport]


def wrapped(harness: Harness, wrap: Wrap) -> Harness:
    """Let a harness connect through a wrapper."""
    inner = harness.connect

    async def connect(seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return wrap(await inner(seat))

    harness.connect = connect  # type: ignore[method-assign]
    return harness


def slow(transport: RuntimeTransport) -> RuntimeTransport:
    return SlowTransport(transport, Turns(), there=3, back=2)


def faultless(transport: RuntimeTransport) -> RuntimeTransport:
    return FaultyTransport(transport, ScriptedFaults(), Turns())


def all_three(transport: RuntimeTransport) -> RuntimeTransport:
    return RecordingTransport(faultless(slow(transport)))


class TestASlowTransport(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, slow)


class TestAFaultyTransportWithoutFaults(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, faultless)


class TestARecordingTransport(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return wrapped(memory_harness, RecordingTransport)


# --- over a wire, around one another --------------------------------------------------------------


class TestAllThreeOverIbm(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return wrapped(IbmHarness(), all_three)


class TestAllThreeOverStrangeworks(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return wrapped(StrangeworksHarness(), all_three)


@pytest.mark.slow
class TestEachOverAWire(TransportContract):
    @pytest.fixture(params=[slow, faultless, RecordingTransport], ids=lambda wrap: wrap.__name__)
    def wrap(self, request: pytest.FixtureRequest) -> Wrap:
        made: Wrap = request.param
        return made

    @pytest.fixture(params=[IbmHarness, PlainIbmHarness, StrangeworksHarness])
    def harness(self, request: pytest.FixtureRequest, wrap: Wrap) -> Harness:
        return wrapped(request.param(), wrap)
