"""The promises of ``ProgramPort``: listing, uploading, changing, and who sees what."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from swqr_core.errors import (
    AccessDeniedError,
    IdempotencyConflictError,
    InvalidInputError,
    PayloadTooLargeError,
    ProgramNotFoundError,
)
from swqr_core.model.program import MAX_SOURCE_BYTES, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import ProgramQuery
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Control, Seat

from .claims import claim
from .world import World

__all__ = ["ProgramClaims"]

SOURCE = b"def main(backend, user_messenger, **kwargs):\r\n    return '\xc3\xa9'\n"
SPEC = ProgramSpec(
    name="Contract",
    description="Held to its promises",
    cost=300,
    backend_requirements={"min_num_qubits": 1},
    parameters={"type": "object", "properties": {"n": {"type": "integer"}}},
    return_values={"type": "string"},
    tags=("red", "green"),
)
UPDATE = ProgramUpdate(name="Other", cost=20, tags=("blue",))

_CHANGES: list[Callable[[RuntimeTransport, str], Awaitable[Any]]] = [
    lambda transport, which: transport.update_program(which, UPDATE),
    lambda transport, which: transport.replace_program(which, b"pass"),
    lambda transport, which: transport.publish_program(which, public=True),
    lambda transport, which: transport.program_source(which),
    lambda transport, which: transport.delete_program(which),
]


async def _all(transport: RuntimeTransport, query: ProgramQuery) -> list[Program]:
    return [program async for program in each(transport.programs, query)]


async def _add(world: World, **changes: Any) -> Program:
    spec = evolve(SPEC, **changes)
    return await world.transport.add_program(spec, SOURCE, key=world.harness.key())


class ProgramClaims:
    """What jobs can run."""

    @claim("programs")
    async def test_programs_are_listed_by_id_each_once(self, world: World) -> None:
        ids = [program.id for program in await _all(world.transport, ProgramQuery())]

        assert ids == sorted(set(ids))
        assert world.harness.program_id in ids

    @claim("programs")
    async def test_a_program_is_found_as_it_is_listed(self, world: World) -> None:
        for listed in await _all(world.transport, ProgramQuery()):
            assert await world.transport.program(listed.id) == listed

    @claim("programs")
    async def test_an_unknown_program_is_not_found(self, world: World) -> None:
        with pytest.raises(ProgramNotFoundError) as caught:
            await world.transport.program("no-such-program")

        assert caught.value.id == "no-such-program"

    @claim("programs", "program_uploads")
    async def test_an_uploaded_program_is_as_it_was_sent(self, world: World) -> None:
        added = await _add(world)

        assert added.spec == SPEC
        assert added.owner
        assert added.created_at is not None
        assert await world.transport.program(added.id) == added
        assert added in await _all(world.transport, ProgramQuery())

    @claim("program_uploads")
    async def test_a_source_comes_back_byte_by_byte(self, world: World) -> None:
        added = await _add(world)

        assert await world.transport.program_source(added.id) == SOURCE

    @claim("program_uploads", "idempotent_submit")
    async def test_a_repeated_upload_gives_the_first_program_and_adds_no_second(
        self, world: World
    ) -> None:
        key = world.harness.key()
        first = await world.transport.add_program(SPEC, SOURCE, key=key)

        again = await world.transport.add_program(SPEC, SOURCE, key=key)

        assert again.id == first.id
        with pytest.raises(IdempotencyConflictError):
            await world.transport.add_program(SPEC, b"pass", key=key)

    @claim("programs", "program_uploads")
    async def test_pages_of_programs_tile_the_list_and_each_tells_the_total(
        self, world: World
    ) -> None:
        for _ in range(3):
            await _add(world)
        everything = await _all(world.transport, ProgramQuery())

        pages = [
            await world.transport.programs(ProgramQuery(limit=2, offset=offset))
            for offset in range(0, len(everything), 2)
        ]

        assert [program for page in pages for program in page] == everything
        assert {page.total for page in pages} == {len(everything)}

    @claim("programs", "program_uploads")
    async def test_programs_are_found_by_name_text_and_all_of_some_tags(self, world: World) -> None:
        mark = world.harness.key()  # there may be programs of earlier runs
        mine = await _add(world, name=f"Zeta {mark}", description=f"Looks for needles: {mark}")
        await _add(world, name=f"Zeta {mark} two", tags=("red",))

        for query in (
            ProgramQuery(name=f"Zeta {mark}"),
            ProgramQuery(search=f"NEEDLES: {mark.upper()}"),
            ProgramQuery(search=f"zeta {mark}", tags=("green", "red")),
        ):
            assert [each.id for each in await _all(world.transport, query)] == [mine.id], query

    @claim("programs", "program_uploads")
    async def test_an_update_changes_what_it_names_and_nothing_else(self, world: World) -> None:
        added = await _add(world)

        await world.transport.update_program(added.id, UPDATE)
        await world.transport.update_program(added.id, UPDATE)

        now = await world.transport.program(added.id)
        assert now.spec == evolve(SPEC, name="Other", cost=20, tags=("blue",))
        assert (now.id, now.created_at, now.owner) == (added.id, added.created_at, added.owner)
        assert await world.transport.program_source(added.id) == SOURCE

    @claim("programs", "program_uploads")
    async def test_a_replaced_source_leaves_the_metadata_alone(self, world: World) -> None:
        added = await _add(world)

        await world.transport.replace_program(added.id, b"pass\n")

        assert await world.transport.program_source(added.id) == b"pass\n"
        assert (await world.transport.program(added.id)).spec == SPEC

    @claim("programs", "program_uploads")
    async def test_a_deleted_program_is_gone(self, world: World) -> None:
        added = await _add(world)

        await world.transport.delete_program(added.id)

        assert added.id not in [each.id for each in await _all(world.transport, ProgramQuery())]
        for ask in (world.transport.program, world.transport.delete_program):
            with pytest.raises(ProgramNotFoundError):
                await ask(added.id)
        with pytest.raises(ProgramNotFoundError):
            await world.submit(program_id=added.id)

    @claim("program_uploads")
    async def test_a_built_in_program_cannot_be_changed(self, world: World) -> None:
        for change in _CHANGES:
            with pytest.raises(AccessDeniedError):
                await change(world.transport, world.harness.program_id)

    @claim("program_uploads")
    async def test_a_source_that_cannot_be_is_refused(self, world: World) -> None:
        for source, kind in (
            (b"  \n", InvalidInputError),
            (b"\xff", InvalidInputError),
            (b"#" * (MAX_SOURCE_BYTES + 1), PayloadTooLargeError),
        ):
            with pytest.raises(kind):
                await world.transport.add_program(SPEC, source, key=world.harness.key())

    @claim("programs", "program_uploads", Control.TENANTS)
    async def test_a_private_program_does_not_exist_for_others(self, world: World) -> None:
        added, stranger = await _add(world), await world.connect(Seat.STRANGER)

        assert added.id not in [each.id for each in await _all(stranger, ProgramQuery())]
        for ask in (lambda transport, which: transport.program(which), *_CHANGES):
            with pytest.raises(ProgramNotFoundError):
                await ask(stranger, added.id)
        spec = world.harness.spec(program_id=added.id)
        with pytest.raises(ProgramNotFoundError):
            await stranger.submit(spec, b"{}", key=world.harness.key())
        assert (await world.transport.program(added.id)).spec == SPEC

    @claim("programs", "program_uploads", Control.TENANTS)
    async def test_a_published_program_is_seen_by_all_and_changed_by_its_owner_alone(
        self, world: World
    ) -> None:
        added, stranger = await _add(world), await world.connect(Seat.STRANGER)

        await world.transport.publish_program(added.id, public=True)

        assert (await stranger.program(added.id)).spec == evolve(SPEC, is_public=True)
        for change in _CHANGES:
            with pytest.raises(AccessDeniedError):
                await change(stranger, added.id)
        await world.transport.publish_program(added.id, public=False)
        with pytest.raises(ProgramNotFoundError):
            await stranger.program(added.id)

    @claim("program_uploads", Control.EXECUTIONS)
    async def test_a_job_of_a_program_has_its_cost_as_time_limit(self, world: World) -> None:
        added = await _add(world, cost=77)

        job = await world.running(program_id=added.id)

        assert job.time_limit == 77
        await world.harness.finish(job.id, result=b'"done"')
        await world.pass_time(0)
        assert await world.transport.result(job.id) == b'"done"'

    @claim("program_uploads", Control.BACKENDS, Control.EXECUTIONS)
    async def test_a_job_of_a_program_that_was_deleted_meanwhile_still_runs(
        self, world: World
    ) -> None:
        added = await _add(world)
        job = await world.queued(program_id=added.id)
        await world.transport.delete_program(added.id)

        await world.serve()
        await world.harness.started(job.id)
        await world.harness.finish(job.id, result=b'"done"')
        await world.pass_time(0)

        assert await world.transport.result(job.id) == b'"done"'
