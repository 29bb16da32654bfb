"""From a URL to a transport. Transports, the clock and the ids are found by entry point."""

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from swqr_core.errors import ConfigurationError
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.transport import RuntimeTransport, TransportFactory

__all__ = ["connect_transport", "parse_url", "system_clock", "system_ids", "transport_names"]

TRANSPORTS = "swqr.transports"
SYSTEM = "swqr.system"


def transport_names() -> tuple[str, ...]:
    """Return the names of the installed transports; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=TRANSPORTS)}))


def parse_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Split a transport's URL into its name, its location and its settings.

    Raises:
        ConfigurationError: It is no such URL, or a setting stands in it twice.
    """
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        # The URL may hold a secret, so neither it nor its cause is shown.
        raise ConfigurationError("transport URL", f"cannot be read: {error}") from None
    if not parts.scheme or "://" not in url:
        raise ConfigurationError(
            "transport URL", "must be like 'memory://?seed=7': a transport's name and '://'"
        )
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name in settings:
            raise ConfigurationError("transport URL", f"the setting {name!r} stands there twice")
        settings[name] = value
    return parts.scheme, parts.netloc + parts.path, settings


async def connect_transport(
    url: str, settings: Mapping[str, str] | None = None
) -> RuntimeTransport:
    """Make the transport that a URL names.

    Args:
        url: ``NAME://LOCATION?SETTING=VALUE&...``; the name is that of an entry point of the
            group ``swqr.transports``.
        settings: Further settings; they come before those of the URL.

    Raises:
        ConfigurationError: There is no such transport, it cannot be loaded, or a setting of it
            cannot be used.
        MissingExtraError: A package that it needs is not installed.
    """
    name, location, found = parse_url(url)
    factory = cast("TransportFactory", _load(TRANSPORTS, name))
    return await factory(location, {**found, **(settings or {})})


def system_clock() -> Clock:
    """Make the installed clock (entry point ``clock`` of the group ``swqr.system``)."""
    return cast("type[Clock]", _load(SYSTEM, "clock"))()


def system_ids() -> IdFactory:
    """Make the installed source of ids (entry point ``ids`` of the group ``swqr.system``)."""
    return cast("type[IdFactory]", _load(SYSTEM, "ids"))()


def _load(group: str, name: str) -> object:
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    point = points.get(name)
    if point is None:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        there = ", ".join(sorted(points)) or "nothing"
        raise ConfigurationError(
            f"entry points {group!r}", f"there is no {name!r}; {hint}installed: {there}"
        )
    try:
        return point.load()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"entry points {group!r}", f"{name!r} ({point.value}) cannot be loaded: {error}"
        ) from error
