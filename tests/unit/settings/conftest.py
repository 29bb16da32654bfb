"""A project and a user of one's own."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, Path]]:
    """Write the project's file and the user's, and stand in a folder below the project's."""

    def write(project: str = "", user: str = "") -> tuple[Path, Path]:
        below = tmp_path / "project" / "below"
        below.mkdir(parents=True, exist_ok=True)
        files = tmp_path / "project" / "swqr.toml", tmp_path / "user.toml"
        for file, text in zip(files, (project, user), strict=True):
            file.write_text(text)
        monkeypatch.chdir(below)
        monkeypatch.setenv("SWQR_CONFIG", str(files[1]))
        return files

    return write
