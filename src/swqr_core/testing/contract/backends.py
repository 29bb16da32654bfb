"""The promises of ``BackendCatalog``."""

import json

import pytest

from swqr_core.errors import BackendNotFoundError, InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.backend import BackendStatus
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["BackendClaims"]


class BackendClaims:
    """What there is to run on."""

    @claim()
    async def test_backends_are_listed_by_name_each_once(self, world: World) -> None:
        names = [backend.name for backend in await world.transport.backends()]

        assert names == sorted(set(names))
        assert world.harness.backend in names

    @claim()
    async def test_a_backend_is_found_as_it_is_listed(self, world: World) -> None:
        listed = {backend.name: backend for backend in await world.transport.backends()}
        wanted = listed[world.harness.spec().backend]

        assert await world.transport.backend(wanted.name) == wanted

    @claim()
    async def test_an_unknown_backend_is_not_found_and_near_names_are_told(
        self, world: World
    ) -> None:
        name = world.harness.backend

        with pytest.raises(BackendNotFoundError) as caught:
            await world.transport.backend(f"{name}_x")

        assert caught.value.id == f"{name}_x"
        assert name in caught.value.known

    @claim()
    async def test_a_configuration_is_a_json_object_about_the_backend(self, world: World) -> None:
        backend = await world.transport.backend(world.harness.backend)

        document = json.loads(await world.transport.backend_configuration(backend.name))

        assert document["backend_name"] == backend.name
        assert document["n_qubits"] == backend.num_qubits

    @claim()
    async def test_properties_are_a_json_object_or_none(self, world: World) -> None:
        document = await world.transport.backend_properties(world.harness.backend)

        assert document is None or isinstance(json.loads(document), dict)

    @claim()
    async def test_defaults_are_a_json_object_or_none(self, world: World) -> None:
        document = await world.transport.backend_defaults(world.harness.backend)

        assert document is None or isinstance(json.loads(document), dict)

    @claim()
    async def test_an_unknown_backend_has_no_documents(self, world: World) -> None:
        transport, name = world.transport, f"{world.harness.backend}_x"

        with pytest.raises(BackendNotFoundError):
            await transport.backend_configuration(name)
        with pytest.raises(BackendNotFoundError):
            await transport.backend_properties(name)
        with pytest.raises(BackendNotFoundError):
            await transport.backend_defaults(name)

    @claim("calibrations")
    async def test_an_unknown_calibration_is_invalid_input(self, world: World) -> None:
        transport, name = world.transport, world.harness.backend

        with pytest.raises(InvalidInputError):
            await transport.backend_configuration(name, calibration_id="no-such-calibration")
        with pytest.raises(InvalidInputError):
            await transport.backend_properties(name, calibration_id="no-such-calibration")

    @claim(Control.BACKENDS)
    async def test_a_backend_out_of_service_says_so_until_it_is_back(self, world: World) -> None:
        name, set_online = world.harness.backend, world.harness.set_backend_online
        seen = []

        for online in (True, False, True):
            await set_online(name, online=online)
            seen.append((await world.transport.backend(name)).status is BackendStatus.ONLINE)

        assert seen == [True, False, True]

    @claim(Control.BACKENDS, "queue_lengths")
    async def test_the_queue_length_counts_the_jobs_that_wait(self, world: World) -> None:
        before = (await world.transport.backend(world.harness.backend)).queue_length
        await world.queued()
        await world.submit()

        assert (await world.transport.backend(world.harness.backend)).queue_length == before + 2

    @claim(Control.BACKENDS)
    async def test_jobs_wait_while_their_backend_is_out_of_service(self, world: World) -> None:
        job = await world.queued()
        await world.pass_time(3600)

        assert await world.state(job) is JobState.QUEUED

    @claim(Control.BACKENDS, Control.EXECUTIONS)
    async def test_jobs_that_waited_run_when_their_backend_is_back(self, world: World) -> None:
        job = await world.queued()
        await world.harness.finish(job.id)
        await world.serve()

        ended = await world.transport.wait_job(job.id, timeout=None)

        assert ended.state is JobState.COMPLETED

    @claim(Control.BACKENDS, Control.EXECUTIONS)
    async def test_what_runs_on_a_backend_goes_on_when_it_leaves_service(
        self, world: World
    ) -> None:
        job = await world.running()
        await world.harness.set_backend_online(world.harness.backend, online=False)
        await world.harness.finish(job.id)

        ended = await world.transport.wait_job(job.id, timeout=None)

        assert ended.state is JobState.COMPLETED
