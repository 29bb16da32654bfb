"""Every program in examples/ runs as a reader would start it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT = 300.0  # seconds for one example


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=tmp_path,  # an example finds nothing lying around, and leaves nothing in the checkout
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_no_example_hides_a_module_of_the_standard_library() -> None:
    # The folder of a program comes first on its path: `platform.py` would be everybody's platform.
    assert {path.stem for path in EXAMPLES.glob("*.py")} & sys.stdlib_module_names == set()


def test_every_example_is_in_the_list_for_readers() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert [p.name for p in EXAMPLES.glob("*.py") if f"`{p.name}`" not in listed] == []
