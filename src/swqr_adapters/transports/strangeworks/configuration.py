"""What the official SDK has been told: its configuration file, its profiles, its variables."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from attrs import frozen

from swqr_adapters.http import Secret
from swqr_adapters.wire.strangeworks import CHANNELS
from swqr_core.errors import ConfigurationError, MissingExtraError

__all__ = [
    "DEFAULT_PROFILE",
    "DEFAULT_URL",
    "SdkAccount",
    "configuration_file",
    "environment_account",
    "sdk_account",
    "using_sdk",
    "variable_name",
]

DEFAULT_URL: Final = "https://api.strangeworks.com"

_FILE: Final = "~/.config/strangeworks/sdk/cfg.toml"
_PREFIX: Final = "STRANGEWORKS_CONFIG_"
DEFAULT_PROFILE: Final = "default"
_TRIAL: Final = "experiment_trial_id"


@frozen(kw_only=True)
class SdkAccount:
    """What the configuration says; None for what it does not say.

    Attributes:
        profile: The profile that says it.
        api_key: The API key.
        url: The platform's origin.
        resources: The resource that the user has chosen for each product.
        trial: The experiment's trial that operations belong to.
        source: Where it comes from, for messages.
    """

    profile: str
    api_key: Secret | None = None
    url: str | None = None
    resources: Mapping[str, str]
    trial: str | None = None
    source: str


class _Config(Protocol):
    def get(self, key: str, profile: str | None = None) -> object: ...
    def get_active_profile(self) -> str: ...


def configuration_file(environment: Mapping[str, str]) -> Path:
    """Return where the SDK keeps its configuration."""
    return Path(environment.get("STRANGEWORKS_CONFIG_PATH", _FILE)).expanduser()


def environment_account(environment: Mapping[str, str], profile: str) -> SdkAccount:
    """Return what the variables tell of a profile.

    Args:
        environment: The variables.
        profile: The profile, whose variables are ``STRANGEWORKS_CONFIG_PROFILE_API_KEY`` and so on.
    """
    profile = profile.strip().lower()
    key, url = (_variable(environment, profile, name) for name in ("api_key", "url"))
    return SdkAccount(
        profile=profile,
        api_key=None if key is None else Secret(key),
        url=url or (DEFAULT_URL if profile == DEFAULT_PROFILE else None),
        resources=_chosen(lambda product: _variable(environment, profile, product)),
        trial=_variable(environment, DEFAULT_PROFILE, _TRIAL),
        source=f"the variable {variable_name(profile, 'api_key')}",
    )


def variable_name(profile: str, key: str) -> str:
    """Return the variable that holds a value of a profile."""
    return f"{_PREFIX}{profile}_{key}".upper().replace("-", "_")


def _variable(environment: Mapping[str, str], profile: str, key: str) -> str | None:
    return environment.get(variable_name(profile, key)) or None


def sdk_account(profile: str | None) -> SdkAccount:
    """Ask the SDK. It reads its file and the variables of this process, and blocks.

    A profile that says no URL is at the platform's own; the SDK itself would know none.

    Args:
        profile: The profile, or None for the active one.

    Raises:
        MissingExtraError: The SDK is not installed.
        ConfigurationError: The file cannot be used, or has no such profile.
    """
    path = configuration_file(os.environ)
    config = _sdk_config(path)
    asked = (profile or "").strip().lower() or config.get_active_profile()
    key = _text(config.get("api_key", asked), "api_key", path)
    source = f"profile {asked!r} of {path}, or the variables {variable_name(asked, '*')}"
    return SdkAccount(
        profile=asked,
        api_key=None if key is None else Secret(key),
        url=_text(config.get("url", asked), "url", path) or DEFAULT_URL,
        resources=_chosen(lambda product: _text(config.get(product, asked), product, path)),
        trial=_text(config.get(_TRIAL, DEFAULT_PROFILE), _TRIAL, path),
        source=source,
    )


def _sdk_config(path: Path) -> _Config:
    with using_sdk("the configuration of the Strangeworks SDK", path):
        from strangeworks.core.config.config import Config  # it reads the file while it loads

        config: _Config = Config()
    return config


@contextmanager
def using_sdk(part: str, path: Path | None = None) -> Iterator[None]:
    """Load a part of the SDK, which reads its configuration on the way.

    Args:
        part: What is loaded, for messages.
        path: The file of its configuration; None to look where it is.

    Raises:
        MissingExtraError: The SDK is not installed.
        ConfigurationError: The file cannot be used.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(part, "strangeworks") from error
    except Exception as error:  # noqa: BLE001 - the SDK lets its parser's errors through
        # The cause would show a part of the file, and that may be a key.
        where = path or configuration_file(os.environ)
        raise ConfigurationError(str(where), f"cannot be read: {type(error).__name__}") from None


def _text(value: Any, name: str, path: Path) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(str(path), f"{name} must be text")
    return str(value) or None  # the SDK's parser has a text type of its own


def _chosen(read: Callable[[str], str | None]) -> dict[str, str]:
    found = {product: read(product) for product in CHANNELS}
    return {product: slug for product, slug in found.items() if slug}
