"""From the settings of a URL or a profile to a transport."""

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, fields, frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import HttpClient, HttpEngine, Secret
from swqr_adapters.wire.ibm import Versions, load, parse_versions
from swqr_core.errors import (
    ConfigurationError,
    InstanceNotFoundError,
    InvalidInputError,
    NotFoundError,
)
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.clock import Clock

from .accounts import ACCOUNT_FILE, SavedAccount, environment_account, saved_account
from .api import API_VERSION, Api
from .auth import ApiKeyAuthenticator, Authenticator, IamAuthenticator, claimed_user, required_key
from .discovery import Discovery, is_crn
from .polling import PollingPolicy
from .refusals import Errand
from .submission import SettlePolicy
from .transport import IbmTransport, capabilities_of
from .urls import DEFAULT_URL, Addresses, addresses

__all__ = ["IbmSettings", "connect", "make_transport"]

_SOURCE: Final = "ibm transport"
_OWN_SERVER: Final = PollingPolicy(floor=0.005, longest=5.0)


def _switch(text: str) -> bool:
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if text.lower() not in words:
        raise ValueError("must be on or off")
    return words[text.lower()]


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not 0 <= value < float("inf"):
        raise ValueError("must be 0 or more seconds")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("must be a whole number from 1 on")
    return int(text)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return read


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _setting(read: Callable[[str], Any], default: object) -> Any:
    return field(default=default, metadata={"read": read})


