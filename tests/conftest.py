"""What every test shares: how long hypothesis may look, and ``--core-only``."""

import ast
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a test may import and still run where nothing but the core and the test tools are installed.
CORE_ONLY = sys.stdlib_module_names | {"attr", "attrs", "hypothesis", "pytest", "swqr_core"}

# What whoever runs the tests has configured for themselves is nothing to the tests.
os.environ["SWQR_CONFIG"] = os.devnull
os.environ["SWQR_JOURNAL"] = "off"
for _name in ("SWQR_PROFILE", "SWQR_TRANSPORT"):
    os.environ.pop(_name, None)

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
