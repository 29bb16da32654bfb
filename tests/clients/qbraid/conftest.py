"""``swqr serve`` where qBraid looks for IBM: at IBM's own names, over TLS.

qBraid's provider has IBM's addresses written into it, and reads jobs with ``urllib``. So the names
of ``cloud.ibm.com`` lead to a door in this process, as a name server would have it, and behind the
door, which holds a certificate of the test's own making, is the server.
"""

import asyncio
import contextlib
import datetime as dt
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PYTHON = os.environ.get("SWQR_SERVER_PYTHON", sys.executable)
CLOUD = "memory://?seed=7&noise=off&workers=1"
DOMAIN = "cloud.ibm.com"
# A wildcard stands for one label.
NAMES = (f"*.{DOMAIN}", f"*.global-search-tagging.{DOMAIN}", f"*.quantum-computing.{DOMAIN}")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a server that runs says of itself."""
    file: Path = tmp_path_factory.mktemp("served") / "ready.json"
    command = [PYTHON, "-m", "swqr_adapters.cli", "serve", "--port", "0", "--transport", CLOUD]
    process = subprocess.Popen(
        [*command, "--api-key", "right-key", "--ready-file", str(file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield json.loads(file.read_text())
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(timeout=90) == 0


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for IBM's names, with its key, that nobody else trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swqr tests")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - TLS reads the system's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in NAMES]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file: Path = tmp_path_factory.mktemp("tls") / "door.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


class Door:
    """Takes the TLS off connections and passes them on.

    Args:
        certificate: A PEM file with key and certificate.
        behind: The port that connections are passed on to.
    """

    def __init__(self, certificate: Path, behind: int) -> None:
        self._behind = behind
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def open(self) -> None:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._context)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass_on(self, reader: Any, writer: Any) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._behind)

        async def pump(source: Any, sink: Any) -> None:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while piece := await source.read(65_536):
                    sink.write(piece)
                    await sink.drain()
            sink.close()

        try:
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()


@pytest.fixture(scope="session")
def ibm(ready: dict[str, str], certificate: Path) -> Iterator[dict[str, str]]:
    """The server, at IBM's names, for as long as the tests run."""
    door = Door(certificate, int(ready["url"].rpartition(":")[2]))
    door.open()
    resolve = socket.getaddrinfo

    def lead(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(f".{DOMAIN}"):
            host, port = "127.0.0.1", door.port
        return resolve(host, port, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lead)
        patch.setenv("SSL_CERT_FILE", str(certificate))  # of urllib
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # of the official client
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        yield ready
    door.close()
