"""From a URL to a transport."""

import sys
from collections.abc import Mapping
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest

from swqr_core import Capabilities, connect
from swqr_core.config import connect as module
from swqr_core.config.connect import parse_url
from swqr_core.errors import ConfigurationError


class Dummy:
    capabilities = Capabilities(transport="dummy")

    def __init__(self, location: str, settings: Mapping[str, str]) -> None:
        self.location, self.settings = location, settings

    async def aclose(self) -> None:
        pass


async def make_dummy(location: str, settings: Mapping[str, str]) -> Dummy:
    return Dummy(location, settings)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two installed plugins: one that works, and one whose module does not import."""
    plugin = ModuleType("swqr_dummy_plugin")
    plugin.make = make_dummy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    real = metadata.entry_points
    mine = [
        EntryPoint("dummy", "swqr_dummy_plugin:make", module.TRANSPORTS),
        EntryPoint("broken", "swqr_no_such_module:make", module.TRANSPORTS),
    ]

    def found(*, group: str) -> EntryPoints:
        return EntryPoints([*real(group=group), *(p for p in mine if p.group == group)])

    monkeypatch.setattr(module, "entry_points", found)


def test_the_scheme_names_the_transport_and_the_rest_is_its_own(plugins: None) -> None:
    with connect("dummy://here/there?seed=7&noise=on") as runtime:
        transport: Any = runtime.transport

    assert transport.location == "here/there"
    assert transport.settings == {"seed": "7", "noise": "on"}


def test_an_unknown_transport_is_refused_with_the_nearest_name(plugins: None) -> None:
    with pytest.raises(ConfigurationError, match=r"'dumy'; did you mean 'dummy'\?"):
        connect("dumy://")


def test_a_broken_plugin_names_itself_and_breaks_no_other(plugins: None) -> None:
    with pytest.raises(ConfigurationError, match="swqr_no_such_module"):
        connect("broken://")

    connect("dummy://").close()


@pytest.mark.parametrize("url", ["", "memory", "//x", "memory:x", "://", "memory://?a=1&a=2"])
def test_what_is_no_transport_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="transport URL"):
        parse_url(url)


def test_an_error_about_a_url_does_not_show_its_secrets() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url("ibm://x?token=canary-1234&token=canary-1234")

    assert "canary" not in str(caught.value)
