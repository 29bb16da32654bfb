"""Settings of a URL or a profile: how they are read, and what is made of those that all have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import evolve, frozen

from swqr_adapters.http import HttpClient, HttpEngine, RetryPolicy, Secret
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
from swqr_core.ports.clock import Clock

from .auth import required_key
from .polling import PollingPolicy
from .submission import SettlePolicy

__all__ = [
    "RemoteSettings",
    "amount",
    "count",
    "located",
    "named_key",
    "one_of",
    "parse_settings",
    "secret",
    "setting",
    "switch",
    "texts",
]

S = TypeVar("S", bound="RemoteSettings")
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


@frozen(kw_only=True)
class RemoteSettings:
    """What can be said of every platform that is reached over a network.

    Attributes:
        proxy: The URL of a proxy, or ``env`` for those of the environment.
        ca_file: Trusted certificates in PEM form, instead of the system's.
        plain_http: Whether credentials may leave this machine unencrypted.
        engine: ``aiohttp`` or ``httpx``.
        connections: How many connections there may be at once.
        poll_floor: The least seconds between two looks at waiting jobs; None for 1 s, or for a
            few milliseconds at a server of ours.
        poll_longest: The most seconds between two looks at a job.
        settle: Seconds to look for a job whose submission was not answered.
    """

    proxy: str | None = setting(str, None, shown=False)
    ca_file: str | None = setting(str, None)
    plain_http: bool = setting(switch, default=False)
    engine: str = setting(one_of("aiohttp", "httpx"), "aiohttp")
    connections: int = setting(count, 100)
    poll_floor: float | None = setting(amount, None)
    poll_longest: float | None = setting(amount, None)
    settle: float = setting(amount, 30.0)

    def client(
        self,
        name: str,
        *,
        clock: Clock,
        engine: HttpEngine | None,
        retry: RetryPolicy | None,
        proxy: str | None = None,
    ) -> HttpClient:
        """Return what sends requests.

        Args:
            name: Whose requests these are, for messages.
            clock: Time.
            engine: What moves the bytes, instead of what the settings say.
            retry: When a request is sent again; the usual policy if None.
            proxy: What is taken for ``proxy`` where the settings do not say.
        """
        return HttpClient(
            engine or self._engine(name, self.proxy or proxy),
            clock=clock,
            name=name,
            retry=retry,
            allow_plain_http=self.plain_http,
        )

    def _engine(self, name: str, proxy: str | None) -> HttpEngine:
        from_environment = proxy == "env"
        how: dict[str, Any] = {
            "name": name,
            "proxy": None if from_environment else proxy,
            "trust_env": from_environment,
            "ca_file": self.ca_file,
            "max_connections": self.connections,
        }
        if self.engine == "httpx":  # each costs an import, so one is enough
            from swqr_adapters.http import HttpxEngine

            return HttpxEngine(**how)
        from swqr_adapters.http import AiohttpEngine

        return AiohttpEngine(**how)

    def pace(self, *, ours: bool, source: str) -> dict[str, Any]:
        """Return how often and how long to look, as ``RemoteJobs`` takes it.

        Args:
            ours: Whether it is a server of ours, which may be asked more often.
            source: Whose settings they are, for messages.

        Raises:
            ConfigurationError: The settings cannot be used.
        """
        policy = _OWN_SERVER if ours else PollingPolicy()
        floor = policy.floor if self.poll_floor is None else self.poll_floor
        longest = policy.longest if self.poll_longest is None else self.poll_longest
        try:
            polling = evolve(policy, floor=floor, longest=max(longest, floor))
        except InvalidInputError as error:
            raise ConfigurationError(source, f"poll_{error}") from error
        return {"polling": polling, "settle": SettlePolicy(window=self.settle)}


def located(settings: S, name: str, location: str, *, source: str) -> S:
    """Return settings that say of *name* what a URL says in the place of its host, if it does.

    Raises:
        ConfigurationError: They say something else.
    """
    if not location:
        return settings
    said = getattr(settings, name)
    if said not in {None, location}:
        problem = f"the {name} is {location!r} and {said!r}: say it once"
        raise ConfigurationError(source, problem)
    where: dict[str, Any] = {name: location}
    return evolve(settings, **where)
