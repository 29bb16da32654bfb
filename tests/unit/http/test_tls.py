"""Whoever cannot prove to be the server gets nothing, over both engines."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from swqr_adapters.http import AiohttpEngine, HttpClient, HttpxEngine, RetryPolicy, Secret
from swqr_core.errors import UnreachableError

from .conftest import EagerClock

TOKEN = {"Authorization": Secret("Bearer s3cret-token")}


def signed_by_itself(name: str) -> bytes:
    """Return a key and a certificate for a name, which nobody trusts."""
    pytest.importorskip("cryptography", reason="makes certificates")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - TLS reads the system's clock
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(now - dt.timedelta(hours=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text: bytes = key.private_bytes(pem, form, plain)
    return text + made.sign(key, hashes.SHA256()).public_bytes(pem)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "server.pem"
    file.write_bytes(signed_by_itself("localhost"))
    return file


@pytest.fixture
async def site(certificate: Path) -> AsyncIterator[Any]:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(text="fine")

    app = web.Application()
    app.router.add_get("/", answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    yield server.port, seen
    await server.close()


@pytest.mark.parametrize("kind", [AiohttpEngine, HttpxEngine])
@pytest.mark.parametrize(
    ("host", "trusted", "arrives"),
    [("localhost", True, True), ("localhost", False, False), ("127.0.0.1", True, False)],
    ids=["trusted", "a stranger", "another name"],
)
async def test_credentials_go_to_whoever_proves_to_be_the_server(
    site: Any, certificate: Path, kind: Any, host: str, *, trusted: bool, arrives: bool
) -> None:
    port, seen = site
    engine = kind(ca_file=str(certificate) if trusted else None)
    client = HttpClient(engine, clock=EagerClock(), retry=RetryPolicy(attempts=1))
    problem = None
    try:
        await client.request("GET", f"https://{host}:{port}/", credentials=TOKEN)
    except UnreachableError as error:
        problem = str(error)
    finally:
        await engine.aclose()

    assert seen == (["Bearer s3cret-token"] if arrives else [])
    assert arrives == (problem is None)
    assert problem is None or "ertificate" in problem or "CERTIFICATE" in problem