@frozen(kw_only=True)
class IbmSettings:
    """What a URL such as ``ibm://CRN?token_env=MY_KEY`` can say. It never holds a key itself.

    Attributes:
        instance: A CRN or a name; None to choose among those that the key reaches.
        token_env: The variable that holds the API key.
        token_file: A file that holds the API key and nothing else.
        account: The name of an account that the official client has saved.
        account_file: The file of those accounts.
        url: The account's URL (``https://cloud.ibm.com``), or the address of one server.
        iam_url: Where IAM is, if not where the URL says.
        services_url: Where search, catalogue and resource controller are, likewise.
        private: Whether to use the private endpoints.
        auth: ``iam`` to exchange the key for tokens, ``apikey`` to send the key itself.
        discovery: ``off`` to trust an instance's CRN without asking which there are.
        region: The region to choose an instance from.
        plans: The plans to choose an instance from, best first.
        tags: Tags that an instance must have.
        proxy: The URL of a proxy, or ``env`` for those of the environment.
        ca_file: Trusted certificates in PEM form, instead of the system's.
        plain_http: Whether credentials may leave this machine unencrypted.
        engine: ``aiohttp`` or ``httpx``.
        connections: How many connections there may be at once.
        api_version: The date of the interface's version.
        poll_floor: The least seconds between two looks at waiting jobs; None for 1 s, or for a
            few milliseconds at a server of ours.
        poll_longest: The most seconds between two looks at a job.
        settle: Seconds to look for a job whose submission was not answered.
    """

    instance: str | None = _setting(str, None)
    token_env: str | None = _setting(str, None)
    token_file: str | None = _setting(str, None)
    account: str | None = _setting(str, None)
    account_file: str = _setting(str, ACCOUNT_FILE)
    url: str | None = _setting(str, None)
    iam_url: str | None = _setting(str, None)
    services_url: str | None = _setting(str, None)
    private: bool | None = _setting(_switch, None)
    auth: str = _setting(_one_of("iam", "apikey"), "iam")
    discovery: bool = _setting(_switch, default=True)
    region: str | None = _setting(str, None)
    plans: tuple[str, ...] = _setting(_list, ())
    tags: tuple[str, ...] = _setting(_list, ())
    proxy: str | None = field(default=None, repr=False, metadata={"read": str})
    ca_file: str | None = _setting(str, None)
    plain_http: bool = _setting(_switch, default=False)
    engine: str = _setting(_one_of("aiohttp", "httpx"), "aiohttp")
    connections: int = _setting(_count, 100)
    api_version: str = _setting(str, API_VERSION)
    poll_floor: float | None = _setting(_amount, None)
    poll_longest: float | None = _setting(_amount, None)
    settle: float = _setting(_amount, 30.0)

    @classmethod
    def parse(cls, settings: Mapping[str, str]) -> "IbmSettings":
        """Read settings as they stand in a URL.

        Raises:
            ConfigurationError: A setting is unknown or its value cannot be used.
        """
        known: Final = {setting.name: setting for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in settings.items():
            if name in {"token", "api_key", "apikey", "key"}:
                raise ConfigurationError(
                    _SOURCE,
                    f"{name}: a key has no place in a URL; name a variable with token_env, a file "
                    "with token_file, or a saved account with account",
                )
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise ConfigurationError(
                    _SOURCE, f"there is no setting {name!r}; {hint}known: {', '.join(known)}"
                )
            try:
                values[name] = known[name].metadata["read"](text)
            except ValueError as error:
                shown = "" if name == "proxy" else f", not {text!r}"
                raise ConfigurationError(_SOURCE, f"{name} {error}{shown}") from None
        return cls(**values)


def _resolve(settings: IbmSettings, environment: Mapping[str, str]) -> SavedAccount:
    """Return the account to use: settings come before variables, and those before files."""
    file = Path(settings.account_file).expanduser()
    if settings.account is not None:
        account = saved_account(file, settings.account)
    else:
        account = environment_account(environment)
        if account.token is None and not settings.token_env and not settings.token_file:
            saved = saved_account(file)
            if saved is not None:
                account = evolve(
                    saved,
                    url=account.url or saved.url,
                    instance=account.instance or saved.instance,
                )
    account = account or SavedAccount()
    token = _token(settings, account, environment)
    return SavedAccount(
        token=token,
        url=settings.url or account.url or DEFAULT_URL,
        instance=settings.instance or account.instance,
        private=account.private if settings.private is None else settings.private,
        region=settings.region or account.region,
        plans=settings.plans or account.plans,
        tags=settings.tags or account.tags,
        proxy=settings.proxy or account.proxy,
        source=account.source,
    )


def _token(settings: IbmSettings, account: SavedAccount, environment: Mapping[str, str]) -> Secret:
    if settings.token_env:
        source = f"the variable {settings.token_env}"
        return required_key(environment.get(settings.token_env), source)
    if settings.token_file:
        path = Path(settings.token_file).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(_SOURCE, f"token_file {str(path)!r}: {error}") from error
        return required_key(text, f"the file {str(path)!r}")
    if account.token is None:
        raise ConfigurationError(
            _SOURCE,
            "there is no API key: set QISKIT_IBM_TOKEN, or name a variable with token_env, a file "
            f"with token_file, or an account in {settings.account_file} with account",
        )
    return required_key(account.token.reveal(), account.source)


async def make_transport(
    settings: IbmSettings,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    pause_clock: Clock | None = None,
    engine: HttpEngine | None = None,
    extended: bool = True,
) -> IbmTransport:
    """Make a transport: get a token, find the instance, and ask what the server can do.

    Args:
        settings: Which account and instance, and how.
        environment: Variables; those of this process if None.
        clock: Time; the system's if None.
        pause_clock: For the pauses between looks at waiting jobs, if it is another one.
        engine: What moves the bytes, instead of what *settings* say; the transport closes it.
        extended: Whether a server of ours may tell more than IBM does; without it, such a server
            is treated as IBM's own.

    Raises:
        ConfigurationError: Something is missing or cannot be used.
        AccessDeniedError: The key was not accepted.
        InstanceNotFoundError: The key reaches no such instance.
        UnreachableError: A service does not answer.
    """
    clock = clock or SystemClock()
    account = _resolve(settings, os.environ if environment is None else environment)
    where = _addresses(settings, account, account.instance or "")
    http = HttpClient(
        engine or _engine(settings, account.proxy),
        clock=clock,
        name="ibm",
        allow_plain_http=settings.plain_http,
    )
    try:
        auth = _authenticator(settings, account, http, where.iam, clock)
        authorization = await auth.authorization()
        discovery = Discovery(http, auth, addresses=where, clock=clock)
        bound, found = await _instance(settings, account, discovery)
        where = _addresses(settings, account, bound)
        api = Api(
            http,
            auth,
            url=where.api,
            instance=bound,
            clock=clock,
            version=settings.api_version,
            extended=extended,
        )
        versions = await _versions(api) if extended else Versions()
        return IbmTransport(
            api,
            principal=Principal(
                user=claimed_user(authorization) or "ibm", instance=InstanceId(bound)
            ),
            capabilities=capabilities_of(versions),
            ours=versions.ours,
            discovery=discovery if settings.discovery else None,
            instances=found,
            polling=_polling(settings, versions),
            settle=SettlePolicy(window=settings.settle),
            pause_clock=pause_clock,
        )
    except BaseException:
        await http.aclose()
        raise


def _addresses(settings: IbmSettings, account: SavedAccount, crn: str) -> Addresses:
    return addresses(
        account.url or DEFAULT_URL,
        crn,
        private=account.private,
        iam_url=settings.iam_url,
        services_url=settings.services_url,
    )


def _engine(settings: IbmSettings, proxy: str | None) -> HttpEngine:
    from_environment = proxy == "env"
    how: dict[str, Any] = {
        "name": "ibm",
        "proxy": None if from_environment else proxy,
        "trust_env": from_environment,
        "ca_file": settings.ca_file,
        "max_connections": settings.connections,
    }
    if settings.engine == "httpx":  # each costs an import, so one is enough
        from swqr_adapters.http import HttpxEngine

        return HttpxEngine(**how)
    from swqr_adapters.http import AiohttpEngine

    return AiohttpEngine(**how)


def _authenticator(
    settings: IbmSettings, account: SavedAccount, http: HttpClient, iam: str, clock: Clock
) -> Authenticator:
    key = account.token or Secret("")
    if settings.auth == "apikey":
        return ApiKeyAuthenticator(key)
    return IamAuthenticator(http, url=iam, api_key=key, clock=clock)


async def _instance(
    settings: IbmSettings, account: SavedAccount, discovery: Discovery
) -> tuple[str, tuple[Instance, ...]]:
    """Return the CRN of the instance to use, and the instances that were found on the way."""
    wanted = account.instance
    if wanted is not None and is_crn(wanted):
        return wanted, ()
    if not settings.discovery:
        if wanted is None:
            raise ConfigurationError(_SOURCE, "without discovery the instance must be a CRN")
        return await discovery.resolve(wanted), ()
    found = await discovery.instances()
    if wanted is not None:
        for instance in found:
            if instance.name == wanted:
                return instance.id, found
        raise InstanceNotFoundError(wanted, [instance.name for instance in found])
    fitting = [
        instance
        for instance in found
        if (not account.region or instance.region == account.region)
        and (not account.plans or instance.plan in account.plans)
        and set(account.tags) <= set(instance.tags)
    ]
    if account.plans:
        fitting.sort(key=lambda instance: account.plans.index(instance.plan))
    if not fitting:
        raise InstanceNotFoundError("any", [instance.name for instance in found])
    return fitting[0].id, found


async def _versions(api: Api) -> Versions:
    """Ask what the server can do; one that does not say is taken for IBM's own."""
    try:
        response = await api.call("GET", "/versions", Errand(action="read the versions"))
    except (InvalidInputError, NotFoundError):
        return Versions()
    return parse_versions(load(response.body, "version list"))


def _polling(settings: IbmSettings, versions: Versions) -> PollingPolicy:
    policy = _OWN_SERVER if versions.ours else PollingPolicy()
    floor = policy.floor if settings.poll_floor is None else settings.poll_floor
    longest = policy.longest if settings.poll_longest is None else settings.poll_longest
    try:
        return evolve(policy, floor=floor, longest=max(longest, floor))
    except InvalidInputError as error:
        raise ConfigurationError(_SOURCE, f"poll_{error}") from error


async def connect(location: str, settings: Mapping[str, str]) -> IbmTransport:
    """Make a transport from a URL (entry point ``ibm``): ``ibm://INSTANCE?SETTING=VALUE``.

    Args:
        location: The instance's CRN or name; empty to choose one.
        settings: See ``IbmSettings``.

    Raises:
        ConfigurationError: A setting is unknown or cannot be used.
        and what ``make_transport`` raises.
    """
    parsed = IbmSettings.parse(settings)
    if location:
        if parsed.instance is not None and parsed.instance != location:
            raise ConfigurationError(
                _SOURCE, f"the instance is {location!r} and {parsed.instance!r}: say it once"
            )
        parsed = evolve(parsed, instance=location)
    return await make_transport(parsed)
