"""Profiles: which one is meant, what it says, and who said so."""

from collections.abc import Mapping
from typing import Any

import pytest

from swqr_core.config.profile import Profile, resolve
from swqr_core.config.secret import HIDDEN, SecretReference, SecretText
from swqr_core.errors import ConfigurationError
from swqr_core.ports.settings import SettingsFile

WRAPPERS = ("budget", "record")


def file(name: str, content: Mapping[str, object], **lines: int) -> SettingsFile:
    paths = {tuple(path.split("__")): line for path, line in lines.items()}
    return SettingsFile(path=name, folder=f"/of/{name}", content=content, lines=paths)


def profile(choice: str | None = None, *files: SettingsFile, **more: Any) -> Profile:
    return resolve(choice, files=files, wrappers=WRAPPERS, **{"environment": {}, **more})


def values(found: Profile) -> dict[str, str]:
    return {name: one.shown for name, one in found.settings.items()}


def origins(found: Profile) -> dict[str, str]:
    return {name: one.origin for name, one in found.settings.items()}


DEV = {"transport": "memory", "seed": 7, "noise": True, "ideal": [5, 32]}
PROD = {"transport": "ibm", "instance": "team", "token": {"secret": "keyring:swqr/prod"}}
PROJECT = file(
    "project", {"profile": "dev", "profiles": {"dev": DEV}}, profile=1, profiles__dev__seed=4
)
USER = file("user", {"profile": "prod", "profiles": {"prod": PROD, "dev": {"seed": 1}}})


def test_with_nothing_configured_it_is_the_in_memory_cloud() -> None:
    found = profile()

    assert (found.name, found.transport.value, found.settings) == (None, "memory", {})
    assert found.transport.origin == "the default"


def test_values_become_the_text_that_a_url_would_have() -> None:
    assert values(profile("dev", PROJECT)) == {"seed": "7", "noise": "on", "ideal": "5,32"}


def test_a_setting_knows_its_file_and_line() -> None:
    assert profile("dev", PROJECT).settings["seed"].origin == "project:4"


def test_the_projects_choice_comes_before_the_users() -> None:
    assert profile(None, PROJECT, USER).name == "dev"
    assert profile(None, USER).name == "prod"


def test_a_profile_named_default_is_active_when_nobody_says_otherwise() -> None:
    found = profile(None, file("user", {"profiles": {"default": {"seed": 3}}}))

    assert (found.name, values(found)) == ("default", {"seed": "3"})


def test_the_order_is_argument_environment_project_user() -> None:
    environment = {"SWQR_NOISE": "off", "SWQR_SEED": "8"}
    below = file("user", {"profiles": {"dev": {"pace": "real", "seed": 1, "transport": "memory"}}})
    found = profile("dev", PROJECT, below, environment=environment, settings={"seed": "9"})

    assert values(found) == {"pace": "real", "ideal": "5,32", "noise": "off", "seed": "9"}
    assert origins(found)["seed"] == "the argument"
    assert origins(found)["noise"] == "the variable SWQR_NOISE"


def test_a_variable_chooses_the_profile_and_an_argument_before_it() -> None:
    environment = {"SWQR_PROFILE": "prod"}

    assert profile(None, PROJECT, USER, environment=environment).name == "prod"
    assert profile("dev", PROJECT, USER, environment=environment).name == "dev"


def test_settings_do_not_outlive_the_change_of_their_transport() -> None:
    found = profile("prod", USER, environment={})
    other = profile(None, USER, environment={"SWQR_TRANSPORT": "memory", "SWQR_SEED": "2"})

    assert (found.transport.value, set(found.settings)) == ("ibm", {"instance", "token"})
    assert (other.transport.value, values(other)) == ("memory", {"seed": "2"})


def test_naming_the_same_transport_again_keeps_the_settings() -> None:
    found = profile("dev", PROJECT, file("user", {"profiles": {"dev": {"transport": "memory"}}}))

    assert values(found)["seed"] == "7"


@pytest.mark.parametrize(
    "found",
    [
        profile("memory://?seed=7&noise=on", environment={"SWQR_SEED": "8"}),
        profile(None, environment={"SWQR_PROFILE": "memory://?seed=7&noise=on"}),
        profile(None, environment={"SWQR_TRANSPORT": "memory://?seed=7&noise=on"}),
        profile("a", file("f", {"profiles": {"a": {"transport": "memory://?seed=7&noise=on"}}})),
        profile(None, file("f", {"profile": "memory://?seed=7&noise=on"})),
    ],
)
def test_a_url_stands_wherever_a_profile_does(found: Profile) -> None:
    assert (found.transport.value, values(found)) == ("memory", {"seed": "7", "noise": "on"})


def test_what_stands_beside_a_url_in_a_table_comes_before_it() -> None:
    table = {"seed": 9, "transport": "memory://?seed=7"}

    assert values(profile("a", file("f", {"profiles": {"a": table}}))) == {"seed": "9"}


