"""What every request gets, over both engines."""

import asyncio
import base64
import gzip
import json
import logging
import socket
import traceback
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

import httpx
import pytest
from aiohttp import web

from swqr_adapters.http import (
    AiohttpEngine,
    AnswerLostError,
    Deadlines,
    HttpClient,
    HttpEngine,
    HttpxEngine,
    RetryPolicy,
    Secret,
)
from swqr_adapters.http.client import is_loopback, with_query
from swqr_adapters.http.retry import retry_after
from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    PayloadTooLargeError,
    ProtocolError,
    TransportError,
    UnreachableError,
)

from .conftest import EagerClock, Site

TOKEN = {"Authorization": Secret("Bearer s3cret-token")}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


TEXT = b"text" * 100_000
PACKED = {
    "gzip": ("gzip", gzip.compress(TEXT), TEXT),
    "in a frame": ("deflate", zlib.compress(TEXT), TEXT),
    "without its frame": ("deflate", zlib.compress(TEXT, wbits=-zlib.MAX_WBITS), TEXT),
    # The last match of so many zeros crosses the end of a piece of 256 KiB, and is held back.
    "held back": ("deflate", zlib.compress(bytes(262_165), wbits=-zlib.MAX_WBITS), bytes(262_165)),
    "in members": (
        "gzip",
        gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"b"),
        TEXT + b"b",
    ),
}


