"""The pytest plugin: markers for what the kit collects, and fixtures for tests of one's own.

It is found by itself where swqr is installed (entry point ``pytest11``), and imports nothing of
the kit before that is used.

Markers, for ``-m``:

* ``swqr_contract``: the tests of a ``TransportContract``, or of some of its groups.
* ``swqr_lifecycle``: put it on tests that call ``lifecycle_test``; they take seconds.
* ``swqr_simulation``: put it on tests that call ``simulate``; they take seconds, too.

The option ``--swqr-platform`` names a harness: an entry point of the group ``swqr.harnesses``, or
``module:name``.

Fixtures:

* ``swqr_platform``: what makes a harness of the platform that the option names.
* ``swqr_clock``: a new ``VirtualClock``.
* ``swqr_executor``: a new ``StubExecutor`` whose jobs run until the test ends them.
* ``swqr_ids``: new ``SequentialIds``.
"""

import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from swqr_core.clock import VirtualClock

    from .executors import StubExecutor
    from .harness import Harness
    from .ids import SequentialIds

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_configure"]

_CONTRACT: Final = "swqr_core.testing.contract"
_MARKERS: Final = (
    "swqr_contract: a promise of a transport, from swqr's conformance kit",
    "swqr_lifecycle: histories of sessions and jobs, from swqr's conformance kit; takes seconds",
    "swqr_simulation: a world of many clients, from swqr's conformance kit; takes seconds",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--swqr-platform``."""
    parser.getgroup("swqr").addoption(
        "--swqr-platform",
        metavar="NAME",
        help="the harness for swqr_core.testing.suite: an entry point of the group "
        "swqr.harnesses, or module:name",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, for ``--strict-markers``; end the run if the platform is none."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("--swqr-platform") is not None:
        _platform(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what comes from the contract."""
    if _CONTRACT not in sys.modules:
        return  # nobody has imported it, so nothing comes from it
    for item in items:
        function = getattr(item, "function", None)
        if str(getattr(function, "__module__", "")).startswith(f"{_CONTRACT}."):
            item.add_marker("swqr_contract")


@pytest.fixture
def swqr_platform(request: pytest.FixtureRequest) -> "Callable[[], Harness]":
    """Return what makes a harness of the platform that ``--swqr-platform`` names."""
    if request.config.getoption("--swqr-platform") is None:
        pytest.skip("no platform was named with --swqr-platform")
    return _platform(request.config)


def _platform(config: pytest.Config) -> "Callable[[], Harness]":
    from swqr_core.errors import ConfigurationError

    from .platforms import find_harness

    try:
        return find_harness(config.getoption("--swqr-platform"))
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def swqr_clock() -> "VirtualClock":
    """Return a clock that moves only when it is told to."""
    from swqr_core.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def swqr_executor() -> "StubExecutor":
    """Return an executor that ends jobs as it is told."""
    from .executors import StubExecutor

    return StubExecutor(manual=True)


@pytest.fixture
def swqr_ids() -> "SequentialIds":
    """Return ids that a test can foresee."""
    from .ids import SequentialIds

    return SequentialIds()
