"""Which account, which resource, and what is sent to whom."""

import json
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.transports.strangeworks import StrangeworksSettings, make_transport
from swqr_adapters.transports.strangeworks.transport import StrangeworksTransport
from swqr_core.errors import (
    AccessDeniedError,
    ConfigurationError,
    InstanceNotFoundError,
    MissingExtraError,
    ProtocolError,
    UnreachableError,
)
from swqr_core.model.job import JobSpec

from .conftest import KEY, PRODUCT, RESOURCE, Platform, refusal

Connect = Callable[..., Awaitable[StrangeworksTransport]]


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"api_key": KEY}, "api_key: a key has no place in a URL; name a variable with"),
        ({"chann": "ibm_cloud"}, "there is no setting 'chann'; did you mean 'channel'?"),
        ({"channel": "local"}, "channel must be ibm_cloud or ibm_quantum, not 'local'"),
        ({"settle": "soon"}, "settle must be a number of seconds, not 'soon'"),
        ({"url": "api.strangeworks.com"}, "url must be like 'https://api.strangeworks.com'"),
        ({"url": "https://a.b/prefix"}, "url must end behind the host"),
        ({"url": "https://me:secret@a.b"}, "url must not contain credentials"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(settings: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StrangeworksSettings.parse(settings)

    assert problem in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_product_and_the_channel_of_another_are_refused() -> None:
    settings = StrangeworksSettings.parse({"product": "ibm-quantum", "channel": "ibm_cloud"})

    with pytest.raises(ConfigurationError, match="is not that of channel"):
        _ = settings.wanted_product


# --- the SDK's configuration -------------------------------------------------------------------


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Return what writes the SDK's file, of which there is none at first."""
    path = tmp_path / "cfg.toml"
    monkeypatch.setenv("STRANGEWORKS_CONFIG_PATH", str(path))
    return path.write_text


async def connected(clock: EagerClock, **settings: str) -> StrangeworksTransport:
    return await make_transport(StrangeworksSettings.parse(settings), clock=clock)


@pytest.mark.parametrize("profile", [None, "my-workspace", " My-Workspace "])
async def test_credentials_in_the_sdk_s_file_work_unchanged(
    platform: Platform, clock: EagerClock, configure: Callable[[str], int], profile: str | None
) -> None:
    platform.resources.append(platform.resource("other", PRODUCT))
    configure(
        f'active_profile = "my-workspace"\n[my-workspace]\napi_key = "{KEY}"\n'
        f'url = "{platform.url}"\n{PRODUCT} = "other"\n[idle]\napi_key = "none"\n'
    )

    transport = await connected(clock, **({} if profile is None else {"profile": profile}))
    await transport.aclose()

    assert transport.principal.instance == "other"
    assert transport.principal.user == "my-workspace"


async def test_the_sdk_s_variables_come_before_its_file(
    platform: Platform,
    clock: EagerClock,
    configure: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(
        'active_profile = "my-workspace"\n[my-workspace]\napi_key = "old"\n'
        f'url = "{platform.url}"\n'
    )
    monkeypatch.setenv("STRANGEWORKS_CONFIG_MY_WORKSPACE_API_KEY", KEY)

    transport = await connected(clock)
    await transport.aclose()

    assert platform.tokens == 1


async def test_variables_alone_are_enough_and_the_sdk_stays_unloaded(
    platform: Platform,
    clock: EagerClock,
    configure: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRANGEWORKS_CONFIG_DEFAULT_API_KEY", KEY)
    monkeypatch.setenv("STRANGEWORKS_CONFIG_DEFAULT_URL", platform.url)
    monkeypatch.setitem(sys.modules, "strangeworks", None)

    transport = await connected(clock)
    await transport.aclose()

    assert platform.tokens == 1


async def test_a_missing_sdk_is_told_where_its_file_must_be_read(
    clock: EagerClock, configure: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[default]\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "strangeworks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "strangeworks", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'swqr\[strangeworks\]'"):
        await connected(clock)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "there is no API key in the variable STRANGEWORKS_CONFIG_DEFAULT_API_KEY"),
        ("[default]\n", "there is no API key in profile 'default' of"),
        (f'[default]\napi_key = "{KEY}', "cannot be read"),
        ("[default]\napi_key = 7\n", "api_key must be text"),
    ],
)
async def test_a_configuration_without_a_key_says_where_one_belongs(
    clock: EagerClock, configure: Callable[[str], int], text: str | None, problem: str
) -> None:
    if text is not None:
        configure(text)

    with pytest.raises(ConfigurationError) as caught:
        await connected(clock)

    assert problem in str(caught.value)
    assert KEY not in str(caught.value)


async def test_a_profile_without_a_url_is_at_the_platform_s_own(
    clock: EagerClock, configure: Callable[[str], int]
) -> None:
    from swqr_adapters.transports.strangeworks.configuration import sdk_account

    configure(f'[team]\napi_key = "{KEY}"\n')

    assert sdk_account("team").url == "https://api.strangeworks.com"


async def test_an_experiment_s_trial_is_told_with_operations(
    platform: Platform, clock: EagerClock, spec: JobSpec
) -> None:
    transport = await make_transport(
        StrangeworksSettings.parse({"url": platform.url, "api_key_env": "KEY"}),
        environment={"KEY": KEY, "STRANGEWORKS_CONFIG_DEFAULT_EXPERIMENT_TRIAL_ID": "t-7"},
        clock=clock,
    )
    await transport.submit(spec, b"{}", key="k")
    await transport.aclose()

    told = {path: headers.get("x-strangeworks-experiment-trial-id") for _, path, headers, _ in
            platform.seen}  # fmt: skip
    assert told["/sdk"] is None
    assert told[f"/products/{PRODUCT}/resource/{RESOURCE}/create_runtime_job"] == "t-7"


# --- which resource ----------------------------------------------------------------------------


async def test_the_only_resource_of_the_product_is_taken(connect: Connect) -> None:
    transport = await connect()

    assert transport.principal.instance == RESOURCE
    assert [instance.id for instance in await transport.instances()] == [RESOURCE]


async def test_deleted_resources_are_left_out(platform: Platform, connect: Connect) -> None:
    platform.resources.insert(0, platform.resource("gone", PRODUCT, deleted=True))

    assert (await connect()).principal.instance == RESOURCE


async def test_resources_of_later_pages_are_found(platform: Platform, connect: Connect) -> None:
    others = [platform.resource(f"r-{number}", "another-product") for number in range(120)]
    platform.resources[:0] = others

    assert (await connect()).principal.instance == RESOURCE


@pytest.mark.parametrize("settings", [{"product": "ibm-quantum"}, {"channel": "ibm_quantum"},
                                      {"resource": "ibm-quantum"}])  # fmt: skip
async def test_a_resource_is_chosen_by_its_product(
    platform: Platform, connect: Connect, settings: dict[str, str]
) -> None:
    platform.resources.append(platform.resource("quantum", "ibm-quantum"))

    assert (await connect(**settings)).principal.instance == "quantum"


@pytest.mark.parametrize(
    ("settings", "kind", "problem"),
    [
        ({}, ConfigurationError, "name one of my-resource, other, as in 'strangeworks://my-resource'"),
        ({"resource": "nobody-s"}, InstanceNotFoundError, "there is foreign, my-resource, other"),
        ({"resource": "gone"}, ConfigurationError, "the resource 'gone' was deleted"),
        ({"resource": "foreign"}, ConfigurationError, "runs no Qiskit Runtime jobs: choose"),
        ({"resource": RESOURCE, "product": "ibm-quantum"}, ConfigurationError,
         "is of product 'ibm-qiskit-runtime', not 'ibm-quantum'"),
        ({"product": "ibm-quantum"}, ConfigurationError, "add one there; it has my-resource ("),
    ],
)  # fmt: skip
async def test_a_resource_that_cannot_be_used_is_told(
    platform: Platform,
    connect: Connect,
    settings: dict[str, str],
    kind: type[Exception],
    problem: str,
) -> None:
    platform.resources += [
        platform.resource("other", PRODUCT),
        platform.resource("gone", PRODUCT, deleted=True),
        platform.resource("foreign", "aws-braket"),
    ]

    with pytest.raises(kind) as caught:
        await connect(**settings)

    assert problem in str(caught.value)


# --- tokens ------------------------------------------------------------------------------------


async def test_a_wrong_key_is_told_without_being_shown(
    platform: Platform, clock: EagerClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(AccessDeniedError) as caught:
        await make_transport(
            StrangeworksSettings.parse({"url": platform.url, "api_key_env": "KEY"}),
            environment={"KEY": "another-secret"},
            clock=clock,
        )

    assert "no such key; check the API key" in str(caught.value)
    assert "another-secret" not in str(caught.value) + caplog.text


async def test_one_login_serves_everything_until_the_token_is_refused(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    await transport.submit(spec, b"{}", key="k-1")
    before = platform.tokens
    platform.valid.clear()  # it has expired

    job = await transport.submit(spec, b"{}", key="k-2")

    again = [headers for _, _, headers, _ in platform.seen if "x-sw-sdk-re-auth" in headers]
    assert (before, platform.tokens) == (1, 2)
    assert [headers["x-sw-sdk-re-auth"] for headers in again] == ["True"]
    assert (job.id, len(platform.jobs)) == ("job1", 2)


async def test_a_refused_token_is_never_sent_again(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.same_token = True  # as a cache of the platform's would give
    platform.valid.clear()
    before = len(platform.seen)

    with pytest.raises(AccessDeniedError) as caught:
        await transport.backends()

    assert "the token was not accepted" in str(caught.value)
    assert [path for _, path, *_ in platform.seen[before:]] == ["/sdk", "/users/token"]


async def test_no_credentials_leave_for_another_place(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, b"{}", key="k-1")
    platform.finish(job.id)
    for entry in platform.jobs[job.id]["files"]:
        entry["file"]["url"] = f"https://elsewhere.example{entry['file']['url']}"

    with pytest.raises(ProtocolError, match=r"is said to be at https://elsewhere\.example"):
        await transport.result(job.id)


async def test_a_key_goes_over_no_unencrypted_connection(clock: EagerClock) -> None:
    settings = StrangeworksSettings.parse({"url": "http://platform.example", "api_key_env": "KEY"})

    with pytest.raises(ConfigurationError, match="unencrypted"):
        await make_transport(settings, environment={"KEY": KEY}, clock=clock)


async def test_a_platform_that_is_down_is_told(platform: Platform, connect: Connect) -> None:
    platform.fail("POST", "/users/token", refusal(503, "down for the night"), times=9)

    with pytest.raises(UnreachableError, match="answered 503"):
        await connect()


async def test_a_disabled_workspace_is_told(
    platform: Platform, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = {"id": "w", "slug": "my-workspace", "isDisabled": True, "name": ""}
    monkeypatch.setattr(platform, "_workspace", lambda _: {"workspace": workspace})

    with pytest.raises(AccessDeniedError, match="is disabled there"):
        await connect()


# --- files of the workspace --------------------------------------------------------------------


async def test_a_file_of_the_workspace_is_written_as_it_is(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    content = bytes(range(256))

    file = await transport.upload_file("data.bin", content, label="mine")

    headers = next(headers for method, _, headers, _ in platform.seen if method == "PUT")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert platform.files["/files/data.bin"] == content
    assert file.url == "/files/data.bin"
    assert json.loads(platform.seen[-2][3])["variables"]["meta_file_size"] == 256
