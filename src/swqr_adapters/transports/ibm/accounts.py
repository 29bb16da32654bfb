"""Accounts that the official client has saved, and the variables that it reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from swqr_adapters.http import Secret
from swqr_core.errors import ConfigurationError

__all__ = ["ACCOUNT_FILE", "SavedAccount", "environment_account", "saved_account"]

ACCOUNT_FILE: Final = "~/.qiskit/qiskit-ibm.json"

# Where the official client looks if it is given no name, in this order.
_DEFAULTS: Final = ("default-ibm-quantum-platform", "default-ibm-cloud", "default")
_CHANNELS: Final = ("ibm_quantum_platform", "ibm_cloud")


@frozen(kw_only=True)
class SavedAccount:
    """What an account says; None for what it does not say.

    Attributes:
        token: The API key.
        url: The account's URL.
        instance: A CRN or a name.
        private: Whether to use the private endpoints.
        region: The region to choose an instance from.
        plans: The plans to choose an instance from, best first.
        tags: Tags that an instance must have.
        proxy: The URL of a proxy.
        source: Where it comes from, for messages.
    """

    token: Secret | None = None
    url: str | None = None
    instance: str | None = None
    private: bool = False
    region: str | None = None
    plans: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    source: str = "nowhere"


def saved_account(path: Path, name: str | None = None) -> SavedAccount | None:
    """Read an account from the file of the official client; nothing is ever written.

    Args:
        path: The file, usually ``~/.qiskit/qiskit-ibm.json``.
        name: The account's name; None for the default one.

    Returns:
        The account, or None if there is no file, or no default account in it.

    Raises:
        ConfigurationError: The file cannot be used, or has no account of that name.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if name is None:
            return None
        raise ConfigurationError(str(path), f"there is no such file for account {name!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read: {error}") from error
    try:
        accounts = json.loads(text)
    except (ValueError, RecursionError):
        # The cause would show a part of the file, and that may be a key.
        raise ConfigurationError(str(path), "is not JSON") from None
    if not isinstance(accounts, dict):
        raise ConfigurationError(str(path), "must be a JSON object of accounts")
    found = name or _default(accounts)
    if found is None:
        return None
    if found not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        raise ConfigurationError(str(path), f"there is no account {found!r}; there is: {known}")
    return _account(accounts[found], f"account {found!r} of {path}")


def _default(accounts: Mapping[str, Any]) -> str | None:
    """Return the default account: the one that is marked, or one of the known names."""
    for name, account in accounts.items():
        if isinstance(account, dict) and account.get("is_default_account") is True:
            return name
    return next((name for name in _DEFAULTS if name in accounts), None)


def _account(account: object, source: str) -> SavedAccount:
    if not isinstance(account, dict):
        raise ConfigurationError(source, "must be a JSON object")
    channel = account.get("channel")
    if channel is not None and channel not in _CHANNELS:
        raise ConfigurationError(
            source, f"its channel must be {' or '.join(_CHANNELS)}, not {channel!r}"
        )
    if account.get("verify") is False:
        raise ConfigurationError(
            source,
            "it turns off the verification of certificates, which this transport never does: "
            "give the certificates to trust with the setting ca_file",
        )
    token = _text(account, "token", source)
    return SavedAccount(
        token=None if token is None else Secret(token),
        url=_text(account, "url", source),
        instance=_text(account, "instance", source),
        private=account.get("private_endpoint") is True,
        region=_text(account, "region", source),
        plans=_texts(account, "plans_preference", source),
        tags=_texts(account, "tags", source),
        proxy=_proxy(account.get("proxies"), source),
        source=source,
    )


def _text(account: Mapping[str, Any], name: str, source: str) -> str | None:
    value = account.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(source, f"{name} must be text")
    return value or None


def _texts(account: Mapping[str, Any], name: str, source: str) -> tuple[str, ...]:
    value = account.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(source, f"{name} must be a list of texts")
    return tuple(value)


def _proxy(proxies: object, source: str) -> str | None:
    """Return the proxy for https of the official client's ``proxies``."""
    if not proxies:
        return None
    urls = proxies.get("urls") if isinstance(proxies, dict) else None
    if not isinstance(proxies, dict) or not isinstance(urls, dict) or "username_ntlm" in proxies:
        raise ConfigurationError(source, "of proxies only 'urls' is supported")
    found = urls.get("https") or urls.get("http")
    if found is not None and not isinstance(found, str):
        raise ConfigurationError(source, "the URL of a proxy must be text")
    return found


def environment_account(environment: Mapping[str, str]) -> SavedAccount:
    """Read ``QISKIT_IBM_TOKEN``, ``QISKIT_IBM_URL`` and ``QISKIT_IBM_INSTANCE``."""
    account = SavedAccount(
        url=environment.get("QISKIT_IBM_URL") or None,
        instance=environment.get("QISKIT_IBM_INSTANCE") or None,
        source="the environment (QISKIT_IBM_*)",
    )
    token = environment.get("QISKIT_IBM_TOKEN")
    return evolve(account, token=Secret(token)) if token else account
