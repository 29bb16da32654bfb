"""A key that a test shows or leaves in a file makes the run fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import logging

KEY = "A-very-" + "secret-api-key"

def test_silent(): print("nothing")
def test_configured(tmp_path): (tmp_path / "config.toml").write_text(KEY)
def test_printed(): print(KEY)
def test_logged(): logging.getLogger("swqr").warning(KEY)
def test_raised(): raise ValueError(KEY)
def test_written(tmp_path): (tmp_path / "tape.json").write_text(KEY)
"""


def test_a_run_with_a_key_in_sight_fails_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PROGRAM, "utf-8")
    base = tmp_path / "base"

    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", f"--basetemp={base}"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(base)

    assert set(re.findall(r"^FAILED .*::test_(\w+)", done.stdout, re.MULTILINE)) == {
        "logged",
        "printed",
        "raised",
    }
    assert re.findall(r"a key is in these files: .*tape\.json", done.stdout)
    assert "config.toml" not in done.stdout
