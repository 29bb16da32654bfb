"""What the installed distribution promises, and that the project's files agree with one another."""

import configparser
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution, entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# `testing` is for those who write a transport, and `all` is the sum.
RUN_TIME_EXTRAS = {"cli", "http", "keyring", "programs", "qiskit", "server", "strangeworks"}
SUPPORTED = ["3.11", "3.12", "3.13"]


def test_a_plain_install_needs_attrs_alone() -> None:
    required = [r for r in distribution("swqr").requires or [] if "extra ==" not in r]

    assert [re.split(r"[<>=!~ ]", r)[0] for r in required] == ["attrs"]


def test_the_installed_version_is_the_one_in_pyproject() -> None:
    assert version("swqr") == PROJECT["project"]["version"]


def test_all_is_the_sum_of_what_a_user_needs_at_run_time() -> None:
    (everything,) = PROJECT["project"]["optional-dependencies"]["all"]

    assert everything == f"swqr[{','.join(sorted(RUN_TIME_EXTRAS))}]"


def test_no_extra_is_left_out_of_all_unseen() -> None:
    assert set(PROJECT["project"]["optional-dependencies"]) == RUN_TIME_EXTRAS | {"all", "testing"}


def test_the_official_client_has_no_upper_cap() -> None:
    requirements = PROJECT["project"]["optional-dependencies"]["qiskit"]

    assert [r for r in requirements if "<" in r or "==" in r or "~" in r] == []


@pytest.mark.parametrize("package", ["swqr_core", "swqr_adapters"])
def test_a_package_ships_its_types(package: str) -> None:
    assert files(package).joinpath("py.typed").is_file()


def test_the_in_memory_cloud_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="swqr.transports", name="memory")

    assert callable(found.load())


def test_the_command_is_installed() -> None:
    (found,) = entry_points(group="console_scripts", name="swqr")

    assert callable(found.load())


def test_the_command_without_its_extra_names_the_command_that_installs_it() -> None:
    program = (
        "import sys\n"
        "sys.modules.update(click=None, rich=None, platformdirs=None)\n"
        "sys.argv = ['swqr', 'demo']\n"
        "from swqr_adapters.cli import main\n"
        "sys.exit(main())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode not in {0, None}
    assert re.search(r"pip install ['\"]?swqr\[[a-z,]*cli", done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_extra_is_one_that_exists() -> None:
    named = {
        extra
        for path in (ROOT / "src").rglob("*.py")
        for extra in re.findall(
            r"raise MissingExtraError\([^)]*?,\s*\"([a-z]+)\"", path.read_text(encoding="utf-8")
        )
    }

    assert named
    assert named <= set(PROJECT["project"]["optional-dependencies"])


def test_the_supported_pythons_are_the_same_in_metadata_and_tox() -> None:
    classifier = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    named = [m[1] for c in PROJECT["project"]["classifiers"] if (m := classifier.fullmatch(c))]
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    run = re.findall(r"python(3\.\d+)", tox["testenv"]["base_python"])

    assert named == run == SUPPORTED
    assert PROJECT["project"]["requires-python"] == f">={SUPPORTED[0]}"


def _names(requirements: Iterable[object]) -> set[str]:
    """Return the packages named, apart from our own extras and groups."""
    found = {re.split(r"[\[<>=!~ ;]", r)[0] for r in requirements if isinstance(r, str)}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found} - {"swqr"}


def test_the_locked_versions_cover_every_dependency() -> None:
    locked = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]

    assert [line for line in locked if not re.match(r"[a-z0-9-]+==[\w.]+( ; |$)", line)] == []
    assert set().union(*map(_names, groups)) <= _names(locked)


def test_every_room_of_the_adapters_has_its_contract() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    governed = {
        ".".join(module.split(".")[:3]) if ".transports." in module else module
        for contract in contracts
        if contract["type"] == "forbidden"
        for module in contract["source_modules"]
    }
    adapters = ROOT / "src" / "swqr_adapters"
    rooms = {
        ".".join(["swqr_adapters", *folder.parent.relative_to(adapters).parts])
        for pattern in ("*/__init__.py", "transports/*/__init__.py")
        for folder in adapters.glob(pattern)
    }

    # The command line is the composition root: it may use everything.
    assert rooms - {"swqr_adapters.cli", "swqr_adapters.transports"} <= governed


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert headings[0] == "Unreleased"


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text(
        "utf-8"
    )
