"""What all wrappers share: every call of the port goes through one method."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from attrs import field, frozen

from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["COMMANDS", "Call", "EveryCall", "TransportWrapper"]

T = TypeVar("T")

COMMANDS: Final = frozenset(
    {
        "add_program",
        "cancel_job",
        "cancel_session",
        "delete_job",
        "delete_program",
        "drain_session",
        "open_session",
        "publish_program",
        "replace_program",
        "set_tags",
        "submit",
        "update_program",
    }
)
"""The methods of the port that change something on the platform."""


@frozen(kw_only=True)
class Call:
    """One call of a transport.

    Attributes:
        method: The method's name.
        arguments: Its arguments by name.
    """

    method: str
    arguments: Mapping[str, object] = field(factory=dict, repr=False)

    @property
    def is_command(self) -> bool:
        """Whether the call changes something on the platform."""
        return self.method in COMMANDS

    @property
    def handle(self) -> str:
        """What to look for on the platform afterwards: the idempotency key, or else the id."""
        for name in ("key", "job_id", "session_id", "program_id"):
            value = self.arguments.get(name)
            if isinstance(value, str):
                return value
        return ""


class EveryCall(ABC):
    """The methods of the port, led through one."""

    # Looked at only when *act* is called: what plays a recording has no transport underneath.
    _inner: RuntimeTransport

    @abstractmethod
    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        """Answer a call. *act* passes it to the transport underneath, each time it is called."""

    # --- backends ------------------------------------------------------------------------------

    async def backends(self) -> tuple[Backend, ...]:
        """See ``BackendCatalog.backends``."""
        call = Call(method="backends")
        return await self._around(call, lambda: self._inner.backends())  # noqa: PLW0108

    async def backend(self, name: str) -> Backend:
        """See ``BackendCatalog.backend``."""
        call = Call(method="backend", arguments={"name": name})
        return await self._around(call, lambda: self._inner.backend(name))

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """See ``BackendCatalog.backend_configuration``."""
        call = Call(
            method="backend_configuration",
            arguments={"name": name, "calibration_id": calibration_id},
        )
        return await self._around(
            call, lambda: self._inner.backend_configuration(name, calibration_id=calibration_id)
        )

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """See ``BackendCatalog.backend_properties``."""
        call = Call(
            method="backend_properties",
            arguments={
                "name": name,
                "calibration_id": calibration_id,
                "updated_before": updated_before,
            },
        )
        return await self._around(
            call,
            lambda: self._inner.backend_properties(
                name, calibration_id=calibration_id, updated_before=updated_before
            ),
        )

    async def backend_defaults(self, name: str) -> bytes | None:
        """See ``BackendCatalog.backend_defaults``."""
        call = Call(method="backend_defaults", arguments={"name": name})
        return await self._around(call, lambda: self._inner.backend_defaults(name))

    # --- sessions ------------------------------------------------------------------------------

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """See ``SessionPort.open_session``."""
        call = Call(method="open_session", arguments={"spec": spec, "key": key})
        return await self._around(call, lambda: self._inner.open_session(spec, key=key))

    async def session(self, session_id: str) -> Session:
        """See ``SessionPort.session``."""
        call = Call(method="session", arguments={"session_id": session_id})
        return await self._around(call, lambda: self._inner.session(session_id))

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """See ``SessionPort.sessions``."""
        call = Call(method="sessions", arguments={"query": query})
        return await self._around(call, lambda: self._inner.sessions(query))

    async def drain_session(self, session_id: str) -> None:
        """See ``SessionPort.drain_session``."""
        call = Call(method="drain_session", arguments={"session_id": session_id})
        await self._around(call, lambda: self._inner.drain_session(session_id))

    async def cancel_session(self, session_id: str) -> None:
        """See ``SessionPort.cancel_session``."""
        call = Call(method="cancel_session", arguments={"session_id": session_id})
        await self._around(call, lambda: self._inner.cancel_session(session_id))

    # --- jobs ----------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """See ``JobPort.submit``."""
        call = Call(method="submit", arguments={"spec": spec, "params": params, "key": key})
        return await self._around(call, lambda: self._inner.submit(spec, params, key=key))

    async def job(self, job_id: str) -> Job:
        """See ``JobPort.job``."""
        call = Call(method="job", arguments={"job_id": job_id})
        return await self._around(call, lambda: self._inner.job(job_id))

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """See ``JobPort.jobs``."""
        call = Call(method="jobs", arguments={"query": query})
        return await self._around(call, lambda: self._inner.jobs(query))

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        """See ``JobPort.wait_job``."""
        call = Call(method="wait_job", arguments={"job_id": job_id, "timeout": timeout})
        return await self._around(call, lambda: self._inner.wait_job(job_id, timeout=timeout))

    async def params(self, job_id: str) -> bytes:
        """See ``JobPort.params``."""
        call = Call(method="params", arguments={"job_id": job_id})
        return await self._around(call, lambda: self._inner.params(job_id))

    async def result(self, job_id: str) -> bytes | None:
        """See ``JobPort.result``."""
        call = Call(method="result", arguments={"job_id": job_id})
        return await self._around(call, lambda: self._inner.result(job_id))

    async def logs(self, job_id: str) -> str:
        """See ``JobPort.logs``."""
        call = Call(method="logs", arguments={"job_id": job_id})
        return await self._around(call, lambda: self._inner.logs(job_id))

    async def metrics(self, job_id: str) -> JobMetrics:
        """See ``JobPort.metrics``."""
        call = Call(method="metrics", arguments={"job_id": job_id})
        return await self._around(call, lambda: self._inner.metrics(job_id))

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """See ``JobPort.interim_results``."""
        call = Call(
            method="interim_results",
            arguments={"job_id": job_id, "start": start, "limit": limit, "timeout": timeout},
        )
        return await self._around(
            call,
            lambda: self._inner.interim_results(job_id, start=start, limit=limit, timeout=timeout),
        )

    async def cancel_job(self, job_id: str) -> None:
        """See ``JobPort.cancel_job``."""
        call = Call(method="cancel_job", arguments={"job_id": job_id})
        await self._around(call, lambda: self._inner.cancel_job(job_id))

    async def delete_job(self, job_id: str) -> None:
        """See ``JobPort.delete_job``."""
        call = Call(method="delete_job", arguments={"job_id": job_id})
        await self._around(call, lambda: self._inner.delete_job(job_id))

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        """See ``JobPort.set_tags``."""
        call = Call(method="set_tags", arguments={"job_id": job_id, "tags": tags})
        await self._around(call, lambda: self._inner.set_tags(job_id, tags))

    # --- programs and account ------------------------------------------------------------------

    async def programs(self, query: ProgramQuery) -> Page[Program]:
        """See ``ProgramPort.programs``."""
        call = Call(method="programs", arguments={"query": query})
        return await self._around(call, lambda: self._inner.programs(query))

    async def program(self, program_id: str) -> Program:
        """See ``ProgramPort.program``."""
        call = Call(method="program", arguments={"program_id": program_id})
        return await self._around(call, lambda: self._inner.program(program_id))

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        """See ``ProgramPort.add_program``."""
        arguments = {"spec": spec, "source": source, "key": key}
        call = Call(method="add_program", arguments=arguments)
        return await self._around(call, lambda: self._inner.add_program(spec, source, key=key))

    async def program_source(self, program_id: str) -> bytes:
        """See ``ProgramPort.program_source``."""
        call = Call(method="program_source", arguments={"program_id": program_id})
        return await self._around(call, lambda: self._inner.program_source(program_id))

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """See ``ProgramPort.update_program``."""
        arguments = {"program_id": program_id, "update": update}
        call = Call(method="update_program", arguments=arguments)
        await self._around(call, lambda: self._inner.update_program(program_id, update))

    async def replace_program(self, program_id: str, source: bytes) -> None:
        """See ``ProgramPort.replace_program``."""
        arguments = {"program_id": program_id, "source": source}
        call = Call(method="replace_program", arguments=arguments)
        await self._around(call, lambda: self._inner.replace_program(program_id, source))

    async def publish_program(self, program_id: str, *, public: bool) -> None:
        """See ``ProgramPort.publish_program``."""
        arguments = {"program_id": program_id, "public": public}
        call = Call(method="publish_program", arguments=arguments)
        await self._around(call, lambda: self._inner.publish_program(program_id, public=public))

    async def delete_program(self, program_id: str) -> None:
        """See ``ProgramPort.delete_program``."""
        call = Call(method="delete_program", arguments={"program_id": program_id})
        await self._around(call, lambda: self._inner.delete_program(program_id))

    async def instances(self) -> tuple[Instance, ...]:
        """See ``AccountPort.instances``."""
        call = Call(method="instances")
        return await self._around(call, lambda: self._inner.instances())  # noqa: PLW0108

    async def usage(self) -> InstanceUsage:
        """See ``AccountPort.usage``."""
        call = Call(method="usage")
        return await self._around(call, lambda: self._inner.usage())  # noqa: PLW0108


class TransportWrapper(EveryCall):
    """A transport around a transport that passes everything on.

    A subclass overrides ``_around``, through which every call goes but ``capabilities``,
    ``principal`` and ``aclose``.

    Args:
        inner: The transport underneath. Closing the wrapper closes it.
    """

    def __init__(self, inner: RuntimeTransport) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return f"<{type(self).__name__} around {self._inner!r}>"

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002
        return await act()

    @property
    def inner(self) -> RuntimeTransport:
        """The transport underneath."""
        return self._inner

    @property
    def capabilities(self) -> Capabilities:
        """What the transport underneath can do."""
        return self._inner.capabilities

    @property
    def principal(self) -> Principal:
        """Whom the transport underneath acts for."""
        return self._inner.principal

    async def aclose(self) -> None:
        """Close the transport underneath. Closing twice is fine."""
        await self._inner.aclose()
