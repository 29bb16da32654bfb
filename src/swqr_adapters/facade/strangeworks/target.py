"""From a resource and a channel to the connection that they mean."""

from typing import Any, Final

from swqr_adapters.facade.connection import Connection
from swqr_adapters.facade.errors import IBMInputValueError
from swqr_core.config.connect import active_profile, transport_names
from swqr_core.config.secret import SecretText
from swqr_core.errors import ConfigurationError
from swqr_core.runtime.blocking import Runtime

__all__ = ["CHANNELS", "connect"]

STRANGEWORKS: Final = "strangeworks"
LOCAL: Final = "local"
CHANNELS: Final = ("ibm_cloud", "ibm_quantum", LOCAL)


def connect(
    resource_slug: Any,
    channel: Any,
    transport: str | None,
    runtime: Runtime | None,
    sdk_client: Any = None,
) -> Connection:
    """Return the connection that is meant. Nobody is asked: it is made when it is needed first.

    Args:
        resource_slug: The resource; on other transports than Strangeworks it is the instance.
        channel: One of ``CHANNELS``; ``local`` is the in-memory cloud. A resource wins over it.
        transport: The URL of a transport, or a profile, to use instead.
        runtime: A runtime to use instead.
        sdk_client: A client of the SDK, for its key and address.

    Raises:
        IBMInputValueError: A value cannot be, or things are given that exclude one another.
        ConfigurationError: There is no such profile or transport.
    """
    _check(resource_slug, channel, transport=transport, runtime=runtime, sdk_client=sdk_client)
    if runtime is not None:
        return Connection(runtime)
    settings: dict[str, str] = {}
    if channel == LOCAL and (transport, sdk_client, resource_slug) == (None, None, None):
        transport = "memory://"
    elif sdk_client is not None or (transport is None and not _is_configured()):
        transport = f"{STRANGEWORKS}://"
        settings = _credentials(sdk_client)
        if resource_slug is None:
            settings["channel"] = channel
    name = str(active_profile(transport).transport.value)
    if name not in transport_names():
        there = ", ".join(transport_names())
        raise ConfigurationError("transport", f"there is no {name!r}; installed: {there}")
    if resource_slug is not None:
        settings["resource" if name == STRANGEWORKS else "instance"] = resource_slug
    return Connection.shared(transport, settings, at_once=False)


def _check(resource_slug: Any, channel: Any, **targets: Any) -> None:
    """Refuse what cannot be.

    Raises:
        IBMInputValueError: It cannot.
    """
    if channel not in CHANNELS:
        msg = f"channel: must be one of {', '.join(CHANNELS)}, not {channel!r}"
        raise IBMInputValueError(msg, 400)
    if resource_slug is not None and not (isinstance(resource_slug, str) and resource_slug):
        msg = f"resource_slug: must be the slug of a resource, not {resource_slug!r}"
        raise IBMInputValueError(msg, 400)
    if resource_slug is not None and "://" in resource_slug:
        msg = f"resource_slug: {resource_slug!r} is a URL, which goes to transport="
        raise IBMInputValueError(msg, 400)
    if len(given := [name for name, value in targets.items() if value is not None]) > 1:
        msg = f"{', '.join(given)}: give one of them"
        raise IBMInputValueError(msg, 400)


def _is_configured() -> bool:
    """Return whether a file or a variable says which transport programs use."""
    return active_profile().transport.origin != "the default"


def _credentials(sdk_client: Any) -> dict[str, str]:
    """Return the settings for a client of the SDK, which keeps what it was authenticated with."""
    if sdk_client is None:
        return {}
    key, url = getattr(sdk_client, "_key", None), getattr(sdk_client, "_url", None)
    if not key:
        msg = "sdk_client: has no API key; call its authenticate() first"
        raise IBMInputValueError(msg, 401)
    return {"api_key": SecretText(key)} | ({"url": str(url)} if url else {})
