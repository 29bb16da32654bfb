"""The pure core of swqr: models, lifecycles, the engine, the ports and the use cases.

The names below are imported when they are first used, so ``import swqr_core`` costs next to
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import VirtualClock as VirtualClock
    from .errors import SwqrError as SwqrError
    from .lifecycle.job import JobState as JobState
    from .lifecycle.session import SessionState as SessionState
    from .model.backend import Backend as Backend
    from .model.backend import BackendStatus as BackendStatus
    from .model.capabilities import Capabilities as Capabilities
    from .model.job import Job as Job
    from .model.job import JobMetrics as JobMetrics
    from .model.job import JobSpec as JobSpec
    from .model.payload import Payload as Payload
    from .model.principal import Instance as Instance
    from .model.principal import Principal as Principal
    from .model.program import InterimResults as InterimResults
    from .model.program import Program as Program
    from .model.program import ProgramSpec as ProgramSpec
    from .model.program import ProgramUpdate as ProgramUpdate
    from .model.query import JobQuery as JobQuery
    from .model.query import Page as Page
    from .model.query import ProgramQuery as ProgramQuery
    from .model.query import SessionQuery as SessionQuery
    from .model.session import Session as Session
    from .model.session import SessionMode as SessionMode
    from .model.session import SessionSpec as SessionSpec
    from .model.session import SessionStep as SessionStep
    from .model.timeline import Timeline as Timeline
    from .model.usage import InstanceUsage as InstanceUsage
    from .model.usage import JobUsage as JobUsage
    from .runtime.asynchronous import AsyncRuntime as AsyncRuntime
    from .runtime.blocking import Runtime as Runtime
    from .runtime.handles import AsyncJob as AsyncJob
    from .runtime.handles import AsyncSession as AsyncSession
    from .runtime.policies import RetryPolicy as RetryPolicy

_HOME = {
    "AsyncJob": ".runtime.handles",
    "AsyncRuntime": ".runtime.asynchronous",
    "AsyncSession": ".runtime.handles",
    "Backend": ".model.backend",
    "BackendStatus": ".model.backend",
    "Capabilities": ".model.capabilities",
    "Instance": ".model.principal",
    "InstanceUsage": ".model.usage",
    "InterimResults": ".model.program",
    "Job": ".model.job",
    "JobMetrics": ".model.job",
    "JobQuery": ".model.query",
    "JobSpec": ".model.job",
    "JobState": ".lifecycle.job",
    "JobUsage": ".model.usage",
    "Page": ".model.query",
    "Payload": ".model.payload",
    "Principal": ".model.principal",
    "Program": ".model.program",
    "ProgramQuery": ".model.query",
    "ProgramSpec": ".model.program",
    "ProgramUpdate": ".model.program",
    "RetryPolicy": ".runtime.policies",
    "Runtime": ".runtime.blocking",
    "Session": ".model.session",
    "SessionMode": ".model.session",
    "SessionQuery": ".model.query",
    "SessionSpec": ".model.session",
    "SessionState": ".lifecycle.session",
    "SessionStep": ".model.session",
    "SwqrError": ".errors",
    "Timeline": ".model.timeline",
    "VirtualClock": ".clock",
}

__all__ = [  # noqa: PLE0604 - the keys of the table above, checked by a test
    "connect",
    *sorted(_HOME),
]


def connect(profile: str | None = None) -> "Runtime":
    """Make a blocking runtime over the transport that a profile or a URL names.

    Args:
        profile: A profile's name, or a URL such as ``memory://?seed=7&noise=on``; None for the
            active profile, which is ``memory://`` unless a file or a variable says otherwise.

    Raises:
        ConfigurationError: There is no such profile or transport, or a setting cannot be used.
        MissingExtraError: A package that it needs is not installed.
    """
    from .runtime.blocking import Runtime

    return Runtime.connect(profile)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
