"""The settings of a `memory://` URL."""

import pytest

from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.transports.memory.settings import CloudSettings, connect, make_cloud
from swqr_core.errors import ConfigurationError


def test_settings_are_read_from_text() -> None:
    settings = CloudSettings.parse(
        {"seed": "7", "noise": "off", "pace": "real", "ideal": "5,32", "job_seconds": "0.5"}
    )

    assert settings == CloudSettings(
        seed=7, noise=False, pace="real", ideal=(5, 32), job_seconds=0.5
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sede", "7", "did you mean 'seed'"),
        ("seed", "seven", "seed must be a whole number"),
        ("noise", "maybe", "noise must be on or off"),
        ("pace", "fast", "pace must be instant or real"),
        ("wall_limit", "long", "wall_limit must be a number of seconds"),
        ("memory_limit", "lots", "memory_limit must be a number of bytes"),
        ("on_restart", "maybe", "on_restart must be rerun or fail"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CloudSettings.parse({name: value})


@pytest.mark.parametrize(
    ("text", "expected"), [("1000", 1_000), ("512M", 512 * 2**20), ("2g", 2 * 2**30)]
)
def test_memory_is_given_in_bytes_or_larger_units(text: str, expected: int) -> None:
    assert CloudSettings.parse({"memory_limit": text}).memory_limit == expected


async def test_the_limits_of_an_execution_reach_the_workers() -> None:
    settings = CloudSettings(wall_limit=5.0, memory_limit=2**30)
    cloud = make_cloud(settings)
    pool = cloud._executions._executor  # noqa: SLF001 - a job over its limit takes long
    assert isinstance(pool, WorkerPool)

    assert (pool._wall_limit, pool._memory_limit) == (5.0, 2**30)  # noqa: SLF001
    await cloud.aclose()


@pytest.mark.parametrize(
    "settings",
    [
        {"workers": "0"},
        {"max_ttl": "0"},
        {"max_ttl": "999999999999"},
        {"ideal": "0"},
        {"job_seconds": "-1"},
        {"execution": "threads", "memory_limit": "1G"},
        {"store": "postgres://host/db"},
    ],
)
async def test_a_value_out_of_its_range_is_a_configuration_error(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        await connect("", settings)


async def test_a_location_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no location"):
        await connect("somewhere", {})


async def test_every_connection_is_a_cloud_of_its_own() -> None:
    one, other = [await connect("", {"execution": "threads"}) for _ in range(2)]
    try:
        assert one._cloud is not other._cloud  # noqa: SLF001 - nothing public shows it
    finally:
        await one.aclose()
        await other.aclose()
