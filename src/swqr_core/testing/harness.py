"""What the kit needs to know about a platform, and what it may do to it."""

import itertools
import json
import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, ClassVar

from swqr_core.clock import VirtualClock
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import Job, JobSpec
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers.delegation import TransportWrapper
from swqr_core.wrappers.faulty import FaultPlan, FaultyTransport

from .model import Rules

__all__ = ["Accepted", "Control", "Harness", "Seat", "connect_over"]

Accepted = Callable[[Job, bytes], Awaitable[None]]
"""What is told of each accepted job, with its parameters."""


class Control(StrEnum):
    """What a harness can do to its platform, beyond using it."""

    TIME = "time"
    """``advance`` lets the platform's time pass."""
    EXECUTIONS = "executions"
    """``started``, ``finish`` and ``fail`` decide how jobs run."""
    BACKENDS = "backends"
    """``set_backend_online`` takes a backend out of service and brings it back."""
    INTERIM_RESULTS = "interim results"
    """``publish`` lets a job of an uploaded program publish, beside ``EXECUTIONS``."""
    TENANTS = "tenants"
    """``connect`` serves ``Seat.STRANGER`` too."""
    CONNECTION = "connection"
    """``connect`` makes transports over a wire on which things go wrong as ``faults`` says."""


class Seat(StrEnum):
    """Whom a transport is made for."""

    OWNER = "owner"
    """The user whose work the contract does."""
    STRANGER = "stranger"
    """A user in another instance of the same platform."""


