"""From the settings of a URL or a profile to a transport."""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import evolve, frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import HttpClient, HttpEngine, RetryPolicy, Secret
from swqr_adapters.remote.auth import ApiKeyAuthenticator, Authenticator, required_key
from swqr_adapters.remote.errands import Errand
from swqr_adapters.remote.settings import (
    RemoteSettings,
    located,
    named_key,
    one_of,
    parse_settings,
    secret,
    setting,
    switch,
    texts,
)
from swqr_adapters.wire.ibm import Versions, load, parse_versions
from swqr_core.config.effective import reads
from swqr_core.config.profile import NOBODY, Setting
from swqr_core.config.secret import SecretText
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
from .auth import IamAuthenticator, claimed_user
from .discovery import Discovery, is_crn
from .refusals import NAME
from .transport import IbmTransport, capabilities_of
from .urls import DEFAULT_URL, Addresses, addresses

__all__ = ["IbmSettings", "connect", "connect_http", "connect_https", "make_transport"]

_SOURCE: Final = "ibm transport"
_ANY_KEY: Final = Secret("any")  # a server of ours on this machine may take any


@frozen(kw_only=True)
class IbmSettings(RemoteSettings):
    """What a URL such as ``ibm://CRN?token_env=MY_KEY`` or a profile can say.

    What ``RemoteSettings`` has can be said too.

    Attributes:
        instance: A CRN or a name; None to choose among those that the key reaches.
        token: The API key, if a profile refers to one or the environment holds it.
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
        api_version: The date of the interface's version.
    """

    instance: str | None = setting(str, None)
    token: Secret | None = setting(secret, None, shown=False)
    token_env: str | None = setting(str, None)
    token_file: str | None = setting(str, None)
    account: str | None = setting(str, None)
    account_file: str = setting(str, ACCOUNT_FILE)
    url: str | None = setting(str, None)
    iam_url: str | None = setting(str, None)
    services_url: str | None = setting(str, None)
    private: bool | None = setting(switch, None)
    auth: str = setting(one_of("iam", "apikey"), "iam")
    discovery: bool = setting(switch, default=True)
    region: str | None = setting(str, None)
    plans: tuple[str, ...] = setting(texts, ())
    tags: tuple[str, ...] = setting(texts, ())
    api_version: str = setting(str, API_VERSION)

    @property
    def names_a_token(self) -> bool:
        """Whether they say by themselves where the key is."""
        return bool(self.token or self.token_env or self.token_file)

    @classmethod
    def parse(cls, settings: Mapping[str, str]) -> "IbmSettings":
        """Read settings as they stand in a URL.

        Raises:
            ConfigurationError: A setting is unknown or its value cannot be used.
        """
        return parse_settings(
            cls,
            settings,
            source=_SOURCE,
            elsewhere="name a variable with token_env, a file with token_file, or a saved account "
            "with account",
        )


def _saved(settings: IbmSettings, environment: Mapping[str, str]) -> SavedAccount:
    """Return what is known without the settings: variables come before files."""
    file = Path(settings.account_file).expanduser()
    if settings.account is not None:
        return saved_account(file, settings.account) or SavedAccount()
    account = environment_account(environment)
    saved = None
    if account.token is None and not settings.names_a_token:
        saved = saved_account(file)
    if saved is None:
        return account
    return evolve(saved, url=account.url or saved.url, instance=account.instance or saved.instance)


def _told(texts: Mapping[str, str]) -> dict[str, Setting]:
    """Return what variables and saved accounts say where the settings say nothing."""
    settings = IbmSettings.parse(texts)
    return _told_by(_saved(settings, os.environ), settings)


def _told_to_server(texts: Mapping[str, str]) -> dict[str, Setting]:
    """Return the same for a server of ours, which is told what a named account says only."""
    settings = IbmSettings.parse(texts)
    if settings.account is None:
        return {}
    return _told_by(_saved(settings, {}), settings)


