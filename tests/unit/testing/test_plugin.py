"""The pytest plugin, in a run of its own."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from swqr_core.errors import ConfigurationError
from swqr_core.testing.platforms import find_harness

TESTS = """
import pytest
from swqr_core.testing import Harness, SequentialIds, StubExecutor, VirtualClock
from swqr_core.testing.contract import ProgramClaims


class TestMine(ProgramClaims):
    @pytest.fixture
    def harness(self):
        return Harness()


@pytest.mark.swqr_lifecycle
def test_fixtures(swqr_clock, swqr_executor, swqr_ids):
    assert isinstance(swqr_clock, VirtualClock)
    assert isinstance(swqr_executor, StubExecutor)
    assert isinstance(swqr_ids, SequentialIds)


def test_plain():
    pass
"""


# That the plugin is found by itself is shown once, in `run`; all others cost a second of each run.
ALONE = ["-p", "swqr_core.testing.plugin"]


def run(folder: Path, *arguments: str) -> str:
    (folder / "test_mine.py").write_text(TESTS, encoding="utf-8")
    plugin = ["-p", "no:cacheprovider", "-p", "no:asyncio"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", *plugin, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_what_the_contract_brings_is_marked(tmp_path: Path) -> None:
    shown = run(tmp_path, "-m", "swqr_contract", "--collect-only")

    assert "2/4 tests collected" not in shown  # both plain tests are left out
    assert "test_plain" not in shown
    assert "TestMine::" in shown


def test_the_fixtures_are_there_and_the_markers_known(tmp_path: Path) -> None:
    shown = run(tmp_path, "-m", "not swqr_contract")

    assert "2 passed" in shown, shown


def test_the_plugin_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="pytest11", name="swqr")

    assert found.load().__name__ == "swqr_core.testing.plugin"


def test_the_plugin_loads_nothing_of_the_kit() -> None:
    program = (
        "import sys, swqr_core.testing.plugin\n"
        "print([m for m in sys.modules if m.startswith('swqr_core.') "
        "and m not in ('swqr_core.testing', 'swqr_core.testing.plugin')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def suite(*arguments: str, at: Path = Path("/")) -> str:
    options = ["-q", "-rs", "-p", "no:cacheprovider", "--strict-markers", "--pyargs"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *ALONE, "swqr_core.testing.suite", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=at,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    return done.stdout + done.stderr


def test_the_suite_holds_a_named_platform_to_all_that_the_kit_has() -> None:
    chosen = "programs_are_listed or simulated_world[0]"

    shown = suite("--swqr-platform", "memory", "-k", chosen)

    assert "2 passed" in shown, shown


def test_what_the_suite_cannot_ask_of_a_platform_is_skipped_by_name(tmp_path: Path) -> None:
    (tmp_path / "powerless.py").write_text("from swqr_core.testing import Harness\n")

    shown = suite(
        "-k", "lifecycles or simulated", "--swqr-platform", "powerless:Harness", at=tmp_path
    )

    assert "4 skipped" in shown
    assert "the harness has no control over: executions, time" in shown


def test_a_world_without_virtual_time_is_skipped_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "timeless.py").write_text(
        "from swqr_core.testing import Control, Harness\n"
        "class Timeless(Harness):\n"
        "    controls = frozenset({Control.TIME, Control.EXECUTIONS})\n"
    )

    shown = suite("-k", "simulated", "--swqr-platform", "timeless:Timeless", at=tmp_path)

    assert "3 skipped" in shown
    assert "has no `clock`: a `VirtualClock`" in shown


def test_a_platform_that_cannot_be_found_ends_the_run_once_and_says_why() -> None:
    shown = suite("--swqr-platform", "not_there:Harness")

    assert shown.count("No module named 'not_there'") == 1
    assert "`python -m` looks in the current folder, too" in shown


@pytest.mark.parametrize("name", [":Harness", ".here:Harness"])
def test_a_platform_without_a_module_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no module's full name"):
        find_harness(name)


def test_the_suite_asks_for_a_platform_and_says_which_there_are() -> None:
    assert "no platform was named with --swqr-platform" in suite("-k", "lifecycles")
    assert "'nowhere' is none of: gateway, ibm" in suite(
        "-k", "lifecycles", "--swqr-platform", "nowhere"
    )
