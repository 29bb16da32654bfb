"""Secrets: fetched from where they are kept, and seen nowhere else."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from swqr_adapters.settings import SystemSettings
from swqr_core import Capabilities, Runtime
from swqr_core.config import connect as module
from swqr_core.errors import ConfigurationError, MissingExtraError

CANARY = "canary-1234"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a transport named `safe` was given; one named `loud` complains about it aloud."""
    found: dict[str, str] = {}

    class Safe:
        capabilities = Capabilities(transport="safe")

        async def aclose(self) -> None:
            pass

    async def make(location: str, settings: Mapping[str, str]) -> Any:
        found.update(settings)
        return Safe()

    async def loud(location: str, settings: Mapping[str, str]) -> Any:
        raise RuntimeError(f"cannot log in with {settings['token']}")

    plugin = ModuleType("swqr_secret_plugin")
    plugin.make, plugin.loud = make, loud  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    real = metadata.entry_points
    mine = [
        EntryPoint("safe", "swqr_secret_plugin:make", module.TRANSPORTS),
        EntryPoint("loud", "swqr_secret_plugin:loud", module.TRANSPORTS),
    ]

    def points(*, group: str) -> EntryPoints:
        return EntryPoints([*real(group=group), *(p for p in mine if p.group == group)])

    monkeypatch.setattr(module, "entry_points", points)
    return found


def table(reference: str, transport: str = "safe") -> str:
    return f"[profiles.default]\ntransport = '{transport}'\ntoken = {{ secret = '{reference}' }}\n"


def test_a_secret_comes_from_a_variable(
    seen: dict[str, str], configure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(table("env:MY_KEY"))
    monkeypatch.setenv("MY_KEY", CANARY)
    Runtime.connect().close()

    assert seen == {"token": CANARY}
    assert CANARY not in repr(seen)


def test_a_secret_comes_from_a_file_beside_the_configuration(
    seen: dict[str, str], configure: Callable[..., tuple[Path, Path]]
) -> None:
    project, _ = configure(table("file:my.key"))
    key = project.with_name("my.key")
    key.write_text(f"{CANARY}\n")
    key.chmod(0o600)
    Runtime.connect().close()

    assert seen == {"token": CANARY}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    key.write_text(CANARY)
    key.chmod(0o640)

    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        SystemSettings().secret("file", str(key), "")

    assert CANARY not in str(caught.value)


def test_a_secret_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    kept = {("swqr", "prod"): CANARY}
    errors.KeyringError = RuntimeError  # type: ignore[attr-defined]
    keyring.errors = errors  # type: ignore[attr-defined]
    keyring.get_password = lambda service, user: kept.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    assert SystemSettings().secret("keyring", "swqr/prod", "") == CANARY
    with pytest.raises(ConfigurationError, match="keyring set swqr test"):
        SystemSettings().secret("keyring", "swqr/test", "")


def test_without_the_keyrings_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(MissingExtraError, match=r"swqr\[keyring\]"):
        SystemSettings().secret("keyring", "swqr/prod", "")


def test_a_secret_that_is_not_there_is_told_with_file_and_line(
    seen: dict[str, str], configure: Callable[..., tuple[Path, Path]]
) -> None:
    configure(table("env:NO_SUCH_VARIABLE"))

    with pytest.raises(ConfigurationError, match=r"swqr\.toml:3: token: the variable NO_SUCH"):
        Runtime.connect()


def test_a_plugin_that_shows_its_secret_is_not_let_through(
    seen: dict[str, str], configure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(table("env:MY_KEY", "loud"))
    monkeypatch.setenv("MY_KEY", CANARY)

    with pytest.raises(ConfigurationError) as caught:
        Runtime.connect()

    chain = [caught.value, caught.value.__cause__]
    assert CANARY not in "".join(str(error) for error in chain)
    assert caught.value.__suppress_context__


def test_a_key_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="no place in a URL") as caught:
        Runtime.connect(f"ibm://team?token={CANARY}")

    assert CANARY not in str(caught.value)
