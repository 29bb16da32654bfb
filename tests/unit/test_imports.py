"""What may be imported from where, and what an import loads."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

STANDARD = frozenset(sys.stdlib_module_names)
CORE = STANDARD | {"attr", "attrs", "swqr_core"}
KIT = CORE | {"hypothesis", "pytest"}
# The kit's rooms that a test run loads; the rest of the kit is for everybody.
KIT_ROOMS = frozenset({"contract", "machines", "plugin", "strategies", "suite"})
HEAVY = frozenset(
    {"aiohttp", "httpx", "numpy", "qiskit", "qiskit_aer", "qiskit_ibm_runtime", "strangeworks"}
)


def package_folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def imported_roots(source: str) -> set[str]:
    """Return the top-level names of all absolute imports, those inside functions included."""
    return {name.partition(".")[0] for name in _imported(ast.parse(source))}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ) if not module.startswith("."):
                yield module


CORE_FOLDER = package_folder("swqr_core")
CORE_FILES = sorted(path.relative_to(CORE_FOLDER).as_posix() for path in CORE_FOLDER.rglob("*.py"))


def allowed(file: str) -> frozenset[str]:
    match Path(file).with_suffix("").parts:
        case ("testing", room, *_) if room in KIT_ROOMS:
            return KIT
        case _:
            return CORE


@pytest.mark.parametrize(
    "source",
    [
        "import numpy",
        "import numpy.linalg as la",
        "from numpy import array",
        "def f():\n    import numpy",
        "def f():\n    from numpy.linalg import norm",
        "if TYPE_CHECKING:\n    import numpy",
        "try:\n    import numpy\nexcept ImportError:\n    pass",
        "import_module('numpy.linalg')",
        "importlib.import_module('numpy')",
        "__import__('numpy')",
    ],
)
def test_the_scan_finds_an_import_wherever_it_hides(source: str) -> None:
    assert imported_roots(source) == {"numpy"}


@pytest.mark.parametrize("file", CORE_FILES)
def test_the_core_imports_attrs_and_the_standard_library_alone(file: str) -> None:
    roots = imported_roots((CORE_FOLDER / file).read_text(encoding="utf-8"))

    assert roots - allowed(file) == set()


def loaded_by(statement: str) -> set[str]:
    """Return the top-level names of the modules that *statement* adds to a fresh interpreter."""
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import swqr_core",
        "from swqr_core import Session, Job",
        "from swqr_core import Runtime",
        "from swqr_core import *",
    ],
)
def test_importing_the_core_loads_attrs_and_the_standard_library_alone(statement: str) -> None:
    assert loaded_by(statement) - CORE == set()


def test_a_bare_import_of_the_core_loads_no_asyncio() -> None:
    assert "asyncio" not in loaded_by("import swqr_core")


@pytest.mark.parametrize(
    "statement",
    [
        "import swqr_adapters",
        "import swqr_adapters.cli",
        "import swqr_adapters.transports.memory",
    ],
)
def test_a_light_import_of_the_adapters_loads_no_heavy_library(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


POSIX = frozenset({"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"})


def test_only_what_runs_a_sandbox_needs_what_windows_lacks() -> None:
    folder = package_folder("swqr_adapters")
    needy = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if POSIX
        & {name for line in ast.parse(path.read_text("utf-8")).body for name in _at_once(line)}
    ]

    assert needy == ["execution/sandbox/child.py"]


def _at_once(line: ast.stmt) -> set[str]:
    """Return what a line of a module imports whatever the system has."""
    match line:
        case ast.Import(names=names):
            return {alias.name for alias in names}
        case ast.ImportFrom(module=str(module)):
            return {module}
        case _:
            return set()
