"""Settings of a URL or a profile: how they are read, and what is made of those that all have."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from attrs import AttrsInstance, evolve, field, fields_dict

from swqr_adapters.http import HttpEngine, Secret
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
    "setting",
    "switch",
    "texts",
]

T = TypeVar("T")

_KEYS: Final = frozenset({"token", "api_key", "apikey", "key"})
_OWN_SERVER: Final = PollingPolicy(floor=0.005, longest=5.0)


def switch(text: str) -> bool:
    """Read ``on`` or ``off``."""
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if text.lower() not in words:
        raise ValueError("must be on or off")
    return words[text.lower()]


def amount(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not 0 <= value < float("inf"):
        raise ValueError("must be 0 or more seconds")
    return value


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("must be a whole number from 1 on")
    return int(text)


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return read


def texts(text: str) -> tuple[str, ...]:
    """Read texts between commas."""
    return tuple(part for part in text.split(",") if part)


def setting(read: Callable[[str], Any], default: object) -> Any:
    """Return a field of a class of settings.

    Args:
        read: Makes the value of the text; it raises ``ValueError`` with what would be right.
        default: The value where there is no text.
    """
    return field(default=default, metadata={"read": read})


def parse_settings(cls: type[T], settings: Mapping[str, str], *, source: str, elsewhere: str) -> T:
    """Read settings as they stand in a URL.

    Args:
        cls: A class whose fields are made by ``setting``.
        settings: The texts by their names.
        source: Whose settings they are, for messages.
        elsewhere: Where a key belongs instead, for messages.

    Raises:
        ConfigurationError: A setting is unknown or its value cannot be used.
    """
    known = fields_dict(cast("type[AttrsInstance]", cls))
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name in _KEYS:
            raise ConfigurationError(source, f"{name}: a key has no place in a URL; {elsewhere}")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(
                source, f"there is no setting {name!r}; {hint}known: {', '.join(known)}"
            )
        try:
            values[name] = known[name].metadata["read"](text)
        except ValueError as error:
            shown = "" if name == "proxy" else f", not {text!r}"
            raise ConfigurationError(source, f"{name} {error}{shown}") from None
    return cls(**values)


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(source, f"{setting}_file {str(path)!r}: {error}") from error
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