def test_a_location_may_stand_by_itself() -> None:
    table = {"transport": "ibm", "location": "team"}

    assert profile("a", file("f", {"profiles": {"a": table}})).location == "team"


def test_wrappers_have_settings_of_their_own() -> None:
    table = {"transport": "memory", "wrap": ["record", "budget"], "budget": {"jobs": 3}, "seed": 1}
    environment = {"SWQR_BUDGET_OPEN_SESSIONS": "2"}
    found = profile("a", file("f", {"profiles": {"a": table}}), environment=environment)

    assert values(found) == {"seed": "1"}
    assert [one.name for one in found.wrappers] == ["record", "budget"]
    assert {n: s.shown for n, s in found.wrappers[1].settings.items()} == {
        "jobs": "3",
        "open_sessions": "2",
    }


def test_a_url_can_wrap_too() -> None:
    found = profile("memory://?wrap=record,budget&record.file=x.json&seed=1")

    assert [one.name for one in found.wrappers] == ["record", "budget"]
    assert found.wrappers[0].settings["file"].value == "x.json"
    assert values(found) == {"seed": "1"}


def test_a_wrapper_stays_when_the_transport_changes() -> None:
    table = {"transport": "ibm", "wrap": ["budget"], "budget": {"jobs": 3}}
    found = profile(
        "a", file("f", {"profiles": {"a": table}}), environment={"SWQR_TRANSPORT": "memory"}
    )
    active = profile(
        None,
        file("f", {"profile": "a", "profiles": {"a": table}}),
        environment={"SWQR_TRANSPORT": "memory"},
    )

    assert found.transport.value == "ibm"  # the argument is stronger
    assert active.transport.value == "memory"
    assert active.wrappers[0].settings["jobs"].value == "3"


def test_equal_profiles_have_equal_identities() -> None:
    one, same = profile("memory://?seed=7&noise=on"), profile("memory://?noise=on&seed=7")

    assert one.identity == same.identity
    assert one.identity != profile("memory://?seed=8").identity


# --- secrets -----------------------------------------------------------------------------------


def test_a_secret_is_a_reference_that_is_shown_and_not_fetched() -> None:
    token = profile("prod", USER).settings["token"]

    assert token.value == SecretReference("keyring", "swqr/prod", "/of/user")
    assert token.shown == "keyring:swqr/prod"


def test_a_secret_in_a_variable_is_hidden_everywhere() -> None:
    found = profile(None, environment={"SWQR_TOKEN": "canary-1234"})

    assert isinstance(found.settings["token"].value, SecretText)
    assert found.settings["token"].shown == HIDDEN
    assert "canary" not in f"{found!r} {found.settings['token'].value!r}"


@pytest.mark.parametrize("key", ["token", "api_key", "password", "client_secret"])
def test_a_secret_itself_has_no_place_in_a_file(key: str) -> None:
    with pytest.raises(ConfigurationError, match="has no place in a file") as caught:
        profile("a", file("f", {"profiles": {"a": {key: "canary-1234"}}}))

    assert "canary" not in str(caught.value)


def test_a_secret_in_a_url_is_not_shown_either() -> None:
    url = "http://host?token=abc&seed=7&wrap=record&record.api_key=def"
    found = resolve(url, environment={})

    assert found.settings["token"].shown == found.wrappers[0].settings["api_key"].shown == HIDDEN
    assert found.settings["seed"].shown == "7"


@pytest.mark.parametrize(
    "text", ["canary-1234", "environment:X", "env:", "keyring:x", "keyring:x/"]
)
def test_what_is_no_reference_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        profile("a", file("f", {"profiles": {"a": {"token": {"secret": text}}}}))

    assert "canary" not in str(caught.value)


# --- mistakes ----------------------------------------------------------------------------------


def test_an_unknown_profile_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'prd'; did you mean 'prod'\?"):
        profile("prd", PROJECT, USER)


def test_an_unknown_profile_in_a_variable_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="the variable SWQR_PROFILE"):
        profile(None, PROJECT, environment={"SWQR_PROFILE": "prod"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"profils": {}}, r"f:3: there is no key 'profils' here; did you mean 'profiles'\?"),
        ({"profile": 3}, "profile must be the name of one"),
        ({"profiles": {"a": 3}}, "profiles are tables"),
        ({"journal": "no"}, "journal must be true or false"),
        ({"profiles": {"a": {"transport": 3}}}, "transport must be text"),
        ({"profiles": {"a": {"wrap": {"x": 1}}}}, "wrap must be text"),
        ({"profiles": {"a": {"bugdet": {"jobs": 1}}}}, r"'bugdet'; did you mean 'budget'\?"),
        ({"profiles": {"a": {"seed": [[1]]}}}, "seed must be text"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_what_would_be_right(
    content: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        profile("a", file("f", content, profils=3))
