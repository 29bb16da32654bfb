"""Whose key it is, which instance, and where everything is."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock, until

from swqr_adapters.http import Secret
from swqr_adapters.transports.ibm import IbmSettings, IbmTransport, make_transport
from swqr_adapters.transports.ibm.accounts import environment_account, saved_account
from swqr_adapters.transports.ibm.urls import addresses
from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    InstanceNotFoundError,
    UnreachableError,
)
from swqr_core.model.ids import InstanceId
from swqr_core.model.job import JobSpec
from swqr_core.model.principal import Instance

from .conftest import CRN, KEY, OTHER_CRN, SECONDS_OF_A_TOKEN, Ibm, refusal

Connect = Callable[..., Awaitable[IbmTransport]]


class TestTokens:
    async def test_the_key_is_exchanged_as_the_official_client_does(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        _, path, headers, body = ibm.seen[0]

        assert path == "/identity/token"
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(body.decode()) == {
            "grant_type": ["urn:ibm:params:oauth:grant-type:apikey"],
            "apikey": [KEY],
            "response_type": ["cloud_iam"],
        }

    async def test_one_token_serves_many_calls(self, transport: IbmTransport, ibm: Ibm) -> None:
        await asyncio.gather(*(transport.usage() for _ in range(20)))

        assert ibm.tokens == 1

    async def test_a_token_is_renewed_when_four_fifths_of_its_life_are_over(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(0.79 * SECONDS_OF_A_TOKEN)
        await transport.usage()
        before = ibm.tokens
        clock.skip(0.02 * SECONDS_OF_A_TOKEN)

        await transport.usage()
        await until(lambda: ibm.tokens == 2)
        clock.skip(0.5 * SECONDS_OF_A_TOKEN)
        await transport.usage()

        assert (before, ibm.tokens) == (1, 2)

    async def test_however_many_need_a_new_token_one_is_fetched(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(SECONDS_OF_A_TOKEN)

        await asyncio.gather(*(transport.usage() for _ in range(20)))

        assert ibm.tokens == 2

    async def test_giving_up_one_call_does_not_spoil_the_exchange_for_others(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(SECONDS_OF_A_TOKEN)
        first, second = (asyncio.ensure_future(transport.usage()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).consumed_seconds == 12.5

    async def test_closing_while_a_token_is_fetched_is_told_as_that(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        await transport.usage()
        clock.skip(SECONDS_OF_A_TOKEN)
        ibm.fail("POST", "/identity/token", "hang")
        asking = asyncio.ensure_future(transport.usage())
        await until(lambda: ibm.count("POST", "/identity/token") == 2)
        await transport.aclose()

        with pytest.raises(ClosedError, match="the ibm transport"):
            await asking

    async def test_a_refused_token_is_replaced_once_and_the_call_repeated(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.valid.clear()

        await transport.submit(spec, b"{}", key="k")

        assert (ibm.tokens, len(ibm.jobs)) == (2, 1)

    async def test_a_token_that_is_refused_again_is_an_error(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("GET", "/instances/usage", refusal(401, 1201, "revoked"), times=5)

        with pytest.raises(AccessDeniedError) as caught:
            await transport.usage()

        assert caught.value.code == 1201
        assert ibm.count("GET", "/instances/usage") == 2

    async def test_a_good_token_is_used_on_while_iam_is_away(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(0.9 * SECONDS_OF_A_TOKEN)
        ibm.fail("POST", "/identity/token", refusal(503, 0, "away"), times=100)

        assert (await transport.usage()).consumed_seconds == 12.5

    async def test_nobody_waits_for_a_new_token_while_the_old_one_is_good(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(0.9 * SECONDS_OF_A_TOKEN)
        ibm.fail("POST", "/identity/token", "hang")

        async with asyncio.timeout(20):
            assert (await transport.usage()).consumed_seconds == 12.5

    async def test_without_any_good_token_iam_s_absence_is_told(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        clock.skip(2 * SECONDS_OF_A_TOKEN)
        ibm.fail("POST", "/identity/token", refusal(503, 0, "away"), times=100)

        with pytest.raises(UnreachableError, match="IAM"):
            await transport.usage()

    @pytest.mark.parametrize("answer", ["drop", pytest.param(web.Response(text="hi"), id="html")])
    async def test_a_job_for_which_no_token_could_be_had_was_certainly_not_submitted(
        self,
        transport: IbmTransport,
        ibm: Ibm,
        spec: JobSpec,
        clock: EagerClock,
        answer: str | web.Response,
    ) -> None:
        clock.skip(2 * SECONDS_OF_A_TOKEN)
        ibm.fail("POST", "/identity/token", answer, times=100)

        with pytest.raises(UnreachableError):
            await transport.submit(spec, b"{}", key="k")

        assert ibm.count("POST", "/jobs") == 0

    async def test_a_wrong_key_is_told_at_once_and_not_shown(
        self, ibm: Ibm, clock: EagerClock
    ) -> None:
        settings = IbmSettings.parse({"instance": CRN, "url": ibm.url, "token_env": "KEY"})

        with pytest.raises(AccessDeniedError, match="could not be found") as caught:
            await make_transport(settings, environment={"KEY": "wrong-key"}, clock=clock)

        assert "wrong-key" not in str(caught.value)

    async def test_the_user_is_whom_the_token_names(self, transport: IbmTransport) -> None:
        assert transport.principal.user == "IBMid-1"

    async def test_the_key_itself_can_be_sent(self, connect: Connect, ibm: Ibm) -> None:
        ibm.valid.add(f"apikey {KEY}")
        transport = await connect(auth="apikey")

        await transport.usage()

        assert ibm.tokens == 0
        assert ibm.seen[-1][2]["authorization"] == f"apikey {KEY}"


class TestInstances:
    async def test_instances_are_found_with_their_plan_and_pricing(
        self, transport: IbmTransport
    ) -> None:
        assert await transport.instances() == (
            Instance(
                id=InstanceId(CRN),
                name="one",
                plan="premium",
                pricing_type="paid",
                region="us-east",
                tags=("team",),
            ),
        )

    async def test_the_search_is_read_to_its_end_and_incomplete_entries_left_out(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        first = ibm.searches[0]["items"][0]
        ibm.searches[0]["search_cursor"] = "1"
        ibm.searches.append(
            {"items": [{**first, "crn": OTHER_CRN, "name": "two"}, {"crn": "x", "name": "half"}]}
        )

        assert [found.name for found in await transport.instances()] == ["one", "two"]

    async def test_a_catalogue_that_fails_leaves_the_plan_unknown(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("GET", "/api/v1/plan-1", refusal(404, 0, "gone"))

        (found,) = await transport.instances()

        assert (found.plan, found.pricing_type) == ("unknown", "unknown")

    async def test_an_instance_can_be_chosen_by_its_name(self, connect: Connect) -> None:
        transport = await connect(instance="one")

        assert transport.principal.instance == CRN

    async def test_without_a_name_the_first_that_fits_is_chosen(self, connect: Connect) -> None:
        transport = await connect(instance="", plans="premium", region="us-east", tags="team")

        assert transport.principal.instance == CRN

    @pytest.mark.parametrize(
        "wish",
        [{"instance": "three"}, {"instance": "", "region": "eu-de"}, {"instance": "", "tags": "x"}],
    )
    async def test_an_instance_that_is_not_there_is_not_found_and_the_others_are_told(
        self, connect: Connect, wish: dict[str, str]
    ) -> None:
        with pytest.raises(InstanceNotFoundError) as caught:
            await connect(**wish)

        assert caught.value.known == ("one",)

    async def test_with_a_crn_nobody_is_asked_before_work_begins(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        assert [path for _, path, *_ in ibm.seen] == ["/identity/token", "/api/v1/versions"]

    async def test_without_discovery_only_the_bound_instance_is_told(
        self, connect: Connect, ibm: Ibm
    ) -> None:
        transport = await connect(discovery="off")

        assert [found.id for found in await transport.instances()] == [CRN]
        assert ibm.count("POST", "/search") == 0


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "crn", "private", "api"),
        [
            ("https://cloud.ibm.com", CRN, False, "https://quantum.cloud.ibm.com/api/v1"),
            ("https://cloud.ibm.com", "", False, "https://quantum.cloud.ibm.com/api/v1"),
            ("https://cloud.ibm.com/", CRN, False, "https://quantum.cloud.ibm.com/api/v1"),
            (
                "https://cloud.ibm.com",
                OTHER_CRN,
                False,
                "https://eu-de.quantum.cloud.ibm.com/api/v1",
            ),
            (
                "https://cloud.ibm.com",
                CRN,
                True,
                "https://private.us-east.quantum.cloud.ibm.com/api/v1",
            ),
            (
                "https://cloud.ibm.com",
                OTHER_CRN,
                True,
                "https://private.eu-de.quantum.cloud.ibm.com/api/v1",
            ),
            ("http://127.0.0.1:8787/api/v1/", CRN, False, "http://127.0.0.1:8787/api/v1"),
            ("http://localhost/api/v1", OTHER_CRN, False, "http://localhost/api/v1"),
            ("https://x.example/experimental", CRN, False, "https://x.example/experimental"),
        ],
    )
    def test_quantum_compute_is_where_the_official_client_looks(
        self, url: str, crn: str, private: bool, api: str
    ) -> None:
        assert addresses(url, crn, private=private).api == api

    def test_the_other_services_stand_beside_it(self) -> None:
        found = addresses("https://cloud.ibm.com", CRN)

        assert found.iam == "https://iam.cloud.ibm.com"
        assert found.search == "https://api.global-search-tagging.cloud.ibm.com"
        assert found.catalog == "https://globalcatalog.cloud.ibm.com"
        assert found.controller == "https://resource-controller.cloud.ibm.com"

    def test_they_can_be_elsewhere(self) -> None:
        found = addresses(
            "https://cloud.ibm.com",
            CRN,
            iam_url="http://localhost:1/iam/identity/token",
            services_url="http://localhost:2/",
        )

        assert (found.iam, found.search) == ("http://localhost:1/iam", "http://localhost:2")

    def test_one_server_has_everything_at_its_origin(self) -> None:
        found = addresses("http://127.0.0.1:8787/team/api/v1", CRN)

        assert found.iam == found.search == found.catalog == "http://127.0.0.1:8787"

    @pytest.mark.parametrize(
        "url",
        ["cloud.ibm.com", "ftp://x", "https://", "https://a:b@x", "http://[::1", "http://x:y"],
    )
    def test_what_is_no_address_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError):
            addresses(url)


class TestSavedAccounts:
    @pytest.fixture
    def save(self, tmp_path: Path) -> Callable[..., Path]:
        def write(**accounts: Any) -> Path:
            path = tmp_path / "qiskit-ibm.json"
            path.write_text(json.dumps(accounts), encoding="utf-8")
            return path

        return write

    def test_an_account_of_the_official_client_is_read(self, save: Callable[..., Path]) -> None:
        path = save(
            mine={
                "channel": "ibm_quantum_platform",
                "token": KEY,
                "url": "https://cloud.ibm.com",
                "instance": CRN,
                "private_endpoint": True,
                "region": "eu-de",
                "plans_preference": ["premium"],
                "tags": ["team"],
                "verify": True,
                "proxies": {"urls": {"https": "http://user:pw@proxy:3128"}},
            }
        )

        account = saved_account(path, "mine")

        assert account is not None
        assert account.token == Secret(KEY)
        assert (account.instance, account.private, account.region) == (CRN, True, "eu-de")
        assert (account.plans, account.tags) == (("premium",), ("team",))
        assert account.proxy == "http://user:pw@proxy:3128"
        assert KEY not in repr(account)
        assert "pw" not in repr(account)

    @pytest.mark.parametrize(
        ("accounts", "expected"),
        [
            ({"default-ibm-cloud": {"token": "a"}}, "a"),
            (
                {
                    "default-ibm-cloud": {"token": "a"},
                    "default-ibm-quantum-platform": {"token": "b"},
                },
                "b",
            ),
            (
                {
                    "default-ibm-quantum-platform": {"token": "b"},
                    "c": {"token": "c", "is_default_account": True},
                },
                "c",
            ),
        ],
    )
    def test_the_default_account_is_the_official_client_s(
        self, save: Callable[..., Path], accounts: dict[str, Any], expected: str
    ) -> None:
        account = saved_account(save(**accounts))

        assert account is not None
        assert account.token == Secret(expected)

    def test_no_file_is_no_account(self, tmp_path: Path) -> None:
        assert saved_account(tmp_path / "nothing.json") is None

    @pytest.mark.parametrize(
        ("account", "told"),
        [
            ({"token": KEY, "verify": False}, "ca_file"),
            ({"token": KEY, "channel": "ibm_quantum"}, "channel"),
            ({"token": 7}, "token"),
            ({"token": KEY, "tags": "x"}, "tags"),
            ({"token": KEY, "proxies": {"username_ntlm": "u", "urls": {}}}, "proxies"),
            ("text", "object"),
        ],
    )
    def test_an_account_that_cannot_be_used_says_why_and_keeps_its_key(
        self, save: Callable[..., Path], account: object, told: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=told) as caught:
            saved_account(save(mine=account), "mine")

        assert KEY not in str(caught.value)

    def test_an_account_that_is_not_there_tells_the_others(self, save: Callable[..., Path]) -> None:
        with pytest.raises(ConfigurationError, match="one, two"):
            saved_account(save(one={}, two={}), "three")

    @pytest.mark.parametrize("text", ["{", "[]", '"x"', "\ufeff{", "{" * 100_000])
    def test_a_file_that_is_none_is_told_and_not_shown(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "accounts.json"
        path.write_text(text, encoding="utf-8")

        with pytest.raises(ConfigurationError):
            saved_account(path)

    def test_the_official_variables_are_read(self) -> None:
        account = environment_account(
            {"QISKIT_IBM_TOKEN": KEY, "QISKIT_IBM_INSTANCE": CRN, "QISKIT_IBM_URL": "https://x"}
        )

        assert (account.token, account.instance, account.url) == (Secret(KEY), CRN, "https://x")

    async def test_a_saved_account_is_used_when_nothing_else_is_said(
        self, ibm: Ibm, clock: EagerClock, save: Callable[..., Path]
    ) -> None:
        path = save(**{"default-ibm-cloud": {"token": KEY, "url": ibm.url, "instance": CRN}})

        transport = await make_transport(
            IbmSettings.parse({"account_file": str(path)}), environment={}, clock=clock
        )

        assert transport.principal.instance == CRN
        await transport.aclose()

    async def test_settings_come_before_variables_and_those_before_the_file(
        self, ibm: Ibm, clock: EagerClock, save: Callable[..., Path]
    ) -> None:
        path = save(**{"default-ibm-cloud": {"token": "old", "url": "https://a", "instance": "b"}})

        transport = await make_transport(
            IbmSettings.parse({"account_file": str(path), "instance": CRN}),
            environment={"QISKIT_IBM_TOKEN": KEY, "QISKIT_IBM_URL": ibm.url},
            clock=clock,
        )

        assert transport.principal.instance == CRN
        await transport.aclose()


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"instanc": CRN}, "did you mean 'instance'"),
            ({"token": KEY}, "token_env"),
            ({"private": "perhaps"}, "private must be on or off"),
            ({"engine": "curl"}, "aiohttp or httpx"),
            ({"settle": "-1"}, "settle must be 0 or more"),
            ({"settle": "nan"}, "settle"),
            ({"connections": "0"}, "connections"),
            ({"poll_floor": "soon"}, "poll_floor must be a number"),
        ],
    )
    def test_a_setting_that_cannot_be_used_is_told(
        self, settings: dict[str, str], told: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=told) as caught:
            IbmSettings.parse(settings)

        assert KEY not in str(caught.value)

    async def test_no_key_at_all_is_told_with_what_to_do(self, tmp_path: Path) -> None:
        settings = IbmSettings.parse({"account_file": str(tmp_path / "none.json")})

        with pytest.raises(ConfigurationError, match="QISKIT_IBM_TOKEN"):
            await make_transport(settings, environment={})

    @pytest.mark.parametrize("value", ["", "  ", "schlüssel", "a\nb"])
    async def test_a_variable_without_a_key_is_told_and_not_shown(self, value: str) -> None:
        settings = IbmSettings.parse({"token_env": "MY_KEY", "instance": CRN})

        with pytest.raises(ConfigurationError, match="MY_KEY") as caught:
            await make_transport(settings, environment={"MY_KEY": value})

        assert not value.strip() or value not in str(caught.value)

    async def test_a_key_can_come_from_a_file(
        self, ibm: Ibm, clock: EagerClock, tmp_path: Path
    ) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
        (tmp_path / "key").chmod(0o600)
        settings = IbmSettings.parse(
            {"token_file": str(tmp_path / "key"), "url": ibm.url, "instance": CRN}
        )

        transport = await make_transport(settings, environment={}, clock=clock)

        assert ibm.tokens == 1
        await transport.aclose()

    async def test_nothing_about_a_transport_shows_the_key(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        shown = [repr(transport), repr(vars(transport)), repr(vars(transport._api))]  # noqa: SLF001

        assert not any(KEY in text for text in shown)
        assert not any(token in text for text in shown for token in ibm.valid)

    async def test_httpx_serves_as_well(self, connect: Connect) -> None:
        transport = await connect(engine="httpx")

        assert (await transport.usage()).consumed_seconds == 12.5
