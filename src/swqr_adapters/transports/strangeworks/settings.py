"""From the settings of a URL or a profile to a transport."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from attrs import evolve, frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import HttpEngine, RetryPolicy, Secret
from swqr_adapters.remote.auth import required_key
from swqr_adapters.remote.settings import (
    RemoteSettings,
    located,
    named_key,
    one_of,
    parse_settings,
    secret,
    setting,
)
from swqr_core.config.effective import reads
from swqr_core.config.profile import NOBODY, Setting
from swqr_core.config.secret import SecretText
from swqr_core.errors import ConfigurationError
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock

from .api import Api
from .auth import KeyAuthenticator
from .configuration import (
    DEFAULT_PROFILE,
    DEFAULT_URL,
    SdkAccount,
    configuration_file,
    environment_account,
    sdk_account,
    variable_name,
)
from .refusals import NAME
from .resources import PRODUCTS, SOURCE, choose, find_home, list_resources
from .transport import StrangeworksTransport, capabilities_of

__all__ = ["StrangeworksSettings", "connect", "make_transport"]


@frozen(kw_only=True)
class StrangeworksSettings(RemoteSettings):
    """What a URL such as ``strangeworks://RESOURCE?profile=team`` can say. It never holds a key.

    What ``RemoteSettings`` has can be said too.

    Attributes:
        resource: The slug of a resource, or of a product; None to choose.
        api_key: The API key, if a profile refers to one, or a program passes one on.
        api_key_env: The variable that holds the API key.
        api_key_file: A file that holds the API key and nothing else.
        profile: A profile of the SDK's configuration; None for the active one.
        url: The platform's origin, for example ``https://api.strangeworks.com``.
        product: The product that the resource must be of.
        channel: The same by its channel: ``ibm_cloud`` or ``ibm_quantum``.
    """

    resource: str | None = setting(str, None)
    api_key: Secret | None = setting(secret, None, shown=False)
    api_key_env: str | None = setting(str, None)
    api_key_file: str | None = setting(str, None)
    profile: str | None = setting(str, None)
    url: str | None = setting(str, None)
    product: str | None = setting(str, None)
    channel: str | None = setting(one_of(*PRODUCTS), None)

    @classmethod
    def parse(cls, settings: Mapping[str, str]) -> "StrangeworksSettings":
        """Read settings as they stand in a URL.

        Raises:
            ConfigurationError: A setting is unknown or its value cannot be used.
        """
        parsed = parse_settings(
            cls,
            settings,
            source=SOURCE,
            elsewhere="name a variable with api_key_env, a file with api_key_file, or a profile of "
            "the Strangeworks SDK with profile",
        )
        if parsed.url is not None:
            _origin(parsed.url)
        return parsed

    @property
    def wanted_product(self) -> str | None:
        """The product that *product* and *channel* name.

        Raises:
            ConfigurationError: They name two.
        """
        named = None if self.channel is None else PRODUCTS[self.channel]
        if self.product is not None and named not in {None, self.product}:
            raise ConfigurationError(
                SOURCE, f"the product {self.product!r} is not that of channel {self.channel!r}"
            )
        return self.product or named


def _origin(url: str) -> str:
    """Return a URL as a bare origin, which is all that the platform's addresses allow.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(SOURCE, f"url cannot be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(SOURCE, f"url must be like {DEFAULT_URL!r}: http(s) and a host")
    if parts.username or parts.password:
        raise ConfigurationError(SOURCE, "url must not contain credentials")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(SOURCE, "url must end behind the host: the platform has no prefix")
    return f"{parts.scheme}://{parts.netloc}"


async def _account(settings: StrangeworksSettings, environment: Mapping[str, str]) -> SdkAccount:
    """Return what is known without the settings; the SDK is asked only if it must be.

    Raises:
        ConfigurationError: There is no API key, or the SDK's file cannot be used.
        MissingExtraError: The SDK is needed and not installed.
    """
    # The SDK's modules take a second to load, and its file is read from disk.
    told = await asyncio.to_thread(_known, settings, environment)
    return _with_a_key(told, configuration_file(environment))