class Harness:
    """One platform for one test. Subclass it and override what your platform has.

    Only ``connect`` must be overridden. Everything else has a default that works for a platform
    over which a test has no power: the parts of the contract that need such power are skipped,
    with the missing control's name as the reason.

    The kit calls all methods on one event loop: ``start`` first, ``stop`` last. The platform may
    have been used before, but nobody else may use the owner's instance during a test.

    Attributes:
        controls: What the harness can do to its platform.
        backend: A backend that takes jobs.
        other_backend: A second one, or None.
        program_id: A program that takes ``params``.
        pending_limit: How many jobs the owner may have queued or running at once; None for any
            number, or if it is too large to be tried.
        idle_open_seconds: After how long without any job the platform closes a session that was
            opened; None if it does not.
        patience: Seconds of real time after which a test is given up as hanging. Where all work is
            done on the kit's loop, and nothing can happen there any more, it is given up at once.
        short_patience: Likewise in the attempts of a lifecycle test to shorten a history in which
            something was waited for in vain. It must be longer than what does happen ever takes.
        simulated: Whether worlds can be simulated on it: all its work is done on the kit's loop.
        clock: What its time is told by, if that is a ``VirtualClock``, from the harness's
            beginning on. Simulated worlds need it: their clients live in the same time.
        rules: What the platform is like where platforms may differ, for the model of lifecycles.
        faults: What goes wrong on the wires of the transports that are made from now on (control
            ``CONNECTION``). The kit sets it before it calls ``connect``.
        accepted: Awaited on the platform's side of the wire for each job that was accepted, before
            anybody hears of it; see ``overseen``. The kit sets it before ``start``.
        time_passes: Whether somebody lets time pass all the while, so that pauses between two
            looks may be on the platform's time. The kit sets it before ``start``.
    """

    controls: ClassVar[frozenset[Control]] = frozenset()
    backend: str = "ideal_5"
    other_backend: str | None = None
    program_id: str = "sampler"
    pending_limit: int | None = None
    idle_open_seconds: int | None = None
    patience: float = 30.0
    short_patience: float = 2.0
    simulated: ClassVar[bool] = True
    clock: VirtualClock | None = None
    rules: Rules = Rules()
    faults: FaultPlan | None = None
    accepted: Accepted | None = None
    time_passes: bool = False

    def __init__(self) -> None:
        self._run = secrets.token_hex(6)  # keys must be new on a platform that was used before
        self._count = itertools.count(1)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.backend}>"

    # --- the platform --------------------------------------------------------------------------

    async def start(self) -> None:
        """Set the platform up. Called once, before everything else."""

    async def stop(self) -> None:
        """Take the platform down. Called once, when all transports are closed."""

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        """Return a new transport; the kit closes it.

        Two calls with the same seat give two ways to the same instance. ``Seat.STRANGER`` comes
        only where ``controls`` has ``TENANTS``.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `connect`")

    def overseen(self, transport: RuntimeTransport) -> RuntimeTransport:
        """Return a transport that tells of accepted jobs, if somebody wants to know of them.

        A harness with the control ``CONNECTION`` puts this around what is on the platform's side
        of its wire.
        """
        return transport if self.accepted is None else _Overseen(transport, self.accepted)

    # --- valid input ---------------------------------------------------------------------------

    def key(self) -> str:
        """Return an idempotency key that was never used on this platform."""
        return f"contract-{self._run}-{next(self._count)}"

    def spec(self, **changes: Any) -> JobSpec:
        """Return what a valid job is submitted with; *changes* are fields of ``JobSpec``."""
        return JobSpec(
            **{
                "program_id": ProgramId(self.program_id),
                "backend": BackendName(self.backend),
                **changes,
            }
        )

    def params(self, number: int = 0) -> bytes:
        """Return valid parameters, others for each *number*.

        They are JSON that no encoder would write in just this way, so that a transport which
        parses and writes them again is found out. Override this if the platform looks inside.
        """
        odd = r'{ "pubs":[],"version" : 2, "greeting":"\u00e9\/", "x":1.0E+2,  "n":'
        return odd.encode() + json.dumps(number).encode() + b" }"

    # --- power over it -------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Let the platform's time pass, with all that happens meanwhile (control ``TIME``).

        Zero only lets happen what is due. The kit never asks for it while a job has started
        whose end is undecided.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `advance`")

    async def started(self, job_id: str) -> None:
        """Return once a job runs (control ``EXECUTIONS``)."""
        raise NotImplementedError(f"{type(self).__name__}: override `started`")

    async def finish(
        self, job_id: str, *, result: bytes = b"{}", quantum_seconds: float = 0.0, logs: str = ""
    ) -> None:
        """Decide that a job completes (control ``EXECUTIONS``).

        It does so *quantum_seconds* of the platform's time after its start, at once if that is
        past. A job that is still queued will do so when it has started. The platform may need a
        moment to notice.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `finish`")

    async def fail(
        self, job_id: str, *, reason: str, reason_code: int, traceback: bytes = b""
    ) -> None:
        """Decide that a job fails, at once or when it has started (control ``EXECUTIONS``).

        Args:
            job_id: The job.
            reason: The reason that it gets.
            reason_code: The code that it gets.
            traceback: What ``result`` gives; empty for nothing.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `fail`")

    async def publish(self, job_id: str, result: bytes) -> None:
        """Let a running job of an uploaded program publish (control ``INTERIM_RESULTS``).

        Args:
            job_id: The job.
            result: JSON text.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `publish`")

    async def set_backend_online(self, name: str, *, online: bool) -> None:
        """Take a backend out of service, or bring it back (control ``BACKENDS``).

        What runs on it goes on; what is queued waits.
        """
        raise NotImplementedError(f"{type(self).__name__}: override `set_backend_online`")


class _Overseen(TransportWrapper):
    """Stands on the platform's side of the network, and tells of each job that is accepted."""

    def __init__(self, inner: RuntimeTransport, tell: Accepted) -> None:
        super().__init__(inner)
        self._tell = tell

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        job = await super().submit(spec, params, key=key)
        await self._tell(job, params)
        return job


async def connect_over(
    harness: Harness, seat: Seat, faults: FaultPlan, *, clock: Clock | None = None
) -> RuntimeTransport:
    """Return a new transport over a network on which things go wrong.

    Where the harness cannot break its wire, the network is one around its transport.

    Args:
        harness: The platform.
        seat: For whom.
        faults: What goes wrong.
        clock: What delays pass on, if there are any.
    """
    if Control.CONNECTION in harness.controls:
        harness.faults = faults
        try:
            return await harness.connect(seat)
        finally:
            harness.faults = None
    inner = harness.overseen(await harness.connect(seat))
    return FaultyTransport(inner, faults, clock or VirtualClock())
