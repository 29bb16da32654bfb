"""Configuration files: where they are, and on which line a key stands."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.settings import SystemSettings, read_settings_file
from swqr_core import connect
from swqr_core.config.connect import active_profile
from swqr_core.errors import ConfigurationError

TEXT = '''\
# a comment
profile = "dev"

[profiles.dev]
transport = "memory"
ideal = [
  5,
  32,
]
seed = 7
record.file = "x.json"

[profiles."two words".budget]
jobs = 3
text = """
[profiles.no]
seed = 1
"""
last = 1
'''


def test_every_key_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "swqr.toml"
    path.write_text(TEXT)

    lines = read_settings_file(path).lines

    assert {".".join(keys): line for keys, line in lines.items()} == {
        "profile": 2,
        "profiles": 4,
        "profiles.dev": 4,
        "profiles.dev.transport": 5,
        "profiles.dev.ideal": 6,
        "profiles.dev.seed": 10,
        "profiles.dev.record": 11,
        "profiles.dev.record.file": 11,
        "profiles.two words": 13,
        "profiles.two words.budget": 13,
        "profiles.two words.budget.jobs": 14,
        "profiles.two words.budget.text": 15,
        "profiles.two words.budget.last": 19,
    }


@pytest.mark.parametrize(
    "value",
    [
        "[\n" + "5, # ]\n" * 1000 + "]",
        "[\n" + "[5, {a = ']'}],\n" * 1000 + "]",
        '"""\n' + 'x ""\\""" [\n' * 1000 + '"""',
        "'''\n" + "x'' [\n" * 1000 + "'''''",
        '"[\\"[" # "',
    ],
    ids=["a list", "lists", "a text", "a literal text", "a bracket in a text"],
)
def test_however_long_a_value_is_it_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    path = tmp_path / "swqr.toml"
    path.write_text(f"a = {value}\n[b]\nc = 1\n")
    text, read, loads = path.read_text(), 0, tomllib.loads

    def count(part: str) -> dict[str, Any]:
        nonlocal read
        read += len(part)
        return loads(part)

    monkeypatch.setattr(tomllib, "loads", count)
    lines = read_settings_file(path).lines

    assert lines == {("a",): 1, ("b",): text.count("\n") - 1, ("b", "c"): text.count("\n")}
    assert read == 2 * len(text)


def test_what_is_nested_without_end_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "swqr.toml"
    path.write_text("a" + ".a" * 5000 + " = 1\n")

    with pytest.raises(ConfigurationError, match=r"swqr\.toml: is nested too deeply"):
        read_settings_file(path)


def test_what_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "swqr.toml"
    path.write_text("profile = 'dev'\n\n[profiles.dev\n")

    with pytest.raises(ConfigurationError, match=r"swqr\.toml:3: "):
        read_settings_file(path)


def test_the_projects_file_is_found_from_below_and_comes_first(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    project, user = configure("profile = 'a'", "profile = 'b'")

    assert [file.path for file in SystemSettings().files()] == [str(project), str(user)]


def test_a_working_directory_that_was_removed_has_no_projects_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, user = tmp_path / "gone", tmp_path / "mine.toml"
    gone.mkdir()
    user.touch()
    monkeypatch.setenv("SWQR_CONFIG", str(user))
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert [file.path for file in SystemSettings().files()] == [str(user)]


def test_a_named_users_file_that_is_not_there_is_a_mistake(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    configure()[1].unlink()

    with pytest.raises(ConfigurationError, match="SWQR_CONFIG"):
        active_profile()


def test_the_users_file_is_where_the_platform_keeps_configuration(tmp_path: Path) -> None:
    (tmp_path / "swqr").mkdir()
    (tmp_path / "swqr" / "swqr.toml").write_text("[profiles.default]\nseed = 5\n")
    program = (
        "from swqr_core.config.connect import active_profile\n"
        "print(active_profile().settings['seed'].origin)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"{tmp_path}/swqr/swqr.toml:2\n", done.stderr


def test_a_wrong_setting_is_told_with_file_line_key_and_the_nearest(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    project, _ = configure("[profiles.default]\ntransport = 'memory'\nsede = 7\n")

    with pytest.raises(ConfigurationError) as caught:
        connect()

    assert str(caught.value).startswith(
        f"{project}:3, memory transport: there is no setting 'sede'"
    )
    assert "did you mean 'seed'?" in str(caught.value)


def test_a_wrong_value_is_told_with_file_and_line(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    project, _ = configure("[profiles.default]\nseed = 'seven'\n")

    with pytest.raises(ConfigurationError) as caught:
        connect()

    assert str(caught.value) == (
        f"{project}:2, memory transport: seed must be a whole number, not 'seven'"
    )


def test_a_wrong_key_of_the_profile_itself_is_told_with_the_right_one(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    configure("[profiles.default]\ntransprot = 'memory'\n")

    with pytest.raises(ConfigurationError, match=r"swqr\.toml:2, .*did you mean 'transport'\?"):
        connect()


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWQR_SEED", "seven")

    with pytest.raises(ConfigurationError, match="the variable SWQR_SEED, memory transport: seed"):
        connect()


def test_an_unknown_transport_is_told_with_file_and_line(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    configure("[profiles.default]\ntransport = 'memroy'\n")

    with pytest.raises(ConfigurationError, match=r"swqr\.toml:2: .*did you mean 'memory'\?"):
        connect()


def test_where_a_wrong_word_stands_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWQR_TRANSPORT", "memry")

    with pytest.raises(ConfigurationError, match="did you mean 'memory'") as caught:
        connect()
    assert str(caught.value).count("the variable SWQR_TRANSPORT") == 1


def test_an_unknown_wrapper_is_told_with_file_and_line(
    configure: Callable[..., tuple[Path, Path]],
) -> None:
    configure("[profiles.default]\nwrap = ['recrod']\n")

    with pytest.raises(ConfigurationError, match=r"swqr\.toml:2: .*did you mean 'record'\?"):
        connect()