def _known(settings: StrangeworksSettings, environment: Mapping[str, str]) -> SdkAccount:
    """Return the same, with a key or without; it blocks."""
    key = settings.api_key or named_key(
        settings.api_key_env, settings.api_key_file, environment, setting="api_key", source=SOURCE
    )
    file = configuration_file(environment)
    profile = settings.profile
    if profile is None and (key is not None or not file.exists()):
        profile = DEFAULT_PROFILE
    if profile is not None:
        told = environment_account(environment, profile)
        told = told if key is None else evolve(told, api_key=key)
        if (told.api_key is not None and told.url is not None) or not file.exists():
            return told
    told = sdk_account(profile)
    return told if key is None else evolve(told, api_key=key)


def _told(texts: Mapping[str, str]) -> dict[str, Setting]:
    """Return what variables and the SDK's file say where the settings say nothing."""
    settings = StrangeworksSettings.parse(texts)
    account = _known(settings, os.environ)
    named = settings.api_key or settings.api_key_env or settings.api_key_file
    values = {
        "url": None if settings.url else account.url or DEFAULT_URL,
        "api_key": SecretText("a key") if account.api_key and not named else None,
        "profile": None if settings.profile else account.profile,
    }
    usual = {"url": DEFAULT_URL, "profile": DEFAULT_PROFILE}
    return {
        name: Setting(
            name=name,
            value=value,
            origin=NOBODY if value == usual.get(name) else account.source,
        )
        for name, value in values.items()
        if value
    }


def _with_a_key(told: SdkAccount, file: Path) -> SdkAccount:
    if told.api_key is None:
        raise ConfigurationError(
            SOURCE,
            f"there is no API key in {told.source}: set {variable_name(told.profile, 'api_key')}, "
            f"log in with the Strangeworks SDK, which writes {str(file)!r}, or name a variable "
            "with api_key_env or a file with api_key_file",
        )
    return told


async def make_transport(
    settings: StrangeworksSettings,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    pause_clock: Clock | None = None,
    engine: HttpEngine | None = None,
    retry: RetryPolicy | None = None,
    extended: bool = True,
) -> StrangeworksTransport:
    """Make a transport: log in, find the workspace and the resource.

    Args:
        settings: Which account and resource, and how.
        environment: Variables; those of this process if None. Where the SDK is asked, it looks at
            those of this process.
        clock: Time; the system's if None.
        pause_clock: For the pauses between looks at waiting jobs, if it is another one.
        engine: What moves the bytes, instead of what *settings* say; the transport closes it.
        retry: When a request is sent again.
        extended: Whether a server of ours may tell more than the platform does; without it, such
            a server is treated as the platform itself.

    Raises:
        ConfigurationError: Something is missing or cannot be used, or several resources would do.
        MissingExtraError: The SDK is needed and not installed.
        AccessDeniedError: The key was not accepted.
        InstanceNotFoundError: There is no such resource.
        UnreachableError: The platform does not answer.
    """
    clock = clock or SystemClock()
    product = settings.wanted_product
    account = await _account(settings, os.environ if environment is None else environment)
    given = "" if account.api_key is None else account.api_key.reveal()
    key = required_key(given, account.source, wanted_by=SOURCE)
    url = _origin(settings.url or account.url or DEFAULT_URL)
    http = settings.client(NAME, clock=clock, engine=engine, retry=retry)
    try:
        auth = KeyAuthenticator(http, url=url, api_key=key, clock=clock)
        api = Api(http, auth, url=url, clock=clock, extended=extended, trial=account.trial)
        home = await find_home(api)
        resources = await list_resources(api)
        resource = choose(
            resources, wanted=settings.resource, product=product, usual=account.resources
        )
        api.bind(product=resource.product, resource=resource.slug)
        ours = bool(home.told) and extended
        return StrangeworksTransport(
            api,
            principal=Principal(user=home.workspace.slug, instance=InstanceId(resource.slug)),
            workspace=home.workspace,
            resource=resource,
            resources=resources,
            capabilities=capabilities_of(home.told if ours else {}),
            ours=ours,
            pause_clock=pause_clock,
            **settings.pace(ours=ours, source=SOURCE),
        )
    except BaseException:
        await http.aclose()
        raise


@reads(StrangeworksSettings, location="resource", told=_told)
async def connect(location: str, settings: Mapping[str, str]) -> StrangeworksTransport:
    """Make a transport from a URL (entry point ``strangeworks``).

    Args:
        location: The slug of a resource or of a product; empty to choose one.
        settings: See ``StrangeworksSettings``.

    Raises:
        ConfigurationError: A setting is unknown or cannot be used.
        and what ``make_transport`` raises.
    """
    parsed = StrangeworksSettings.parse(settings)
    return await make_transport(located(parsed, "resource", location, source=SOURCE))
