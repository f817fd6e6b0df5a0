"""Gets a small document over HTTPS, or gives up: soon, whatever the server does."""

import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import urlsplit

_CONNECT_SECONDS = 1
_READ_SECONDS = 2
"""For each read: a server that sends now and then never exceeds it. Therefore:"""
_DEADLINE_SECONDS = 3
"""For all of it, the look-up of the name included. The function has 5."""
MAX_DOCUMENT_BYTES = 65_536
"""Bytes. A key set has some 500 to 2,500 a key, with its certificates."""


class DownloadFailed(Exception):
    """The document cannot be had just now. The text holds nothing of what the server sent but its status."""


class Download:
    """Gets the document at one URL when called."""

    def __init__(self, url: str) -> None:
        """Raises ValueError when the URL is not one of HTTPS."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("Keys are fetched over HTTPS only.")
        self._host, self._port = parts.hostname, parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # The system's roots of trust: the layer has those of AWS alone, and the issuer may be anybody.
        self._tls = ssl.create_default_context()

    def __call__(self) -> bytes:
        """The document. Redirects are not followed: the keys are where the configuration says.

        Raises `DownloadFailed`.
        """
        connection = _Connection(self._host, self._port, self._tls)
        outcome: SimpleQueue[bytes | Exception] = SimpleQueue()
        # In a thread of its own, since neither a time-out of sockets nor a signal ends the look-up of a name.
        Thread(target=self._get, args=(connection, outcome), daemon=True).start()
        try:
            got = outcome.get(timeout=_DEADLINE_SECONDS)
        except Empty:
            raise DownloadFailed("The deadline has passed.") from None
        finally:
            connection.give_up()
        if isinstance(got, Exception):
            raise DownloadFailed("The server did not answer as it should.") from got
        return got

    def _get(self, connection: "_Connection", outcome: "SimpleQueue[bytes | Exception]") -> None:
        try:
            outcome.put(self._answer(connection))
        except Exception as error:  # noqa: BLE001 (whoever waits for the outcome judges it)
            outcome.put(error)
        finally:
            connection.close()

    def _answer(self, connection: "_Connection") -> bytes:
        headers = {"Accept": "application/json", "Connection": "close", "User-Agent": "in-app-calling"}
        connection.request("GET", self._target, headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise DownloadFailed(f"HTTP status {response.status}")
        document = response.read(MAX_DOCUMENT_BYTES + 1)
        if len(document) > MAX_DOCUMENT_BYTES:
            raise DownloadFailed("The document is too large.")
        return document


class _Connection(HTTPSConnection):
    """A connection that another thread can end, whatever it is waiting for."""

    def __init__(self, host: str, port: int | None, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=_CONNECT_SECONDS, context=tls)
        self._tls = tls
        self._socket: ssl.SSLSocket | None = None
        self._is_given_up = False

    def connect(self) -> None:
        # Not HTTPSConnection's: that shows its socket only when the server has finished shaking hands.
        HTTPConnection.connect(self)
        self.sock = self._socket = self._tls.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        if self._is_given_up:
            raise DownloadFailed("The deadline has passed.")
        self._socket.do_handshake()
        self._socket.settimeout(_READ_SECONDS)

    def give_up(self) -> None:
        self._is_given_up = True
        # `sock` is none again once the answer's head has come.
        if self._socket is not None:
            with suppress(OSError):  # not connected any more
                self._socket.shutdown(socket.SHUT_RDWR)
