"""Lets tox find interpreters that are installed but not on PATH.

With pyenv, ``python3.13`` on PATH is a shim that only runs after ``pyenv global`` (or a
``.python-version`` file) has named a 3.13. tox loads this file by itself and then finds every
installed version without such a setting.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")


def runs(version: str) -> bool:
    """Tell whether ``pythonX.Y`` on PATH is more than a shim for something absent."""
    command = shutil.which(f"python{version}")
    if command is None:
        return False
    probe = [command, "-c", ""]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def pyenv_folder(version: str) -> Path | None:
    """Return the ``bin`` folder of pyenv's newest installed *version*, if there is one."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [
        (int(match.group(1)), folder / "bin")
        for folder in root.glob(f"{version}.*")
        if (match := re.fullmatch(rf"{re.escape(version)}\.(\d+)", folder.name))
        and (folder / "bin" / f"python{version}").exists()
    ]
    return max(found)[1] if found else None


for _version in VERSIONS:
    if not runs(_version) and (_folder := pyenv_folder(_version)):
        os.environ["PATH"] = f"{_folder}{os.pathsep}{os.environ['PATH']}"
