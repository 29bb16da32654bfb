"""Somebody else's transport, installed as a package of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_core import connect
from swqr_core.config.connect import transport_names
from swqr_core.errors import ConfigurationError

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
MODULE = """
from swqr_core.wrappers import TransportWrapper
from swqr_core.config.connect import connect_transport


class Polite(TransportWrapper):
    greeting = ""


async def connect(location, settings):
    transport = Polite(await connect_transport("memory://?ideal=3&execution=threads"))
    transport.greeting = settings.get("greeting", "")
    return transport
"""


def install(site: Path, name: str, points: str, module: str | None) -> None:
    """Put a distribution into a site folder, as an installer would."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA.format(name=name))
    (info / "entry_points.txt").write_text(points)
    if module is not None:
        (site / f"{name}.py").write_text(module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    install(folder, "polite_cloud", "[swqr.transports]\npolite = polite_cloud:connect\n", MODULE)
    install(folder, "broken_cloud", "[swqr.transports]\nbroken = broken_cloud:connect\n", "1 / 0\n")
    install(folder, "empty_cloud", "[swqr.transports]\nempty = empty_cloud:connect\n", None)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_it_works_by_its_name_alone(site: Path, configure: Callable[..., Any]) -> None:
    configure("profile = 'mine'\n[profiles.mine]\ntransport = 'polite'\ngreeting = 'hello'\n")

    with connect() as runtime:
        transport: Any = runtime.transport
        names = [backend.name for backend in runtime.backends()]

    assert transport.greeting == "hello"
    assert "ideal_3" in names


@pytest.mark.parametrize(("name", "why"), [("broken", "division by zero"), ("empty", "No module")])
def test_a_broken_one_says_so_and_breaks_no_other(site: Path, name: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}_cloud.*cannot be loaded: {why}"):
        connect(f"{name}://")

    assert {"polite", "broken", "empty", "memory"} <= set(transport_names())
    connect("polite://").close()
