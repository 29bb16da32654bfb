"""From a fleet file to the parts of a cloud that mirrors an account."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from swqr_adapters.fleet import Fleet
from swqr_adapters.fleet.file import InstanceShape, load_fleet
from swqr_adapters.fleet.shaped import ShapedFleet
from swqr_core.engine.settings import Device, Plan
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId
from swqr_core.model.principal import Instance

__all__ = ["Mirror", "read_mirror"]

# IBM's Open plan: no dedicated sessions, three pending jobs, ten minutes of every kind of time.
_OPEN: Final = "open"
_OPEN_SECONDS: Final = 600
_OPEN_JOBS: Final = 3


@frozen(kw_only=True)
class Mirror:
    """What a fleet file says, as parts of a cloud.

    Attributes:
        instances: The instances; empty if the file names none.
        plans: Their plans.
        fleet: The devices; None if the file names none.
        devices: The devices' queues.
        statuses: The devices that do not take jobs out of their queues.
    """

    instances: tuple[Instance, ...] = ()
    plans: Mapping[InstanceId, Plan] = field(factory=dict)
    fleet: Fleet | ShapedFleet | None = None
    devices: Mapping[str, Device] = field(factory=dict)
    statuses: Mapping[str, BackendStatus] = field(factory=dict)


def read_mirror(path: str, *, plan: Plan, job_seconds: float | None) -> Mirror:
    """Read a fleet file.

    Args:
        path: The file.
        plan: What plans are like but for what the file says.
        job_seconds: Device time of jobs on devices of which the file says none.

    Raises:
        ConfigurationError: The file cannot be read, or something in it cannot be.
    """
    file = load_fleet(Path(path), keys=False)
    return Mirror(
        instances=tuple(shape.instance for shape in file.instances),
        plans={shape.instance.id: _plan(shape, plan) for shape in file.instances},
        fleet=ShapedFleet(file.backends) if file.backends else None,
        devices={
            shape.name: Device(
                name=BackendName(shape.name),
                concurrent_jobs=shape.concurrent_jobs,
                job_seconds=job_seconds if shape.job_seconds is None else shape.job_seconds,
            )
            for shape in file.backends
        },
        statuses={
            shape.name: shape.status
            for shape in file.backends
            if shape.status is not BackendStatus.ONLINE
        },
    )


def _plan(shape: InstanceShape, plan: Plan) -> Plan:
    named = evolve(plan, name=shape.instance.plan)
    if shape.instance.plan == _OPEN:
        named = evolve(
            named,
            dedicated=False,
            pending_jobs=_OPEN_JOBS if plan.pending_jobs is None else plan.pending_jobs,
            usage_seconds=_OPEN_SECONDS if plan.usage_seconds is None else plan.usage_seconds,
            max_ttl=min(plan.max_ttl, _OPEN_SECONDS),
            interactive_ttl=min(plan.interactive_ttl, _OPEN_SECONDS),
            job_seconds=min(plan.job_seconds, _OPEN_SECONDS),
        )
    limit = shape.usage_limit_seconds
    return named if limit is None else evolve(named, usage_seconds=limit)
