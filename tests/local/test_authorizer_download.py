"""The authorizer's way to an issuer, against servers on loopback that behave, and such that do not."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from authorizer import download
from authorizer.download import MAX_DOCUMENT_BYTES, Download, DownloadFailed

KEYS = b'{"keys": []}'
Answer = Callable[[socket.socket], None]


def certificate(folder: Path, name: str, *, ends_in_days: int = 1) -> Path:
    """A file with a certificate of its own authority for an address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=ends_in_days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=2))
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}-{ends_in_days}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the issuer, for 127.0.0.1."""
    return certificate(tmp_path_factory.mktemp("trusted"), "127.0.0.1")


@pytest.fixture(autouse=True)
def trust(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    # The same, sooner.
    monkeypatch.setattr(download, "_READ_SECONDS", 0.3)
    monkeypatch.setattr(download, "_CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(download, "_DEADLINE_SECONDS", 0.5)


@contextmanager
def server(answer: Answer, certificate: Path | None) -> Iterator[str]:
    """The URL of a server that does with each connection what `answer` does; over TCP alone without a
    certificate.
    """
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate is not None:
        tls.load_cert_chain(certificate)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        # The client may leave at any time.
        with suppress(OSError), connection:
            if certificate is None:
                answer(connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    answer(secured)

    def accept() -> None:
        with suppress(OSError):  # closed below
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/keys?tenant=1"
    finally:
        listening.close()


def answering(status: str = "200 OK", body: bytes = KEYS, *headers: str) -> Answer:
    """Answers a request as HTTP has it."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *(headers or [f"Content-Length: {len(body)}"]), "", ""])

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head.encode() + body)

    return answer


def dripping(beginning: bytes, drop: bytes) -> Answer:
    """Never ends, and never pauses for long."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        while True:
            time.sleep(0.05)
            connection.sendall(drop)

    return answer


def silent(connection: socket.socket) -> None:
    time.sleep(5)


def seconds_until_failed(url: str) -> float:
    began = time.monotonic()
    with pytest.raises(DownloadFailed):
        Download(url)()
    return time.monotonic() - began


def test_the_deadline_leaves_the_function_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (download._CONNECT_SECONDS, download._READ_SECONDS, download._DEADLINE_SECONDS) == (1, 2, 3)


def test_the_document_is_got_as_the_url_says(trusted: Path) -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + KEYS)

    with server(answer, trusted) as url:
        get = Download(url)
        assert [get(), get()] == [KEYS, KEYS]
    head = asked[0].decode().split("\r\n")
    assert head[0] == "GET /keys?tenant=1 HTTP/1.1"
    assert f"Host: {url.split('/')[2]}" in head
    assert "Accept-Encoding: identity" in head


@pytest.mark.parametrize(
    "answer",
    [
        answering("200 OK", KEYS, "Connection: close"),
        answering("200 OK", b"c\r\n" + KEYS + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    ],
    ids=["until the connection ends", "in chunks"],
)
def test_the_document_may_come_in_any_way_of_http(answer: Answer, trusted: Path) -> None:
    with server(answer, trusted) as url:
        assert Download(url)() == KEYS


def test_a_document_may_be_as_large_as_it_may_be(trusted: Path) -> None:
    with server(answering("200 OK", b"x" * MAX_DOCUMENT_BYTES), trusted) as url:
        assert len(Download(url)()) == MAX_DOCUMENT_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        answering("200 OK", b"x" * (MAX_DOCUMENT_BYTES + 1)),
        answering("200 OK", b"x" * 5_000_000, "Connection: close"),
        answering("200 OK", b"zz\r\n", "Transfer-Encoding: chunked"),
        answering("204 No Content", b"", "Content-Length: 0"),
        answering("206 Partial Content"),
        answering("403 Forbidden"),
        answering("404 Not Found"),
        answering("500 Internal Server Error"),
        answering("503 Service Unavailable", b"", "Retry-After: 1"),
        answering("200 OK", b"", *("X: y" for _ in range(200))),
        answering("200 OK", b"", "X: " + "y" * 100_000),
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
        lambda connection: connection.close(),
    ],
)
def test_what_is_no_document_of_an_issuer_is_not_taken(answer: Answer, trusted: Path) -> None:
    with server(answer, trusted) as url:
        assert seconds_until_failed(url) < 1


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_redirects_are_not_followed(status: str, trusted: Path) -> None:
    with (
        server(answering(), trusted) as elsewhere,
        server(answering(status, KEYS, f"Location: {elsewhere}", "Content-Length: 12"), trusted) as url,
    ):
        assert Download(elsewhere)() == KEYS
        with pytest.raises(DownloadFailed) as failed:
            Download(url)()
    assert str(failed.value.__cause__) == f"HTTP status {status[:3]}"


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "status", "headers", "one header", "body", "chunks", "informational answers"],
)
def test_a_slow_issuer_is_given_up_and_nothing_of_it_stays(answer: Answer, trusted: Path) -> None:
    with server(answer, trusted) as url:
        threads = _downloads()
        assert seconds_until_failed(url) < 1
        assert _eventually(lambda: _downloads() <= threads)


@pytest.mark.parametrize("drop", [b"", b"\x16"], ids=["silent", "dripping"])
def test_an_issuer_that_never_shakes_hands_is_given_up(drop: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        # The head of a record of TLS, whose body takes for ever.
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            time.sleep(0.05)
            connection.sendall(drop)

    with server(answer, None) as url:
        threads = _downloads()
        assert seconds_until_failed(url) < 1
        assert _eventually(lambda: _downloads() <= threads)


def test_a_name_that_cannot_be_looked_up_in_time_is_given_up(
    trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = threading.Event()
    resolve = socket.getaddrinfo

    def slow(*args: Any, **options: Any) -> Any:
        looked_up.wait(5)
        return resolve(*args, **options)

    with server(answering(), trusted) as url:
        threads = _downloads()
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        assert seconds_until_failed(url) < 1
        # And when the name comes after all, nobody is asked any more.
        looked_up.set()
        assert _eventually(lambda: _downloads() <= threads)


def test_an_issuer_that_is_not_there_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert seconds_until_failed(f"https://127.0.0.1:{port}/") < 1


def test_an_issuer_of_another_authority_is_not_listened_to(tmp_path: Path) -> None:
    assert "self-signed certificate" in why_not_trusted(certificate(tmp_path, "127.0.0.1"))


def test_an_issuer_under_another_name_is_not_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presented = certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(presented))
    assert "IP address mismatch" in why_not_trusted(presented)


def test_an_issuer_whose_certificate_has_expired_is_not_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presented = certificate(tmp_path, "127.0.0.1", ends_in_days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(presented))
    assert "certificate has expired" in why_not_trusted(presented)


def test_an_issuer_without_tls_is_not_listened_to() -> None:
    assert why_not_trusted(None)


def why_not_trusted(presented: Path | None) -> str:
    with server(answering(), presented) as url, pytest.raises(DownloadFailed) as failed:
        Download(url)()
    assert isinstance(failed.value.__cause__, ssl.SSLError)
    return str(failed.value.__cause__)


def _downloads() -> int:
    return sum("_get" in thread.name for thread in threading.enumerate())


def _eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 3
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()
