import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import qiskit_ibm_runtime as official

from swqr_adapters import facade
from swqr_adapters.facade import contract
from swqr_core.errors import ConfigurationError


def test_the_installed_release_can_be_driven() -> None:
    assert contract.moved(official) is None


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (official.QiskitRuntimeService, "_run"),
        (official.QiskitRuntimeService, "_get_api_client"),
        (official.QiskitRuntimeService, "_get_api_clients"),
        (official.RuntimeJobV2, "wait_for_final_state"),
        (official.Session, "_run"),
        (official, "Batch"),
    ],
)
def test_what_is_gone_is_named_with_the_release(
    place: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(place, name)

    with pytest.raises(ConfigurationError) as caught:
        contract.check(official)

    assert f"qiskit-ibm-runtime {official.__version__}" in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parameter_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def result(self: Any, timeout: float) -> None: ...

    monkeypatch.setattr(official.RuntimeJobV2, "result", result)

    assert contract.moved(official) == "RuntimeJobV2.result takes no 'decoder'"


def test_a_session_that_would_open_nothing_in_silence_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def _create_session(self: Any, *, create_new: bool = True) -> None:
        return self._service.new_way_to_open(self.backend())  # type: ignore[no-any-return]

    monkeypatch.setattr(official.Session, "_create_session", _create_session)

    assert contract.moved(official) == "Session._create_session does not call _get_api_client"


def test_without_the_official_package_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['qiskit_ibm_runtime'] = None\n"
        "from swqr_core.errors import MissingExtraError\n"
        "try:\n"
        "    from swqr_adapters.facade import SamplerV2\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == (
        "the facade needs packages that are not installed: pip install 'swqr[qiskit]'\n"
    )


def test_importing_the_facade_loads_nothing_heavy() -> None:
    code = (
        "import sys, swqr_adapters.facade as facade; dir(facade)\n"
        "print([m for m in ('numpy', 'qiskit', 'qiskit_ibm_runtime') if m in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


@pytest.mark.parametrize("name", public(official))
def test_every_public_name_of_the_official_package_is_here(name: str) -> None:
    assert hasattr(facade, name)


@pytest.mark.parametrize("name", facade.__all__)
def test_what_is_promised_is_here(name: str) -> None:
    assert hasattr(facade, name)
    assert name in dir(facade)


def test_the_names_are_sorted() -> None:
    assert facade.__all__ == sorted(facade.__all__)


def test_what_is_ours_extends_what_it_stands_for() -> None:
    for name in ("QiskitRuntimeService", "Session", "Batch", "RuntimeJobV2"):
        ours, theirs = getattr(facade, name), getattr(official, name)

        assert issubclass(ours, theirs)
        assert ours is not theirs


def test_modules_of_the_official_package_are_here_too() -> None:
    from swqr_adapters.facade import fake_provider, options

    assert (options, fake_provider) == (official.options, official.fake_provider)


def test_a_name_that_nobody_has_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nothing_like_this'"):
        _ = facade.nothing_like_this
