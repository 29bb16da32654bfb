"""From the settings of a URL or a profile to a cloud."""

import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.fleet import Fleet
from swqr_adapters.ids import RandomIds
from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_core.config.effective import reads
from swqr_core.config.reading import (
    amount,
    number,
    numbers,
    one_of,
    read_settings,
    setting,
    size,
    switch,
)
from swqr_core.engine.settings import Device, EngineSettings, Pace, Plan
from swqr_core.errors import ConfigurationError, InvalidInputError
from swqr_core.model.ids import BackendName, InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.executor import Executor, ProgramRunner
from swqr_core.ports.ids import IdFactory

from .cloud import DEFAULT_INSTANCE, MemoryCloud
from .mirror import Mirror, read_mirror
from .transport import MemoryTransport

if TYPE_CHECKING:
    from swqr_adapters.storage import Store

__all__ = ["CloudSettings", "connect", "make_cloud", "open_cloud"]

_SOURCE = "memory transport"


def _size_or_none(text: str) -> int | None:
    """Read a number of bytes, or that there is no limit."""
    return None if text == "none" else size(text)


@frozen(kw_only=True)
class CloudSettings:
    """What a URL such as ``memory://?seed=7&noise=on`` can say.

    Attributes:
        seed: What all randomness comes from that no job seeds itself; random if None.
        noise: ``on`` or ``off``: whether real devices have the errors of their calibration.
        pace: ``instant``, or ``real``: a job keeps its device for its quantum seconds.
        execution: ``workers`` (supervised processes) or ``threads`` (trusted programs only).
        programs: ``isolated``: uploaded programs run where the machine isolates them; ``limits``:
            everywhere, for people whom you trust; ``off``: nowhere.
        workers: How many jobs run side by side; None for one a core, and one with ``threads``.
        wall_limit: Seconds of wall time after which an execution is stopped.
        memory_limit: Bytes of memory that a job may use above a warm worker, on Linux; None
            (``none``) for no limit.
        ideal: Sizes of the ideal simulators that a listing shows, for example ``5,32``.
        user: The user's id.
        instance: The instance's CRN or name; None for the cloud's own.
        job_seconds: Device time of every job in seconds; None for the duration model's.
        max_ttl: The plan's longest session, in seconds.
        interactive_ttl: Seconds that a session may idle.
        pending_jobs: How many jobs may be pending at once; None for any number.
        program_spares: How many sandboxes wait for the next program, once one has run.
        max_programs: How many uploaded programs each user may keep in an instance.
        usage_seconds: The instance's usage limit in seconds; None for none.
        fleet: A TOML file of instances and devices to mirror; None for one instance and every
            snapshot.
        store: Where jobs and sessions outlive the process, like ``sqlite:///path``; None for
            nowhere.
        on_restart: What becomes of jobs that ran when the process ended: ``rerun``, or ``fail``.
        on_damage: Whether a store whose log is damaged is not opened (``refuse``), or goes on
            from before the damage (``quarantine``).
    """

    seed: int | None = setting(number, None)
    noise: bool = setting(switch, default=True)
    pace: str = setting(one_of("instant", "real"), "instant")
    execution: str = setting(one_of("workers", "threads"), "workers")
    programs: str = setting(one_of("isolated", "limits", "off"), "isolated")
    workers: int | None = setting(number, None)
    wall_limit: float = setting(amount, 600.0)
    memory_limit: int | None = setting(_size_or_none, None)
    ideal: tuple[int, ...] = setting(numbers, (32,))
    user: str = setting(str, "local")
    instance: str | None = setting(str, None)
    job_seconds: float | None = setting(amount, None)
    max_ttl: int = setting(number, 28_800)
    interactive_ttl: int = setting(number, 60)
    pending_jobs: int | None = setting(number, None)
    program_spares: int = setting(number, 1)
    max_programs: int = setting(number, 100)
    usage_seconds: float | None = setting(amount, None)
    fleet: str | None = setting(str, None)
    store: str | None = setting(str, None)
    on_restart: str = setting(one_of("rerun", "fail"), "rerun")
    on_damage: str = setting(one_of("refuse", "quarantine"), "refuse")

    @classmethod
    def parse(cls, settings: Mapping[str, str]) -> "CloudSettings":
        """Read settings as they stand in a URL.

        Raises:
            ConfigurationError: A setting is unknown or its value cannot be used.
        """
        return read_settings(cls, settings, source=_SOURCE)


