"""The ``SettingsSource`` port on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from swqr_adapters.secret_files import SecretFileError, read_secret
from swqr_core.errors import ConfigurationError, MissingExtraError
from swqr_core.ports.settings import SettingsFile

from .toml import read_settings_file

__all__ = ["FILE_NAME", "SystemSettings", "user_file"]

FILE_NAME: Final = "swqr.toml"
_CONFIG: Final = "SWQR_CONFIG"


def user_file(environment: Mapping[str, str]) -> Path | None:
    """Return where the user's file is or would be; None where nobody knows such places."""
    if environment.get(_CONFIG):
        return Path(environment[_CONFIG]).expanduser()
    try:
        from platformdirs import user_config_path
    except ImportError:  # the core alone is installed
        return None
    return user_config_path("swqr", appauthor=False) / FILE_NAME


class SystemSettings:
    """Files, variables and secrets of this process.

    The project's file is the first ``swqr.toml`` in the working directory or above it. The user's
    is in the user's configuration directory, or where the variable ``SWQR_CONFIG`` says.
    """

    def environment(self) -> Mapping[str, str]:
        """Return the variables of the process."""
        return os.environ

    def files(self) -> tuple[SettingsFile, ...]:
        """Return the project's file and the user's, those that exist.

        Raises:
            ConfigurationError: One cannot be read, or ``SWQR_CONFIG`` names none.
        """
        user = user_file(os.environ)
        if os.environ.get(_CONFIG) and user is not None and not user.exists():
            raise ConfigurationError(f"the variable {_CONFIG}", f"there is no file {str(user)!r}")
        project = (folder / FILE_NAME for folder in _here_and_above())
        found = [next((path for path in project if path.is_file()), None), user]
        paths = dict.fromkeys(path for path in found if path is not None and path.is_file())
        return tuple(read_settings_file(path) for path in paths)

    def secret(self, kind: str, name: str, base: str) -> str:
        """Return a secret; see ``SettingsSource.secret``."""
        if kind == "env":
            value = os.environ.get(name)
            if not value:
                raise ConfigurationError(f"the variable {name}", "is not set")
            return value
        if kind == "file":
            return _from_file(Path(base, Path(name).expanduser()))
        return _from_keyring(name)


def _here_and_above() -> tuple[Path, ...]:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody has removed it
        return ()
    return (here, *here.parents)


def _from_file(path: Path) -> str:
    try:
        return read_secret(path)
    except SecretFileError as error:
        raise ConfigurationError(f"the file {str(path)!r}", str(error)) from error


def _from_keyring(name: str) -> str:
    service, _, user = name.partition("/")
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise MissingExtraError("a secret in the keyring", "keyring") from error
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise ConfigurationError("the keyring", f"cannot be asked: {error}") from error
    if not value:
        raise ConfigurationError(
            "the keyring", f"has no {name!r}: keep it there with 'keyring set {service} {user}'"
        )
    return str(value)
