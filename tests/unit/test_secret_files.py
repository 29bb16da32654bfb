"""A file with a secret is read only if nobody else can read it."""

import os
from pathlib import Path

import pytest

from swqr_adapters.secret_files import SecretFileError, read_secret


def written(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_secret_is_the_text_without_white_space(tmp_path: Path) -> None:
    assert read_secret(written(tmp_path / "key", b" a-key\n")) == "a-key"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601])
def test_a_file_that_others_can_open_is_refused_unshown(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "key", b"a-key", mode)

    with pytest.raises(SecretFileError, match="chmod 600") as caught:
        read_secret(path)

    assert "a-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "empty"), (b" \n", "empty"), (b"a\xffb", "UTF-8"), (b"x" * 70_000, "over 65536")],
)
def test_a_file_without_a_secret_says_so(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(SecretFileError, match=says):
        read_secret(written(tmp_path / "key", data))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="cannot be read"):
        read_secret(tmp_path / "key")