def make_cloud(
    settings: CloudSettings,
    *,
    clock: Clock | None = None,
    ids: IdFactory | None = None,
    executor: Executor | None = None,
    compact_every: int = 5_000,
) -> MemoryCloud:
    """Make a cloud; call it on the loop on which the cloud will live.

    Args:
        settings: What it is like.
        clock: Its time; the system's if None.
        ids: Where its ids come from; random if None.
        executor: What runs its programs; as *settings* say if None.
        compact_every: After how many records the log of its store is compacted.

    Raises:
        ConfigurationError: Two settings do not go together, a value is out of its range, or the
            store cannot be opened.
    """
    try:
        fleet = Fleet(ideal_sizes=settings.ideal)
        plan = Plan(
            max_ttl=settings.max_ttl,
            interactive_ttl=settings.interactive_ttl,
            pending_jobs=settings.pending_jobs,
            programs=settings.max_programs,
            usage_seconds=settings.usage_seconds,
        )
        mirror = Mirror()
        if settings.fleet is not None:
            mirror = read_mirror(settings.fleet, plan=plan, job_seconds=settings.job_seconds)
        engine = EngineSettings(default_plan=plan, plans=mirror.plans, pace=Pace(settings.pace))
        template = Device(name=BackendName("any"), job_seconds=settings.job_seconds)
    except InvalidInputError as error:
        raise ConfigurationError(_SOURCE, str(error)) from error
    warm_up = None
    if executor is None:
        executor, warm_up = _executor(settings)
    runner = _runner(settings)
    instances = _instances(settings.instance, mirror.instances)
    seed = settings.seed if settings.seed is not None else secrets.randbits(63)
    store = _store(settings, seed)  # last, for whoever makes a mistake must not keep it locked
    if store is not None and settings.seed is None:
        seed = int(store.known["seed"])  # jobs that run again draw the same lots
    return MemoryCloud(
        clock=clock or SystemClock(),
        ids=ids or RandomIds(),
        executor=executor,
        runner=runner,
        blobs=SpillingBlobStore() if store is None else store.blobs,
        log=None if store is None else store.log,
        close=None if store is None else store.aclose,
        fleet=mirror.fleet or fleet,
        settings=engine,
        template=template,
        devices=mirror.devices,
        statuses=mirror.statuses,
        instances=instances,
        noise=settings.noise,
        seed=seed,
        warm_up=warm_up,
        compact_every=compact_every,
    )


async def open_cloud(
    settings: CloudSettings,
    *,
    clock: Clock | None = None,
    ids: IdFactory | None = None,
    executor: Executor | None = None,
    compact_every: int = 5_000,
) -> MemoryCloud:
    """Make a cloud and let it take up what its store holds; the arguments are ``make_cloud``'s.

    Raises:
        ConfigurationError: Two settings do not go together, a value is out of its range, or the
            store cannot be opened or read.
    """
    cloud = make_cloud(
        settings, clock=clock, ids=ids, executor=executor, compact_every=compact_every
    )
    try:
        await cloud.recover(rerun=settings.on_restart == "rerun")
    except BaseException as error:
        await cloud.aclose()
        if isinstance(error, InvalidInputError):
            raise ConfigurationError(f"store {settings.store!r}", str(error)) from error
        raise
    return cloud


def _store(settings: CloudSettings, seed: int) -> "Store | None":
    if settings.store is None:
        return None
    from swqr_adapters.storage import open_store, store_path

    return open_store(
        store_path(settings.store),
        quarantine=settings.on_damage == "quarantine",
        remember={"seed": str(seed)},
    )


def _instances(wanted: str | None, there: tuple[Instance, ...]) -> tuple[Instance, ...]:
    """Return the instances, the wanted one first."""
    if not there:
        if wanted is None:
            return (DEFAULT_INSTANCE,)
        return (evolve(DEFAULT_INSTANCE, id=InstanceId(wanted), name=wanted),)
    if wanted is None:
        return there
    first = [one for one in there if wanted in {one.id, one.name}]
    if not first:
        names = ", ".join(one.name for one in there)
        raise ConfigurationError(_SOURCE, f"there is no instance {wanted!r}; there is {names}")
    return (*first, *(one for one in there if one not in first))


def _runner(settings: CloudSettings) -> ProgramRunner | None:
    """Make what runs uploaded programs, if any may run."""
    spares = settings.program_spares
    if spares < 0:
        raise ConfigurationError(_SOURCE, f"program_spares must be 0 or more, not {spares}")
    if settings.programs == "off":
        return None
    from swqr_adapters.execution.sandbox import SandboxLimits, SandboxRunner, Trust

    return SandboxRunner(trust=Trust(settings.programs), limits=SandboxLimits(spares=spares))


def _executor(
    settings: CloudSettings,
) -> tuple[Executor, Callable[[], Coroutine[Any, Any, object]] | None]:
    """Make what runs programs, and what gets it ready."""
    if settings.workers is not None and settings.workers < 1:
        raise ConfigurationError(_SOURCE, f"workers must be at least 1, not {settings.workers}")
    if settings.execution == "threads":
        if settings.memory_limit is not None:
            raise ConfigurationError(
                _SOURCE, "memory_limit is for execution=workers: threads share one memory"
            )
        from swqr_adapters.execution.threads import ThreadExecutor

        # Qiskit's native reader of circuits was seen to crash in several threads at once.
        return ThreadExecutor(settings.workers or 1, wall_limit=settings.wall_limit), None
    if settings.memory_limit is not None and sys.platform != "linux":
        raise ConfigurationError(
            _SOURCE, "memory_limit is for Linux: no other system limits a process's address space"
        )
    from swqr_adapters.execution.pool import WorkerPool

    pool = WorkerPool(
        workers=settings.workers,
        wall_limit=settings.wall_limit,
        memory_limit=settings.memory_limit,
    )
    return pool, pool.start


@reads(CloudSettings)
async def connect(location: str, settings: Mapping[str, str]) -> MemoryTransport:
    """Make a cloud of one's own and return the way to it (entry point ``memory``).

    Raises:
        ConfigurationError: A setting is unknown or cannot be used, the store cannot be opened,
            or there is a location.
    """
    if location.strip("/"):
        raise ConfigurationError(
            _SOURCE, f"it is in this process and has no location, so not {location!r}: 'memory://'"
        )
    parsed = CloudSettings.parse(settings)
    cloud = await open_cloud(parsed)
    principal = Principal(user=parsed.user, instance=cloud.instances[0].id)
    return MemoryTransport(cloud, principal, owns_cloud=True, lasting=parsed.store is not None)
