"""From what a user has configured to one profile: a transport, its settings, what wraps it.

Everything is given; nothing is read here. Four layers, the strongest first:

1. the argument: a profile's name or a URL, and the settings beside it;
2. the environment: ``SWQR_PROFILE``, ``SWQR_TRANSPORT``, ``SWQR_<SETTING>``;
3. the project's file;
4. the user's file.

A setting belongs to a transport: where a stronger layer names another transport, the settings that
weaker ones gave are left out. What wraps the transport stays.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from swqr_core.errors import ConfigurationError
from swqr_core.ports.settings import SettingsFile

from .reading import nearest, texts
from .secret import HIDDEN, SecretReference, SecretText, tells_a_secret
from .url import parse_url

__all__ = ["DEFAULT_TRANSPORT", "NOBODY", "Profile", "Setting", "Wrapping", "resolve"]

DEFAULT_TRANSPORT: Final = "memory"
_CREDENTIALS: Final = re.compile(r"//[^/?#]*@")
_ARGUMENT: Final = "the argument"
DEFAULT_PROFILE: Final = "default"
OWN_KEYS: Final = ("location", "transport", "wrap")
PREFIX: Final = "SWQR_"

# Variables that are no settings of a transport: the command's, and those of its tests.
_NO_SETTINGS: Final = (
    "BENCH_",
    "CONFIG",
    "CONTROL_",
    "JOURNAL",
    "PROFILE",
    "PROGRESS",
    "SERVER_",
    "TRANSPORT",
)
NOBODY: Final = "the default"
_TOP_KEYS: Final = ("journal", "profile", "profiles")


@frozen(kw_only=True)
class Setting:
    """A setting and where it came from.

    Attributes:
        name: Its name.
        value: Its text, or where a secret is kept.
        origin: A file with its line, a variable, ``the argument``, or ``the default``.
    """

    name: str
    value: str | SecretReference = field(repr=False)
    origin: str

    @property
    def shown(self) -> str:
        """Its value for people; a secret or a URL's password is not shown, a reference is."""
        if isinstance(self.value, SecretText):
            return HIDDEN
        if isinstance(self.value, str) and self.value and tells_a_secret(self.name):
            return HIDDEN  # in a URL, where it does not belong
        return _CREDENTIALS.sub(f"//{HIDDEN}@", str(self.value))


@frozen(kw_only=True)
class Wrapping:
    """A transport around the transport.

    Attributes:
        name: The name of an entry point of the group ``swqr.wrappers``.
        origin: Where it was asked for.
        settings: Its settings by name.
    """

    name: str
    origin: str
    settings: Mapping[str, Setting] = field(factory=dict)


@frozen(kw_only=True)
class Profile:
    """What ``connect`` makes a transport from.

    Attributes:
        name: The profile's name; None if there is none: a URL, or defaults and variables alone.
        transport: The transport's name, and who says so.
        location: What stands in a URL behind ``//``.
        settings: The transport's settings by name.
        wrappers: What wraps it; a call goes through the first one first.
        journal: Whether submitted work is written down, if somebody says so.
    """

    name: str | None
    transport: Setting
    location: str = ""
    settings: Mapping[str, Setting] = field(factory=dict)
    wrappers: tuple[Wrapping, ...] = ()
    journal: Setting | None = None

    @property
    def choice(self) -> str | None:
        """What leads here again: the name, or a URL without anything secret.

        None for what variables and defaults make together.
        """
        if self.name is not None:
            return self.name
        if self.transport.origin != _ARGUMENT:
            return None
        told = {
            name: str(one.value)
            for name, one in self.settings.items()
            if not tells_a_secret(name) and "@" not in str(one.value)
        }
        query = f"?{urlencode(told)}" if told else ""
        return f"{self.transport.value}://{self.location}{query}"

    @property
    def identity(self) -> tuple[object, ...]:
        """What two profiles have in common that make the same transport; it can be hashed."""
        wraps = tuple((one.name, _values(one.settings)) for one in self.wrappers)
        return str(self.transport.value), self.location, _values(self.settings), wraps


def _values(settings: Mapping[str, Setting]) -> frozenset[tuple[str, object]]:
    return frozenset((name, one.value) for name, one in settings.items())


@frozen(kw_only=True)
class _Layer:
    """What one place says; the names of wrappers' settings are ``WRAPPER.SETTING``."""

    transport: Setting | None = None
    location: str = ""
    settings: Mapping[str, Setting] = field(factory=dict)
    wrap: Setting | None = None


