"""Settings of a URL or a profile: how they are read, and what is made of those that all have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import evolve

from swqr_adapters.http import HttpEngine, Secret
from swqr_adapters.secret_files import SecretFileError, read_secret
from swqr_core.config.reading import (
    amount,
    count,
    one_of,
    read_settings,
    setting,
    switch,
    texts,
)
from swqr_core.config.secret import SecretText
from swqr_core.errors import ConfigurationError, InvalidInputError

from .auth import required_key
from .polling import PollingPolicy

__all__ = [
    "amount",
    "count",
    "make_engine",
    "named_key",
    "one_of",
    "parse_settings",
    "polling_policy",
    "secret",
    "setting",
    "switch",
    "texts",
]

T = TypeVar("T")

_KEYS: Final = frozenset({"token", "api_key", "apikey", "key"})
_OWN_SERVER: Final = PollingPolicy(floor=0.005, longest=5.0)


def secret(text: str) -> Secret:
    """Read a key that came by reference."""
    return Secret(str.__str__(text))


def parse_settings(cls: type[T], settings: Mapping[str, str], *, source: str, elsewhere: str) -> T:
    """Read settings as they stand in a URL or a profile; a key comes by reference only.

    Args:
        cls: A class whose fields are made by ``setting``; a key's is read by ``secret``.
        settings: The texts by their names.
        source: Whose settings they are, for messages.
        elsewhere: Where a key belongs instead, for messages.

    Raises:
        ConfigurationError: A setting is unknown or its value cannot be used.
    """
    for name, text in settings.items():
        if name in _KEYS and not isinstance(text, SecretText):
            problem = f"{name}: a key has no place in a URL; {elsewhere}"
            raise ConfigurationError(source, problem, name)
    return read_settings(cls, settings, source=source)


def named_key(
    variable: str | None,
    file: str | None,
    environment: Mapping[str, str],
    *,
    setting: str,
    source: str,
) -> Secret | None:
    """Return the API key from the variable or the file that settings name; None if they name none.

    Args:
        variable: The variable's name.
        file: The file's path.
        environment: The variables.
        setting: How the settings begin: ``SETTING_env`` and ``SETTING_file``.
        source: Whose settings they are, for messages.

    Raises:
        ConfigurationError: There is no key.
    """
    if variable:
        return required_key(environment.get(variable), f"the variable {variable}", wanted_by=source)
    if not file:
        return None
    path = Path(file).expanduser()
    try:
        text = read_secret(path)
    except SecretFileError as error:
        raise ConfigurationError(source, f"{setting}_file {str(path)!r} {error}") from error
    return required_key(text, f"the file {str(path)!r}", wanted_by=source)


def make_engine(
    kind: str, *, name: str, proxy: str | None, ca_file: str | None, connections: int
) -> HttpEngine:
    """Return what moves the bytes.

    Args:
        kind: ``aiohttp`` or ``httpx``.
        name: Whose requests these are, for messages.
        proxy: A proxy's URL, or ``env`` for those of the environment.
        ca_file: Trusted certificates in PEM form, instead of the system's.
        connections: How many connections there may be at once.
    """
    from_environment = proxy == "env"
    how: dict[str, Any] = {
        "name": name,
        "proxy": None if from_environment else proxy,
        "trust_env": from_environment,
        "ca_file": ca_file,
        "max_connections": connections,
    }
    if kind == "httpx":  # each costs an import, so one is enough
        from swqr_adapters.http import HttpxEngine

        return HttpxEngine(**how)
    from swqr_adapters.http import AiohttpEngine

    return AiohttpEngine(**how)


def polling_policy(
    floor: float | None, longest: float | None, *, ours: bool, source: str
) -> PollingPolicy:
    """Return how often to look, by what settings say or else by whose server it is.

    Raises:
        ConfigurationError: The settings cannot be used.
    """
    policy = _OWN_SERVER if ours else PollingPolicy()
    floor = policy.floor if floor is None else floor
    longest = policy.longest if longest is None else longest
    try:
        return evolve(policy, floor=floor, longest=max(longest, floor))
    except InvalidInputError as error:
        raise ConfigurationError(source, f"poll_{error}") from error
