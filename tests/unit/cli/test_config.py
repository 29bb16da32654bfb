"""``swqr config`` and ``swqr doctor``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.cli.doctor import _clocks

from .conftest import Shown, World

Swqr = Callable[..., Shown]
CANARY = "canary-1234"
FILE = """\
profile = "dev"

[profiles.dev]
transport = "memory"
seed = 7
wrap = ["record"]
record.file = "run.json"

[profiles.prod]
transport = "ibm"
token = { secret = "env:NO_SUCH_KEY" }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "swqr.toml"
    file.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return file


def test_every_setting_is_shown_with_who_said_so(
    swqr: Swqr, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWQR_NOISE", "off")
    shown = swqr("config")
    document = swqr("config", "--json").json

    assert shown.out.splitlines()[0] == "profile dev"
    assert document["profile"] == "dev"
    found = {one["name"]: (one["value"], one["origin"]) for one in document["settings"]}
    assert {name: one for name, one in found.items() if one[1] != "the default"} == {
        "transport": ("memory", f"{project}:4"),
        "noise": ("off", "the variable SWQR_NOISE"),
        "seed": ("7", f"{project}:5"),
        "wrap": ("record", f"{project}:6"),
        "record.file": ("run.json", f"{project}:7"),
    }
    assert found["max_ttl"] == ("28800", "the default")
    assert found["store"] == (None, "the default")
    assert found["record.payloads"] == ("on", "the default")
    assert found["journal"] == ("on", "the default")


def test_what_a_location_says_is_no_default(swqr: Swqr) -> None:
    document = swqr("config", "-p", "ibm://my-team", "--json").json

    found = {one["name"]: one["value"] for one in document["settings"]}
    assert found["location"] == "my-team"
    assert "instance" not in found


def test_what_others_say_is_shown_without_the_key(
    swqr: Swqr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "accounts.json"
    account = {"token": CANARY, "instance": "theirs", "url": "https://example.test"}
    file.write_text(json.dumps({"default": account}))
    saved = swqr("config", "-p", f"ibm://?account_file={file}", "--json")
    monkeypatch.setenv("STRANGEWORKS_CONFIG_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("STRANGEWORKS_CONFIG_DEFAULT_API_KEY", CANARY)
    variable = swqr("config", "-p", "strangeworks://", "--json")

    assert CANARY not in saved.out + saved.err + variable.out + variable.err
    found = {one["name"]: (one["value"], one["origin"]) for one in saved.json["settings"]}
    origin = f"account 'default' of {file}"
    assert found["instance"] == ("theirs", origin)
    assert found["token"] == ("********", origin)
    found = {one["name"]: (one["value"], one["origin"]) for one in variable.json["settings"]}
    assert found["api_key"] == (
        "********",
        "the variable STRANGEWORKS_CONFIG_DEFAULT_API_KEY",
    )


def test_the_password_in_a_proxys_url_is_masked(swqr: Swqr) -> None:
    shown = swqr("config", "-p", f"ibm://?proxy=http://me:{CANARY}@proxy:80")

    assert "http://********@proxy:80" in shown.out
    assert CANARY not in shown.out


def test_what_cannot_be_told_does_not_hide_the_rest(swqr: Swqr) -> None:
    shown = swqr("config", "-p", "nowhere://?seed=7")

    assert "seed       7" in shown.out
    assert "not all of it can be told" in shown.err


def test_a_secret_is_masked_and_a_reference_is_shown(
    swqr: Swqr, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = swqr("config", "-p", "prod")
    monkeypatch.setenv("SWQR_TOKEN", CANARY)
    masked = [swqr("config", "-p", "prod"), swqr("config", "-p", "prod", "--json")]

    assert "env:NO_SUCH_KEY" in reference.out
    assert all("********" in one.out and CANARY not in one.out for one in masked)


def test_the_profiles_are_listed_with_their_places(swqr: Swqr, project: Path) -> None:
    assert swqr("config", "--profiles", "--json").json == [
        {"name": "dev", "transport": "memory", "file": f"{project}:3"},
        {"name": "prod", "transport": "ibm", "file": f"{project}:9"},
    ]
    assert swqr("config", "--profiles").out.splitlines()[1].split()[:2] == ["dev", "memory"]


def states(shown: Shown) -> dict[str, tuple[str, str]]:
    return {one["check"]: (one["state"], one["advice"]) for one in shown.json}


def test_a_healthy_setup_is_found_healthy(swqr: Swqr, world: World) -> None:
    shown = swqr("doctor", "-p", world.url, "--json")

    found = states(shown)
    assert shown.code == 0
    assert {state for state, _ in found.values()} == {"ok"}
    assert found.keys() >= {"python", "swqr", "attrs", "configuration", "reachability", "clocks"}
    assert len([check for check in found if check.startswith("permissions: ")]) == 4


def test_for_people_it_is_a_table_with_what_to_do_below(swqr: Swqr, project: Path) -> None:
    shown = swqr("doctor", "-p", "prod")

    assert shown.code == 1
    assert "\ncredentials: token: put it there, or mend " in shown.out


@pytest.mark.parametrize(
    ("profile", "check", "advice"),
    [
        ("nowhere", "configuration", "swqr config"),
        ("prod", "credentials: token", "put it there"),
        ("http://127.0.0.1:1", "reachability", "is the server running"),
        ("memory://?sed=1", "configuration", "mend it"),
    ],
)
def test_what_is_wrong_is_found_with_what_to_do(
    swqr: Swqr, project: Path, profile: str, check: str, advice: str
) -> None:
    shown = swqr("doctor", "-p", profile, "--json")

    state, told = states(shown)[check]
    assert (shown.code, state) == (1, "failed")
    assert advice in told


def test_a_key_that_is_not_accepted_is_about_credentials(
    swqr: Swqr, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", CANARY)
    shown = swqr("doctor", "-p", f"{guarded}?token_env=WRONG", "--json")

    assert states(shown)["credentials"][0] == "failed"
    assert CANARY not in shown.out + shown.err


def test_clocks_that_are_apart_are_a_warning() -> None:
    class Apart:
        clock_skew = -95.0

    class Wrapped:
        inner: Any = Apart()

    (finding,) = _clocks(Wrapped())

    assert (finding.state, finding.says) == ("warning", "this machine is 95 s behind")