def resolve(
    choice: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str],
    files: Collection[SettingsFile] = (),
    wrappers: Collection[str] = (),
) -> Profile:
    """Return the profile that is meant.

    Args:
        choice: The argument: a profile's name, or a URL, which says everything: then neither
            variables nor files are looked at. None for the active profile.
        settings: Further settings; they come before all others.
        environment: The variables.
        files: The files, the strongest first.
        wrappers: The names of the installed wrappers.

    Raises:
        ConfigurationError: There is no such profile, or what it says cannot be; with the file,
            the line, the key and the nearest right one.
    """
    files = tuple(files)
    over = _Layer(settings={n: _given(n, v, _ARGUMENT) for n, v in (settings or {}).items()})
    if choice is not None and "://" in choice:
        return _merge(None, [over, _from_url(choice, _ARGUMENT)], None)
    for file in files:
        _check_top(file)
    name, chosen = _choose(choice, environment, files)
    layers = [over, _from_environment(environment, with_transport=choice is None)]
    if "://" in name:  # in a variable or as a file's choice: what is beside it there still counts
        return _merge(None, [*layers, _from_url(name, chosen)], _journal(files))
    tables = [layer for file in files if (layer := _from_file(file, name, wrappers)) is not None]
    if not tables and chosen != NOBODY:
        known = sorted({key for file in files for key in _tables(file)})
        there = ", ".join(known) or "none"
        raise ConfigurationError(
            chosen, f"there is no profile {name!r}; {nearest(name, known)}known: {there}"
        )
    return _merge(name if tables else None, [*layers, *tables], _journal(files))


def _choose(
    choice: str | None, environment: Mapping[str, str], files: Collection[SettingsFile]
) -> tuple[str, str]:
    """Return a profile's name or a URL, and who says so."""
    if choice is not None:
        return choice, _ARGUMENT
    if environment.get(f"{PREFIX}PROFILE"):
        return environment[f"{PREFIX}PROFILE"], f"the variable {PREFIX}PROFILE"
    for file in files:
        name = file.content.get("profile")
        if isinstance(name, str):
            return name, file.place("profile")
    return DEFAULT_PROFILE, NOBODY


def _journal(files: Collection[SettingsFile]) -> Setting | None:
    for file in files:
        if "journal" in file.content:
            value = "on" if file.content["journal"] else "off"
            return Setting(name="journal", value=value, origin=file.place("journal"))
    return None


# --- the layers --------------------------------------------------------------------------------


def _from_url(url: str, origin: str) -> _Layer:
    name, location, found = parse_url(url)
    settings = {key: _given(key, text, origin) for key, text in found.items() if key != "wrap"}
    wrap = Setting(name="wrap", value=found["wrap"], origin=origin) if "wrap" in found else None
    transport = Setting(name="transport", value=name, origin=origin)
    return _Layer(transport=transport, location=location, settings=settings, wrap=wrap)


def _from_environment(environment: Mapping[str, str], *, with_transport: bool) -> _Layer:
    found: dict[str, Setting] = {}
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX)
        if name == variable or name.startswith(_NO_SETTINGS) or not name:
            continue
        value = SecretText(text) if tells_a_secret(name) else text
        key = name.lower()
        found[key] = Setting(name=key, value=value, origin=f"the variable {variable}")
    wrap = found.pop("wrap", None)
    named = environment.get(f"{PREFIX}TRANSPORT") if with_transport else None
    if not named:
        return _Layer(settings=found, wrap=wrap)
    layer = _from_name(named, f"the variable {PREFIX}TRANSPORT")
    return evolve(layer, settings={**layer.settings, **found}, wrap=wrap or layer.wrap)


def _from_name(named: str, origin: str) -> _Layer:
    """Return what a transport's name, or a URL in its place, says."""
    if "://" in named:
        return _from_url(named, origin)
    return _Layer(transport=Setting(name="transport", value=named, origin=origin))


def _from_file(file: SettingsFile, name: str, wrappers: Collection[str]) -> _Layer | None:
    table = _tables(file).get(name)
    if table is None:
        return None
    layer = _Layer()
    settings: dict[str, Setting] = {}
    path = ("profiles", name)
    for key, value in table.items():
        place = file.place(*path, key)
        match key, value:
            case "transport", str():
                layer = evolve(_from_name(value, place), wrap=layer.wrap)
            case "wrap", _:
                layer = evolve(
                    layer, wrap=Setting(name=key, value=_text(value, place, key), origin=place)
                )
            case "location" | "transport", _ if not isinstance(value, str):
                raise ConfigurationError(place, f"{key} must be text", key)
            case "location", _:
                pass
            case _, Mapping() if set(value) != {"secret"}:
                _check_wrapper(key, place, wrappers)
                for inner, inner_value in value.items():
                    full, where = f"{key}.{inner}", file.place(*path, key, inner)
                    settings[full] = _from_value(full, inner_value, where, file.folder)
            case _:
                settings[key] = _from_value(key, value, place, file.folder)
    return evolve(
        layer,
        location=str(table.get("location", layer.location)),
        settings={**layer.settings, **settings},
    )


