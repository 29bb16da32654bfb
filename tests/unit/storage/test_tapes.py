"""Recordings in files."""

from pathlib import Path

import pytest

from swqr_core import AsyncRuntime
from swqr_core.errors import ConfigurationError

CLOUD = "memory://?ideal=3&execution=threads"


async def test_what_was_recorded_plays_again_without_the_cloud(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    async with await AsyncRuntime.connect(f"{CLOUD}&wrap=record&record.file={file}") as runtime:
        backends = await runtime.backends()
    async with await AsyncRuntime.connect(f"replay://{file}") as again:
        played = await again.backends()

    assert played == backends
    assert file.stat().st_mode & 0o077 == 0


async def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"file .*No such file"):
        await AsyncRuntime.connect(f"{CLOUD}&wrap=record&record.file={tmp_path}/no/run.json")


async def test_a_wrong_setting_of_a_wrapper_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"'pfile'; did you mean 'file'\?"):
        await AsyncRuntime.connect(f"{CLOUD}&wrap=record&record.pfile=x")


@pytest.mark.parametrize("text", ["", "{}", "nonsense"])
async def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(ConfigurationError, match="holds no recording"):
        await AsyncRuntime.connect(f"replay://{tmp_path}/run.json")
