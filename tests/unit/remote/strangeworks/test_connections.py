from tests.unit.remote.strangeworks.conftest import Platform

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery


async def test_questions_and_operations_one_after_the_other_share_a_connection(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    for number in range(3):
        await transport.submit(spec, b"{}", key=f"k-{number}")
        await transport.jobs(JobQuery())
        await transport.backends()

    assert len(platform.connections) == 1
