"""From configuration to a transport. Everything that is installed is found by entry point."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final, cast

from swqr_core.errors import ConfigurationError, MissingExtraError
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.transport import RuntimeTransport, TransportFactory, WrapperFactory

from .reading import nearest
from .secret import HIDDEN, SecretReference, SecretText
from .url import parse_url

if TYPE_CHECKING:
    from swqr_core.ports.journal import Journal, JournalFactory
    from swqr_core.ports.settings import SettingsSource
    from swqr_core.ports.timeline import TimelineDrawer

    from .profile import Profile, Setting, Wrapping

__all__ = [
    "active_profile",
    "connect_profile",
    "connect_transport",
    "load_point",
    "parse_url",
    "system_clock",
    "system_ids",
    "system_journal",
    "system_settings",
    "system_timeline",
    "transport_names",
    "wrapper_names",
]

TRANSPORTS: Final = "swqr.transports"
WRAPPERS: Final = "swqr.wrappers"
SYSTEM: Final = "swqr.system"


def transport_names() -> tuple[str, ...]:
    """Return the names of the installed transports; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=TRANSPORTS)}))


def wrapper_names() -> tuple[str, ...]:
    """Return the names of the installed wrappers; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=WRAPPERS)}))


def active_profile(
    choice: str | None = None, settings: Mapping[str, str] | None = None
) -> "Profile":
    """Return the profile that is meant; see ``swqr_core.config.profile``.

    Args:
        choice: A profile's name, or a URL ``NAME://LOCATION?SETTING=VALUE&...``; None for the
            active profile.
        settings: Further settings; they come before all others.

    Raises:
        ConfigurationError: There is no such profile, or a file cannot be used.
    """
    from .profile import resolve

    if choice is not None and "://" in choice:  # it says everything
        return resolve(choice, settings=settings, environment={})
    source = system_settings()
    try:
        return resolve(
            choice,
            settings=settings,
            environment=source.environment(),
            files=source.files(),
            wrappers=wrapper_names(),
        )
    except ConfigurationError as error:
        if error.source != "the argument" or choice not in transport_names():
            raise
        hint = f"; the transport of that name is {choice + '://'!r}"
        raise ConfigurationError(error.source, error.problem + hint) from error


async def connect_transport(
    choice: str | None = None, settings: Mapping[str, str] | None = None
) -> RuntimeTransport:
    """Make the transport that a profile or a URL names.

    Args:
        choice: A profile's name or a URL; None for the active profile.
        settings: Further settings; they come before all others.

    Raises:
        ConfigurationError: There is no such profile or transport, it cannot be loaded, or a
            setting of it cannot be used.
        MissingExtraError: A package that it needs is not installed.
    """
    return await connect_profile(active_profile(choice, settings))


async def connect_profile(profile: "Profile") -> RuntimeTransport:
    """Make a profile's transport, and what wraps it.

    Raises:
        ConfigurationError: There is no such transport, it cannot be loaded, or a setting of it
            cannot be used; the error says where that setting stands.
        MissingExtraError: A package that it needs is not installed.
    """
    location = profile.location

    async def make(settings: Mapping[str, str]) -> RuntimeTransport:
        factory = cast("TransportFactory", load_point(TRANSPORTS, name, where))
        return await factory(location, settings)

    name, where = str(profile.transport.value), profile.transport.origin
    transport = await _plainly(make, name, where, profile.settings)
    for one in reversed(profile.wrappers):
        try:
            transport = await _plainly(
                _wrapping(transport, one), one.name, one.origin, one.settings
            )
        except BaseException:
            await transport.aclose()
            raise
    return transport


def _wrapping(
    inner: RuntimeTransport, one: "Wrapping"
) -> Callable[[Mapping[str, str]], Awaitable[RuntimeTransport]]:
    async def make(settings: Mapping[str, str]) -> RuntimeTransport:
        wrap = cast("WrapperFactory", load_point(WRAPPERS, one.name, one.origin))
        return await wrap(inner, settings)

    return make


async def _plainly(
    make: Callable[[Mapping[str, str]], Awaitable[RuntimeTransport]],
    name: str,
    where: str,
    settings: "Mapping[str, Setting]",
) -> RuntimeTransport:
    """Make a transport; an error says where the setting stands, and shows no secret."""
    texts = {key: _text(one) for key, one in settings.items()}
    try:
        return await make(texts)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        cause = error if _masked(str(error), texts) == str(error) else None
        raise _told(error, name, where, settings, texts) from cause


def system_clock() -> Clock:
    """Make the installed clock (entry point ``clock`` of the group ``swqr.system``)."""
    return cast("type[Clock]", load_point(SYSTEM, "clock"))()


def system_ids() -> IdFactory:
    """Make the installed source of ids (entry point ``ids`` of the group ``swqr.system``)."""
    return cast("type[IdFactory]", load_point(SYSTEM, "ids"))()


def system_settings() -> "SettingsSource":
    """Make what reads files and variables (``settings`` of the group ``swqr.system``)."""
    return cast("type[SettingsSource]", load_point(SYSTEM, "settings"))()


def system_timeline() -> "TimelineDrawer":
    """Return what draws sessions (``timeline`` of the group ``swqr.system``)."""
    return cast("TimelineDrawer", load_point(SYSTEM, "timeline"))


def system_journal(profile: "Profile", transport: RuntimeTransport) -> "Journal | None":
    """Make the journal of a transport (``journal`` of the group ``swqr.system``).

    None if the profile wants none, or if there is nothing to recover: the work ends with this
    process.
    """
    able = transport.capabilities
    if not able.lasting or (profile.journal is not None and profile.journal.value == "off"):
        return None
    factory = cast("JournalFactory", load_point(SYSTEM, "journal"))
    return factory(transport=able.transport, principal=transport.principal, choice=profile.choice)


def load_point(group: str, name: str, where: str = "") -> object:
    """Return what an entry point names.

    Args:
        group: Its group.
        name: Its name.
        where: Who asks for it, for messages.

    Raises:
        ConfigurationError: There is none of that name, or it cannot be loaded.
    """
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    point = points.get(name)
    source = f"entry points {group!r}"
    if where and where != "the argument":
        source = f"{where}: {source}"
    if point is None:
        there = ", ".join(sorted(points)) or "nothing"
        raise ConfigurationError(
            source, f"there is no {name!r}; {nearest(name, points)}installed: {there}"
        )
    try:
        return point.load()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            source, f"{name!r} ({point.value}) cannot be loaded: {error}"
        ) from error


def _text(one: "Setting") -> str:
    """Return a setting's text; a secret is fetched from where it is kept."""
    if not isinstance(one.value, SecretReference):
        return one.value
    reference = one.value
    try:
        return SecretText(system_settings().secret(reference.kind, reference.name, reference.base))
    except MissingExtraError:
        raise
    except ConfigurationError as error:
        raise ConfigurationError(one.origin, f"{one.name}: {error}", one.name) from error


def _told(
    error: Exception,
    name: str,
    where: str,
    settings: "Mapping[str, Setting]",
    texts: Mapping[str, str],
) -> Exception:
    """Return the error with the place of the setting that it is about, and without secrets."""
    from .profile import OWN_KEYS

    shown = _masked(str(error), texts)
    if not isinstance(error, ConfigurationError) or isinstance(error, MissingExtraError):
        return error if shown == str(error) else ConfigurationError(f"transport {name!r}", shown)
    wrong = settings.get(error.setting or "")
    place = where if wrong is None else wrong.origin
    if place in {"the argument", "the default"}:
        return error if shown == str(error) else ConfigurationError(error.source, shown)
    hint = ""
    if error.setting and "did you mean" not in error.problem:
        hint = nearest(error.setting, OWN_KEYS)
    problem = f"{_masked(error.problem, texts)}{'; ' if hint else ''}{hint.strip()}"
    source = error.source if error.source.startswith(place) else f"{place}, {error.source}"
    return ConfigurationError(source, problem, error.setting)


def _masked(message: str, texts: Mapping[str, str]) -> str:
    for text in texts.values():
        if isinstance(text, SecretText) and text:
            message = message.replace(str.__str__(text), HIDDEN)
    return message