def _told_by(account: SavedAccount, settings: IbmSettings) -> dict[str, Setting]:
    usual = {} if settings.url else {"url": Setting(name="url", value=DEFAULT_URL, origin=NOBODY)}
    values = {
        "url": account.url,
        "instance": account.instance,
        "private": "on" if account.private else None,
        "region": account.region,
        "plans": ",".join(account.plans),
        "tags": ",".join(account.tags),
        "proxy": account.proxy and SecretText(account.proxy),  # it may hold a password
        "token": SecretText("a key") if account.token and not settings.names_a_token else None,
    }
    return usual | {
        name: Setting(name=name, value=value, origin=account.source)
        for name, value in values.items()
        if value and (name == "private" or not getattr(settings, name))
    }


def _resolve(settings: IbmSettings, environment: Mapping[str, str]) -> SavedAccount:
    """Return the account to use: settings come before variables, and those before files."""
    account = _saved(settings, environment)
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
    if settings.token is not None:
        return required_key(settings.token.reveal(), "the setting token", wanted_by=_SOURCE)
    named = named_key(
        settings.token_env, settings.token_file, environment, setting="token", source=_SOURCE
    )
    if named is not None:
        return named
    if account.token is None:
        raise ConfigurationError(
            _SOURCE,
            "there is no API key: set QISKIT_IBM_TOKEN, or name a variable with token_env, a file "
            f"with token_file, or an account in {settings.account_file} with account",
        )
    return required_key(account.token.reveal(), account.source, wanted_by=_SOURCE)


async def make_transport(
    settings: IbmSettings,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    pause_clock: Clock | None = None,
    engine: HttpEngine | None = None,
    retry: RetryPolicy | None = None,
    extended: bool = True,
) -> IbmTransport:
    """Make a transport: get a token, find the instance, and ask what the server can do.

    Args:
        settings: Which account and instance, and how.
        environment: Variables; those of this process if None.
        clock: Time; the system's if None.
        pause_clock: For the pauses between looks at waiting jobs, if it is another one.
        engine: What moves the bytes, instead of what *settings* say; the transport closes it.
        retry: When a request is sent again; the usual policy if None.
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
    http = settings.client(NAME, clock=clock, engine=engine, retry=retry, proxy=account.proxy)
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
            pause_clock=pause_clock,
            **settings.pace(ours=versions.ours, source=_SOURCE),
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


@reads(IbmSettings, location="instance", told=_told)
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
    return await make_transport(located(parsed, "instance", location, source=_SOURCE))


@reads(IbmSettings, location="url", told=_told_to_server)
async def connect_http(location: str, settings: Mapping[str, str]) -> IbmTransport:
    """Make a transport to a server of ours (entry point ``http``): ``http://127.0.0.1:8787``.

    The key is what the settings say. IBM's variables and saved accounts stay out of it: their keys
    are not for this server. On this machine a server that wants no key gets none that matters.

    Args:
        location: The server, with or without ``/api/v1``.
        settings: See ``IbmSettings``; ``url`` is given.

    Raises:
        ConfigurationError: There is no key, or a setting is unknown or cannot be used.
        and what ``make_transport`` raises.
    """
    return await _connect_server(f"http://{location}", settings)


@reads(IbmSettings, location="url", told=_told_to_server)
async def connect_https(location: str, settings: Mapping[str, str]) -> IbmTransport:
    """Make a transport to a server of ours over TLS (entry point ``https``)."""
    return await _connect_server(f"https://{location}", settings)


async def _connect_server(url: str, settings: Mapping[str, str]) -> IbmTransport:
    if "url" in settings:
        raise ConfigurationError(_SOURCE, f"the server is {url!r}: say it once", "url")
    base = url.rstrip("/").removesuffix("/api/v1")
    parsed = IbmSettings.parse({**settings, "url": f"{base}/api/v1"})
    if not parsed.names_a_token and parsed.account is None:
        if not _is_loopback(urlsplit(url).hostname or ""):
            raise ConfigurationError(
                _SOURCE,
                f"there is no key for {base}: name a variable with token_env or a file with "
                "token_file, or give token in a profile",
                "token",
            )
        parsed = evolve(parsed, token=_ANY_KEY)
    return await make_transport(parsed, environment=_without_ibm(os.environ))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_ibm(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if not k.startswith("QISKIT_IBM_")}
