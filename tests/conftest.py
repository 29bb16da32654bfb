"""What every test shares: how long hypothesis may look, and ``--core-only``."""

import ast
import asyncio
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from weakref import WeakSet

import pytest
from hypothesis import HealthCheck, settings

# What a test may import and still run where nothing but the core and the test tools are installed.
CORE_ONLY = sys.stdlib_module_names | {"attr", "attrs", "hypothesis", "pytest", "swqr_core"}

# What whoever runs the tests has configured for themselves is nothing to the tests.
os.environ["SWQR_CONFIG"] = os.devnull
os.environ["SWQR_JOURNAL"] = "off"
for _name in ("SWQR_PROFILE", "SWQR_TRANSPORT"):
    os.environ.pop(_name, None)

# What a shell starts in the background ignores Ctrl-C, and so would the programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The keys that tests of platforms, clients and servers are given. Nothing may show them: no output,
# log line or traceback of a test, and no file that it leaves.
CANARIES = ("A-very-secret-api-key", "canary-of-", "key-of-ada", "key-of-owner")
_A_CANARY = re.compile(f"(?:{'|'.join(CANARIES)})[\\w-]*")
# Where a user, the official client, or `swqr serve --ready-file` writes a key as it was told to.
KEY_FILES = {"cfg.toml", "config.toml", "key", "qiskit-ibm.json", "ready.json"}

# No profile has a deadline: a test must not fail because the machine is busy.
_BUSY_MACHINE = [HealthCheck.too_slow]
settings.register_profile("default", deadline=None, suppress_health_check=_BUSY_MACHINE)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,  # the same examples on every run: what is red stays red
    print_blob=True,
    suppress_health_check=_BUSY_MACHINE,
)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=2000,
    stateful_step_count=100,
    print_blob=True,
    suppress_health_check=_BUSY_MACHINE,
)
_standard = "ci" if os.environ.get("CI") else "default"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _standard))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--core-only``."""
    parser.addoption(
        "--core-only",
        action="store_true",
        help="leave out test files that import anything beyond swqr_core and the test tools",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--core-only``, leave out what imports an adapter or a library, wherever it stands."""
    if not config.getoption("--core-only"):
        return None
    # A folder is left out whole if its fixtures cannot be imported.
    file = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    return True if file.suffix == ".py" and file.exists() and _imports(file) - CORE_ONLY else None


def _imports(file: Path) -> set[str]:
    """Return the top-level names of what the file imports, also inside functions."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    sources = {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    return {name.partition(".")[0] for name in plain | sources}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output, log or traceback shows a canary."""
    report = yield
    shown = [*(text for _, text in report.sections), report.longreprtext]
    if any(canary in text for canary in CANARIES for text in shown):
        report.outcome = "failed"
        without = "\n".join(_A_CANARY.sub("[a key]", text) for text in shown if text)
        report.longrepr = f"a key shows in what this test wrote, logged or raised:\n{without}"
        report.sections = []
    return report


@pytest.fixture
def threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kit's patience see those threads alone that the test starts."""
    earlier = WeakSet(threading.enumerate())  # of fixtures that other tests share, for example
    monkeypatch.setattr("swqr_core.testing.patience._EARLIER", earlier)


@pytest.fixture
async def turns() -> AsyncIterator[Callable[[], int]]:
    """Tell how often others have had their turn on the event loop so far."""
    taken = 0

    async def take() -> None:
        nonlocal taken
        while True:
            taken += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(take())
    yield lambda: taken
    other.cancel()


@pytest.fixture(scope="session", autouse=True)
def _no_file_holds_a_canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the run if a test has left a canary in a file: a recording, journal, store or log."""
    yield
    canaries = [canary.encode() for canary in CANARIES]
    files = (path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file())
    found = [
        str(path)
        for path in files
        if path.name not in KEY_FILES
        if any(canary in data for data in [path.read_bytes()] for canary in canaries)
    ]
    assert not found, f"a key is in these files: {found}"
