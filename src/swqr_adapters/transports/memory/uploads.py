"""The cloud's programs as one user in one instance sees them: the port ``ProgramPort``."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from swqr_core.engine.inputs import (
    AddProgram,
    DeleteProgram,
    Input,
    PublishProgram,
    ReplaceProgram,
    UpdateProgram,
)
from swqr_core.engine.view import View
from swqr_core.errors import (
    AccessDeniedError,
    InvalidInputError,
    ProgramNotFoundError,
    UnsupportedOperation,
)
from swqr_core.model.ids import ProgramId, check_key
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import (
    InterimResults,
    Program,
    ProgramSpec,
    ProgramUpdate,
    check_source,
)
from swqr_core.model.query import MAX_PAGE, Page, ProgramQuery

from .identity import digest_of
from .machine import Machine
from .programs import program_slug

if TYPE_CHECKING:
    from .cloud import MemoryCloud

__all__ = ["ProgramCalls"]

_PAGE_BYTES = 2**20


class ProgramCalls:
    """Programs and what they publish; a part of ``MemoryTransport``."""

    _cloud: "MemoryCloud"
    _machine: Machine
    _view: View
    _principal: Principal
    _waits: "set[asyncio.Future[object]]"
    _check: Callable[[], None]

    async def programs(self, query: ProgramQuery) -> Page[Program]:
        """Return a page of the programs, built in or uploaded, by id."""
        self._check()
        known = [*self._cloud.programs.values(), *self._view.library.visible(self._principal)]
        found = sorted((each for each in known if _matches(each, query)), key=lambda each: each.id)
        return Page(
            items=tuple(found[query.offset : query.offset + query.limit]),
            total=len(found),
            offset=query.offset,
            limit=query.limit,
        )

    async def program(self, program_id: str) -> Program:
        """Return one program."""
        self._check()
        return self._find(program_id)

    def _find(self, program_id: str) -> Program:
        built_in = self._cloud.programs.get(program_id)
        if built_in is not None:
            return built_in
        try:
            return self._view.library.find(self._principal, program_id).program
        except ProgramNotFoundError:
            mine = [each.id for each in self._view.library.visible(self._principal)]
            raise ProgramNotFoundError(
                program_id, sorted((*self._cloud.programs, *mine[:20]))
            ) from None

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        """Upload a program, once per key."""
        self._check_uploads()
        check_key(key)
        check_source(source)
        await self._check_schemas(spec)
        id = f"{program_slug(spec.name)}-{self._cloud.ids.job_id()}"

        def added(stored: Payload) -> Input:
            return AddProgram(
                principal=self._principal,
                program_id=ProgramId(id),
                spec=spec,
                source=stored,
                key=key,
                content=digest_of(spec, stored),
            )

        step = await self._cloud.feed_with(source, added)
        return await self.program(step.subject or "")

    async def program_source(self, program_id: str) -> bytes:
        """Return the source of a program of one's own."""
        self._check_uploads()
        self._refuse_built_in(program_id, "read the source of")
        library, me = self._view.library, self._principal
        source = await self._cloud.payloads.read(
            program_id,
            "source",
            lambda: library.own(me, program_id, "read the source of").source,
            noun="program",
        )
        return source or b""

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """Change a program's metadata."""
        self._check_uploads()
        self._refuse_built_in(program_id, "change")
        digest_of(update)  # refuses what no log could keep
        await self._check_schemas(update)
        await self._machine.feed(
            UpdateProgram(
                principal=self._principal, program_id=ProgramId(program_id), update=update
            )
        )

    async def replace_program(self, program_id: str, source: bytes) -> None:
        """Change a program's source."""
        self._check_uploads()
        check_source(source)
        self._refuse_built_in(program_id, "change")
        await self._cloud.feed_with(
            source,
            lambda stored: ReplaceProgram(
                principal=self._principal, program_id=ProgramId(program_id), source=stored
            ),
        )

    async def publish_program(self, program_id: str, *, public: bool) -> None:
        """Let everybody see a program, or nobody else any more."""
        self._check_uploads()
        self._refuse_built_in(program_id, "publish")
        await self._machine.feed(
            PublishProgram(
                principal=self._principal, program_id=ProgramId(program_id), public=public
            )
        )

    async def delete_program(self, program_id: str) -> None:
        """Remove a program."""
        self._check_uploads()
        self._refuse_built_in(program_id, "delete")
        await self._machine.feed(
            DeleteProgram(principal=self._principal, program_id=ProgramId(program_id))
        )

    def _check_uploads(self) -> None:
        self._check()
        if self._cloud.runner is None:
            raise UnsupportedOperation("memory", "uploaded programs: they are switched off")

    def _refuse_built_in(self, program_id: str, action: str) -> None:
        if program_id in self._cloud.programs:
            raise AccessDeniedError(
                f"{action} program {program_id!r}", "it is built in: upload one of your own"
            )

    async def _check_schemas(self, given: ProgramSpec | ProgramUpdate) -> None:
        """Refuse what is no JSON Schema, now rather than with the first job."""
        runner = self._cloud.runner
        for name in ("parameters", "return_values", "interim_results"):
            schema = getattr(given, name)
            if schema and runner is not None:
                problem = await runner.problem(schema, None)
                if problem is not None:
                    raise InvalidInputError(f"spec.{name}", f"is no JSON Schema: {problem}")

    async def _check_run(self, program_id: str, params: bytes) -> None:
        """Refuse a job of an uploaded program that cannot run, or not with these parameters."""
        program = self._find(program_id)
        if program_id in self._cloud.programs:
            return
        runner = self._cloud.runner
        if runner is None:
            raise AccessDeniedError(
                "run uploaded programs here", "they are switched off: use programs=isolated"
            )
        await runner.check()
        schema = program.spec.parameters
        if schema:
            problem = await runner.problem(schema, params)
            if problem is not None:
                raise InvalidInputError("params", f"do not fit program {program_id!r}: {problem}")

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return what a job has published; woken by the event itself."""
        self._check()
        if start < 0:
            raise InvalidInputError("start", f"must be 0 or more, not {start}")
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError("limit", f"must be 1 to {MAX_PAGE}, not {limit}")
        await self._machine.wait_interim(
            self._principal, job_id, start=start, timeout=timeout, waits=self._waits
        )
        ended = self._view.job(self._principal, job_id).state.ended
        stored, size = self._view.interim(job_id), 0
        results: list[bytes] = []
        for place, payload in enumerate(stored[start : start + limit], start):
            size += payload.size
            if results and size > _PAGE_BYTES:
                break
            result = await self._cloud.payloads.read(
                job_id, "interim results", partial(self._published, job_id, place)
            )
            if result is None:  # whoever took the private result meanwhile took these with it
                break
            results.append(result)
        complete = ended and start + len(results) >= len(stored)
        return InterimResults(start=start, results=tuple(results), complete=complete)

    def _published(self, job_id: str, place: int) -> Payload | None:
        """Return where the interim result at a place is, if it is still there."""
        self._view.job(self._principal, job_id)
        stored = self._view.interim(job_id)
        return stored[place] if place < len(stored) else None


def _matches(program: Program, query: ProgramQuery) -> bool:
    spec = program.spec
    search = query.search.casefold() if query.search is not None else ""
    return (
        (query.name is None or spec.name == query.name)
        and (search in spec.name.casefold() or search in spec.description.casefold())
        and set(query.tags).issubset(spec.tags)
    )