def _from_value(name: str, value: object, place: str, folder: str) -> Setting:
    if isinstance(value, Mapping):
        if set(value) != {"secret"} or not isinstance(value["secret"], str):
            raise ConfigurationError(
                place, f"{name} must be a value, or {{ secret = '...' }}", name
            )
        reference = SecretReference.parse(value["secret"], source=place, base=folder)
        return Setting(name=name, value=reference, origin=place)
    if tells_a_secret(name):
        problem = (
            f"{name}: a secret has no place in a file; say where it is, for example "
            f"{name} = {{ secret = 'env:MY_KEY' }}"
        )
        raise ConfigurationError(place, problem, name)
    return Setting(name=name, value=_text(value, place, name), origin=place)


def _given(name: str, text: str, origin: str) -> Setting:
    return Setting(name=name, value=text, origin=origin)


def _text(value: object, place: str, key: str) -> str:
    """Return a value as it would stand in a URL."""
    match value:
        case bool():
            return "on" if value else "off"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(one, str | int | float) for one in value):
            return ",".join(_text(one, place, key) for one in value)
        case _:
            problem = f"{key} must be text, a number, true or false, or a list of those"
            raise ConfigurationError(place, problem, key)


# --- mistakes ----------------------------------------------------------------------------------


def _tables(file: SettingsFile) -> Mapping[str, Mapping[str, object]]:
    found = file.content.get("profiles", {})
    if not isinstance(found, Mapping) or not all(isinstance(t, Mapping) for t in found.values()):
        raise ConfigurationError(
            file.place("profiles"), "profiles are tables: [profiles.NAME]", "profiles"
        )
    return found


def _check_top(file: SettingsFile) -> None:
    for key, value in file.content.items():
        place = file.place(key)
        if key not in _TOP_KEYS:
            hint = nearest(key, _TOP_KEYS)
            problem = f"there is no key {key!r} here; {hint}known: {', '.join(_TOP_KEYS)}"
            raise ConfigurationError(place, problem, key)
        if key == "profile" and not isinstance(value, str):
            raise ConfigurationError(place, "profile must be the name of one", key)
        if key == "journal" and not isinstance(value, bool):
            raise ConfigurationError(place, "journal must be true or false", key)


def _check_wrapper(key: str, place: str, wrappers: Collection[str]) -> None:
    if key not in wrappers:
        known = ", ".join(sorted(wrappers)) or "none"
        problem = f"there is no wrapper {key!r}; {nearest(key, wrappers)}installed: {known}"
        raise ConfigurationError(place, problem, key)


# --- all together ------------------------------------------------------------------------------


def _merge(name: str | None, layers: list[_Layer], journal: Setting | None) -> Profile:
    """Put the layers, strongest first, on top of one another."""
    wrap = next((layer.wrap for layer in layers if layer.wrap is not None), None)
    names = () if wrap is None else texts(str(wrap.value))
    transport = Setting(name="transport", value=DEFAULT_TRANSPORT, origin=NOBODY)
    location = ""
    mine: dict[str, Setting] = {}
    theirs: dict[str, dict[str, Setting]] = {one: {} for one in names}
    for layer in reversed(layers):
        if layer.transport is not None:
            if layer.transport.value != transport.value:
                mine.clear()
                location = ""
            transport = layer.transport
        location = layer.location or location
        for key, one in layer.settings.items():
            owner, inner = _owner(key, names)
            if owner is None:
                mine[key] = one
            elif owner in theirs:
                theirs[owner][inner] = evolve(one, name=inner)
    origin = "" if wrap is None else wrap.origin
    return Profile(
        name=name,
        transport=transport,
        location=location,
        settings=mine,
        wrappers=tuple(
            Wrapping(name=one, origin=origin, settings=found) for one, found in theirs.items()
        ),
        journal=journal,
    )


def _owner(key: str, wrappers: Collection[str]) -> tuple[str | None, str]:
    """Return the wrapper whose setting a key is, and the setting's name there."""
    owner, dot, inner = key.partition(".")
    if dot:
        return owner, inner
    for name in wrappers:
        # Variables have no dots: SWQR_BUDGET_JOBS.
        if key.startswith(f"{name}_"):
            return name, key.removeprefix(f"{name}_")
    return None, key