class TestAnswers:
    async def test_an_answer_has_status_headers_and_body(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers(web.Response(status=418, body=b"tea", headers={"X-Pot": "brown"}))

        response = await client.request("GET", site.url("/pot"))

        assert (response.status, response.body, response.headers["x-pot"]) == (418, b"tea", "brown")

    async def test_the_clocks_are_compared(
        self, client: HttpClient, site: Site, clock: EagerClock
    ) -> None:
        before = client.clock_skew
        behind = format_datetime(clock.now() - timedelta(seconds=90), usegmt=True)
        site.answers(web.Response(headers={"Date": behind}), web.Response(headers={"Date": "soon"}))

        await client.request("GET", site.url("/"))
        ahead = client.clock_skew
        await client.request("GET", site.url("/"))

        assert before is None
        assert ahead == pytest.approx(90, abs=1)
        assert client.clock_skew is None

    async def test_the_query_arrives_as_it_was_meant(self, client: HttpClient, site: Site) -> None:
        url = with_query(site.url("/jobs"), [("tags", "a b"), ("tags", "c&d"), ("at", "1+00:00")])

        await client.request("GET", url)

        assert site.seen[0][1] == "/jobs?tags=a%20b&tags=c%26d&at=1%2B00%3A00"

    async def test_a_body_in_pieces_arrives_whole_and_unchanged(
        self, client: HttpClient, site: Site
    ) -> None:
        big = bytes(range(256)) * 8_192

        await client.request("POST", site.url(), body=(b"<", big, b">"))

        _, _, headers, body = site.seen[0]
        assert body == b"<" + big + b">"
        assert headers["content-length"] == str(len(body))

    @pytest.mark.parametrize(("encoding", "packed", "body"), PACKED.values(), ids=PACKED)
    async def test_a_compressed_answer_is_given_as_it_was_meant(
        self, client: HttpClient, site: Site, encoding: str, packed: bytes, body: bytes
    ) -> None:
        site.answers(web.Response(body=packed, headers={"Content-Encoding": encoding}))

        response = await client.request("GET", site.url())

        assert response.body == body

    async def test_an_answer_over_the_limit_is_refused(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers(web.Response(body=b"x" * 1001))

        with pytest.raises(PayloadTooLargeError) as caught:
            await client.request("GET", site.url(), max_bytes=1000)

        assert caught.value.limit == 1000

    async def test_the_limit_counts_what_is_unpacked(self, client: HttpClient, site: Site) -> None:
        packed = gzip.compress(bytes(1_000_000))
        site.answers(web.Response(body=packed, headers={"Content-Encoding": "gzip"}))

        with pytest.raises(PayloadTooLargeError):
            await client.request("GET", site.url(), max_bytes=100_000)

    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("gzip", gzip.compress(b"text" * 1000)[:-9]),
            ("gzip", gzip.compress(b"text") + b"more"),
            ("gzip", b"text"),
            ("deflate", zlib.compress(b"text")[:-1]),
            ("br", b"\x0b\x02\x80text\x03"),
            ("gzip, gzip", gzip.compress(gzip.compress(b"text"))),
        ],
        ids=["cut short", "goes on", "not at all", "no checksum", "another way", "twice"],
    )
    async def test_an_answer_that_is_not_packed_as_it_was_asked_for_counts_as_lost(
        self, client: HttpClient, site: Site, encoding: str, body: bytes
    ) -> None:
        site.answers(web.Response(body=body, headers={"Content-Encoding": encoding}))

        with pytest.raises(AnswerLostError, match="packed"):
            await client.request("POST", site.url())

    async def test_little_that_unpacks_to_much_is_never_whole_in_memory(
        self, client: HttpClient, site: Site
    ) -> None:
        packed = gzip.compress(bytes(64 * 2**20))  # one read brings all of it
        site.answers(web.Response(body=packed, headers={"Content-Encoding": "gzip"}))

        async with client.stream("GET", site.url()) as answer:
            sizes = [len(chunk) async for chunk in answer.chunks()]

        assert sum(sizes) == 64 * 2**20
        assert max(sizes) <= 2**20

    async def test_an_answer_can_be_read_piece_by_piece(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers(web.Response(body=b"x" * 300_000))

        async with client.stream("GET", site.url()) as answer:
            sizes = [len(chunk) async for chunk in answer.chunks()]

        assert sum(sizes) == 300_000


class TestFailures:
    async def test_what_could_not_connect_was_certainly_not_sent(self, client: HttpClient) -> None:
        with pytest.raises(UnreachableError):
            await client.request("POST", f"http://127.0.0.1:{closed_port()}/")

    async def test_a_connection_cut_after_the_request_leaves_it_open_what_happened(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers("drop")

        with pytest.raises(AnswerLostError):
            await client.request("POST", site.url())

        assert len(site.seen) == 1

    async def test_an_answer_that_stops_halfway_counts_as_lost(
        self, client: HttpClient, site: Site
    ) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse(headers={"Content-Length": "100"})
            await answer.prepare(request)
            await answer.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return answer

        site.handler = handler

        with pytest.raises(AnswerLostError):
            await client.request("POST", site.url())

    @pytest.mark.parametrize(
        "deadlines", [Deadlines(read=0.05, total=None), Deadlines(read=None, total=0.05)]
    )
    async def test_a_silent_server_is_given_up_and_the_outcome_is_open(
        self, client: HttpClient, site: Site, deadlines: Deadlines
    ) -> None:
        silence = asyncio.Event()

        async def handler(request: web.Request) -> web.StreamResponse:
            await silence.wait()
            return web.Response()

        site.handler = handler

        with pytest.raises(AnswerLostError):
            await client.request("POST", site.url(), deadlines=deadlines)
        silence.set()

    async def test_a_closed_client_says_so(self, client: HttpClient, site: Site) -> None:
        await client.request("GET", site.url())
        await client.aclose()
        await client.aclose()

        with pytest.raises(ClosedError):
            await client.request("GET", site.url())


class TestRetries:
    async def test_what_may_be_done_twice_is_repeated_after_a_passing_failure(
        self, client: HttpClient, site: Site, clock: EagerClock
    ) -> None:
        site.answers(web.Response(status=503), web.Response(status=520), web.Response(text="ok"))

        response = await client.request("GET", site.url())

        assert (response.status, response.attempts, response.unsure) == (200, 3, True)
        assert clock.slept == [0.5, 1.0]

    async def test_a_lost_answer_is_asked_for_again_and_that_is_told(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers("drop", "drop", web.Response(text="ok"))

        response = await client.request("PUT", site.url())

        assert (response.status, response.unsure) == (200, True)

    async def test_each_attempt_has_the_credentials_of_its_time(
        self, client: HttpClient, site: Site
    ) -> None:
        tokens = iter(["old", "new"])
        site.answers("drop", web.Response(text="ok"))

        async def credentials() -> dict[str, Secret]:
            return {"Authorization": Secret(next(tokens))}

        await client.request("PUT", site.url(), credentials=credentials)

        assert [headers["authorization"] for _, _, headers, _ in site.seen] == ["old", "new"]

    async def test_a_lost_answer_is_not_forgotten_over_credentials_that_cannot_be_had(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers("drop")

        async def credentials() -> dict[str, Secret]:
            if site.seen:
                raise UnreachableError("iam", "is away")
            return {}

        with pytest.raises(AnswerLostError):
            await client.request("PUT", site.url(), credentials=credentials)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
    async def test_a_post_is_not_repeated_after_a_failure_of_the_server(
        self, client: HttpClient, site: Site, status: int
    ) -> None:
        site.answers(web.Response(status=status), web.Response(text="twice"))

        response = await client.request("POST", site.url())

        assert (response.status, len(site.seen)) == (status, 1)

    async def test_a_post_that_was_refused_for_now_is_sent_when_it_is_welcome(
        self, client: HttpClient, site: Site, clock: EagerClock
    ) -> None:
        site.answers(
            web.Response(status=429, headers={"Retry-After": "7"}), web.Response(text="ok")
        )

        response = await client.request("POST", site.url(), body=(b"job",))

        assert (response.status, clock.slept) == (200, [7.0])
        assert [body for *_, body in site.seen] == [b"job", b"job"]

    async def test_a_server_that_asks_for_too_much_patience_is_not_asked_again(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers(web.Response(status=429, headers={"Retry-After": "3600"}))

        response = await client.request("GET", site.url())

        assert (response.status, len(site.seen)) == (429, 1)

    async def test_repeating_ends(
        self, make_client: Callable[..., HttpClient], site: Site, clock: EagerClock
    ) -> None:
        client = make_client(retry=RetryPolicy(attempts=3, first_delay=1, longest_delay=1.5))
        site.answers(*(web.Response(status=502) for _ in range(4)))

        response = await client.request("GET", site.url())

        assert (response.status, len(site.seen), clock.slept) == (502, 3, [1.0, 1.5])

    async def test_client_errors_are_not_repeated(self, client: HttpClient, site: Site) -> None:
        site.answers(web.Response(status=404))

        response = await client.request("GET", site.url())

        assert (response.status, len(site.seen)) == (404, 1)

    def test_retry_after_may_be_a_date(self) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        later = format_datetime(now + timedelta(seconds=90), usegmt=True)

        assert retry_after({"retry-after": later}, now) == 90

    def test_however_often_it_is_repeated_the_pause_is_no_longer_than_the_longest(self) -> None:
        assert RetryPolicy(attempts=5000, longest_delay=7.0).delay(4000) == 7.0

    @pytest.mark.parametrize(
        "text", ["", "soon", "-3", "1.5e", "٣", "Mon, 1 Jan 99999999999999 00:00:00 GMT"]
    )
    def test_a_retry_after_that_means_nothing_is_absent(self, text: str) -> None:
        assert retry_after({"retry-after": text}, datetime(2026, 1, 1, tzinfo=UTC)) is None


class TestRedirects:
    async def test_a_get_follows_and_keeps_its_credentials_at_home(
        self, client: HttpClient, site: Site
    ) -> None:
        site.answers(web.Response(status=302, headers={"Location": "/there"}), web.Response())

        await client.request("GET", site.url("/here"), credentials=TOKEN)

        _, path, headers, _ = site.seen[1]
        assert (path, headers["authorization"]) == ("/there", "Bearer s3cret-token")

    async def test_another_origin_does_not_get_the_credentials(
        self, client: HttpClient, site: Site, other_site: Site
    ) -> None:
        site.answers(web.Response(status=307, headers={"Location": other_site.url("/x")}))

        await client.request("GET", site.url(), credentials=TOKEN)

        assert "authorization" not in other_site.seen[0][2]

    async def test_a_post_is_not_sent_elsewhere(
        self, client: HttpClient, site: Site, other_site: Site
    ) -> None:
        site.answers(web.Response(status=307, headers={"Location": other_site.url()}))

        with pytest.raises(ProtocolError):
            await client.request("POST", site.url(), body=(b"job",))

        assert other_site.seen == []

    async def test_redirects_in_a_circle_end(self, client: HttpClient, site: Site) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": "/again"})

        site.handler = handler

        with pytest.raises(ProtocolError):
            await client.request("GET", site.url())

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "http://[bad", "//host:99999999/"])
    async def test_what_is_no_address_of_a_server_is_no_target(
        self, client: HttpClient, site: Site, target: str
    ) -> None:
        site.answers(web.Response(status=302, headers={"Location": target}))

        with pytest.raises(ProtocolError):
            await client.request("GET", site.url())

    @pytest.mark.parametrize(
        ("make", "host"),
        [(AiohttpEngine, "a" * 300), (AiohttpEngine, "a..b"), (HttpxEngine, "xn--")],
    )
    async def test_a_host_that_cannot_be_one_is_told_as_any_that_is_not_reached(
        self, make: Callable[[], HttpEngine], clock: EagerClock, site: Site, host: str
    ) -> None:
        there = {"Location": f"http://{host}:1/"}
        site.answers(*[web.Response(status=302, headers=there) for _ in range(5)])
        client = HttpClient(make(), clock=clock)

        with pytest.raises(TransportError, match="GET http"):
            await client.request("GET", site.url())
        await client.aclose()

    async def test_a_header_that_cannot_be_sent_is_told(
        self, client: HttpClient, site: Site
    ) -> None:
        with pytest.raises(TransportError, match="GET http"):
            await client.request("GET", site.url(), headers={"Service-CRN": "one\r\nX-Two: 2"})

        assert not site.seen


class TestSecrets:
    @pytest.mark.parametrize("form", [repr, str, "{}".format, "{:>20}".format])
    def test_a_secret_never_prints(self, form: Callable[[object], str]) -> None:
        assert "s3cret" not in form(Secret("s3cret"))

    async def test_credentials_do_not_leave_this_machine_unencrypted(
        self, client: HttpClient
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            await client.request("GET", "http://example.invalid/", credentials=TOKEN)

        assert "s3cret" not in str(caught.value)

    async def test_neither_does_a_secret_body(self, client: HttpClient) -> None:
        with pytest.raises(ConfigurationError):
            await client.request(
                "POST", "http://example.invalid/", body=(b"apikey=k",), secret_body=Secret("k")
            )

    async def test_they_do_if_the_user_says_so(self, clock: EagerClock) -> None:
        arrived = []

        def far_away(request: httpx.Request) -> httpx.Response:
            arrived.append(request.headers["authorization"])
            return httpx.Response(200)

        async with httpx.AsyncClient(transport=httpx.MockTransport(far_away)) as brought:
            client = HttpClient(HttpxEngine(brought), clock=clock, allow_plain_http=True)
            await client.request("GET", "http://example.invalid/", credentials=TOKEN)

        assert arrived == ["Bearer s3cret-token"]

    async def test_no_log_line_and_no_error_shows_a_secret(
        self, client: HttpClient, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.answers("drop")
        caplog.set_level(logging.DEBUG, logger="swqr_adapters")

        with pytest.raises(AnswerLostError) as caught:
            await client.request(
                "POST", site.url("/x?q=private"), credentials=TOKEN, body=(b"s3cret",)
            )

        told = caplog.text + str(caught.value) + repr(caught.value)
        assert "s3cret" not in told
        assert "private" not in told

    @pytest.mark.parametrize("kind", [AiohttpEngine, HttpxEngine])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_a_proxy_gets_its_password_and_no_error_shows_it(
        self,
        kind: Callable[..., HttpEngine],
        scheme: str,
        clock: EagerClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        heads = []

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n")
            writer.close()

        caplog.set_level(logging.DEBUG, logger="swqr_adapters")
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
            port = proxy.sockets[0].getsockname()[1]
            engine = kind(proxy=f"http://ada:s3cret%2Fpw@127.0.0.1:{port}")
            client = HttpClient(engine, clock=clock, retry=RetryPolicy(attempts=1))
            with pytest.raises(TransportError) as caught:
                await client.request("GET", f"{scheme}://example.invalid/")
            await client.aclose()

        told = caplog.text + "".join(traceback.format_exception(caught.value))
        assert base64.b64encode(b"ada:s3cret/pw") in heads[0]
        assert "s3cret" not in told

    @pytest.mark.parametrize("kind", [AiohttpEngine, HttpxEngine])
    @pytest.mark.parametrize(
        "proxy", ["ada:s3cret@proxy:3128", "ftp://ada:s3cret@proxy", "http://ada:s3cret@[bad"]
    )
    def test_what_can_be_no_proxy_is_refused_at_once(
        self, kind: Callable[..., HttpEngine], proxy: str
    ) -> None:
        with pytest.raises(ConfigurationError, match="must be a URL") as caught:
            kind(proxy=proxy)

        assert "s3cret" not in "".join(traceback.format_exception(caught.value))

    async def test_neither_does_a_traceback_of_an_answer_that_repeats_it(
        self, client: HttpClient
    ) -> None:
        async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"Bearer s3cret-token is what you said\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(repeat, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(AnswerLostError) as caught:
                await client.request("POST", f"http://127.0.0.1:{port}/", credentials=TOKEN)

        assert "s3cret" not in "".join(traceback.format_exception(caught.value))

    async def test_what_a_refusal_repeats_is_hidden_where_it_is_shown(
        self, client: HttpClient, site: Site
    ) -> None:
        key = 'a/"key"+\u00e9'
        site.answers(web.Response(status=400, body=json.dumps([quote(key, safe=""), key]).encode()))

        answer = await client.request(
            "POST", site.url(), credentials=TOKEN, secret_body=Secret(key), body=(b"x",)
        )

        assert json.loads(answer.shown) == ["[secret]", "[secret]"]
        assert json.loads(answer.body)[1] == key

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("localhost", True),
            ("quantum.localhost", True),
            ("127.0.0.1", True),
            ("127.8.9.1", True),
            ("::1", True),
            ("localhost.example.com", False),
            ("10.0.0.1", False),
            ("", False),
        ],
    )
    def test_loopback_is_what_can_only_be_this_machine(self, host: str, expected: bool) -> None:
        assert is_loopback(host) is expected


class TestEmbedding:
    async def test_a_client_that_was_brought_along_is_used_and_left_open(
        self, clock: EagerClock
    ) -> None:
        def application(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text=f"in process: {request.url.path}")

        async with httpx.AsyncClient(transport=httpx.MockTransport(application)) as brought:
            client = HttpClient(HttpxEngine(brought), clock=clock)
            response = await client.request("GET", "https://inside/jobs")
            await client.aclose()

            assert response.body == b"in process: /jobs"
            assert not brought.is_closed

    def test_making_an_engine_needs_no_loop(self, engine: HttpEngine) -> None:
        assert "Engine" in repr(engine)
