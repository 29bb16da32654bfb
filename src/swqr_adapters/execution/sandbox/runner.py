"""Runs uploaded programs in sandboxes: the port ``ProgramRunner``."""

import asyncio
from collections.abc import Callable, Mapping

from attrs import evolve

from swqr_adapters.execution.failures import Failure, start_failed
from swqr_adapters.execution.text import one_line
from swqr_core.errors import AccessDeniedError
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    Executor,
    ProgramSource,
)

from .box import Box
from .isolation import Isolation, probe_isolation
from .limits import SandboxLimits, Trust
from .messages import Hello
from .running import Running
from .schemas import is_simple, problem_of
from .seccomp import make_filter
from .spares import Spares

__all__ = ["SandboxRunner"]

_FAILED = 5203


class SandboxRunner:
    """Runs each uploaded program in a process of its own; see ``ProgramRunner``.

    Made and used on one event loop. It starts nothing before it is asked to. Once a program has
    run, a sandbox for the next one is kept ready; see ``Spares``.

    Args:
        trust: What must hold here; where less does, no program is run.
        limits: What each program may use.
        offered: What holds here; found out at the first use if None.
    """

    def __init__(
        self,
        *,
        trust: Trust = Trust.ISOLATED,
        limits: SandboxLimits | None = None,
        offered: Isolation | None = None,
    ) -> None:
        self._trust = trust
        self._limits = limits or SandboxLimits()
        self._offered = offered
        self._spares = Spares(self._limits)
        self._room = asyncio.Semaphore(self._limits.processes)

    def __repr__(self) -> str:
        return f"<SandboxRunner, trust {self._trust.value!r}>"

    async def aclose(self) -> None:
        """End the sandboxes that wait. Closing twice is fine."""
        await self._spares.aclose()

    async def check(self) -> None:
        """Return if programs may be run here."""
        if self._offered is None:
            self._offered = await asyncio.to_thread(probe_isolation)
        if not self._offered.enough_for(self._trust):
            missing = "; ".join(self._offered.lacking) or "limits of the system"
            raise AccessDeniedError(
                "run uploaded programs on this machine",
                f"it isolates them too little ({missing}); programs=limits runs them all the "
                "same, for people whom you trust",
            )

    async def problem(self, schema: Mapping[str, object], document: bytes | None) -> str | None:
        """Tell what is wrong with a document; a schema that may take long is looked at apart."""
        if is_simple(schema, document):
            return await asyncio.to_thread(problem_of, schema, document)
        try:
            await self.check()
        except AccessDeniedError:
            return "$: patterns, references and large schemas are only checked in a sandbox"
        hello = evolve(
            self._hello(self._limits.check_seconds), schema=schema, document=document is not None
        )
        outcome = await self._run(
            hello, (b"", document or b""), executor=None, request=None, publish=lambda _: None
        )
        if outcome.reason is None:
            return outcome.result.decode() or None
        return f"$: it could not be checked: {outcome.reason}"

    async def run(
        self,
        program: ProgramSource,
        request: ExecutionRequest,
        *,
        executor: Executor,
        publish: Callable[[bytes], None],
    ) -> ExecutionOutcome:
        """Run a program, and hold its result against its schema."""
        try:
            await self.check()
        except AccessDeniedError as error:
            return _failed(str(error))
        hello = evolve(
            self._hello(request.wall_limit or 600.0),
            device=dict(request.device),
            interim=dict(program.spec.interim_results),
            log_level=request.log_level,
        )
        outcome = await self._run(
            hello, (program.text, request.params), executor=executor, request=request,
            publish=publish,
        )  # fmt: skip
        schema = program.spec.return_values
        if outcome.reason is None and schema:
            problem = await self.problem(schema, outcome.result)
            if problem is not None:
                return evolve(
                    _failed(
                        f"The result does not fit the program's return_values: {problem}",
                        "Correct the program, or its description of what it returns.",
                    ),
                    quantum_seconds=outcome.quantum_seconds,
                    logs=outcome.logs,
                    metrics=outcome.metrics,
                )
        return outcome

    def _hello(self, seconds: float) -> Hello:
        limits = self._limits
        filtered = self._offered is not None and self._offered.system_calls
        code = make_filter() if filtered else None
        return Hello(
            memory_bytes=limits.memory_bytes,
            cpu_seconds=int(seconds) + 2,
            file_bytes=limits.disk_bytes,
            open_files=limits.open_files,
            filter="" if code is None else code.hex(),
        )

    async def _run(
        self,
        hello: Hello,
        bodies: tuple[bytes, bytes],
        *,
        executor: Executor | None,
        request: ExecutionRequest | None,
        publish: Callable[[bytes], None],
    ) -> ExecutionOutcome:
        namespaces = self._offered is not None and self._offered.namespaces
        is_program = request is not None

        def stock() -> None:  # now, for the start of the first one is not to be slowed down
            if is_program:
                self._spares.fill_up(namespaces=namespaces)

        async def run_in(box: Box) -> tuple[ExecutionOutcome, bool]:
            running = Running(
                box, self._limits, hello, bodies,
                executor=executor, request=request, publish=publish, on_ready=stock,
            )  # fmt: skip
            return await running.outcome(), running.began

        async with self._room:
            waited = self._spares.take() if is_program else None
            if waited is not None:
                outcome, began = await run_in(waited)
                if began:
                    return outcome
                # It had died while it waited, and nothing of the program has happened.
            try:
                box = Box(self._limits, namespaces=namespaces)
            except OSError as error:
                return start_failed(error).outcome()
            return (await run_in(box))[0]


def _failed(reason: str, solution: str | None = None) -> ExecutionOutcome:
    return Failure(reason=one_line(reason), code=_FAILED, solution=solution).outcome()
