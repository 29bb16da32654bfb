"""The settings of a `memory://` URL."""

import pytest

from swqr_adapters.transports.memory.settings import CloudSettings, connect
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
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CloudSettings.parse({name: value})


@pytest.mark.parametrize(
    "settings",
    [{"workers": "0"}, {"max_ttl": "0"}, {"ideal": "0"}, {"job_seconds": "-1"}],
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
