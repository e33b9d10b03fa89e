"""Where an authority publishes: its CRL over HTTP, and an OCSP responder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.lab import Namespace
from tests.translators.authority import Authority


class Publisher:
    """Answers GET with ``crl`` (PEM; empty: there is none) and POST as an OCSP responder that knows
    ``revoked``; ``asked`` are the methods of all requests. While ``is_silent`` it answers nobody."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.crl = ""
        self.revoked: list[str] = []
        self.asked: list[str] = []
        self.uri = ""
        self.is_silent = False
        self.closing = threading.Event()

    def answer(self, method: str, body: bytes) -> bytes | None:
        self.asked.append(method)
        if self.is_silent:
            self.closing.wait()
        if method == "POST":
            return self.authority.answer(body, self.revoked)
        return self.crl.encode() or None


@contextmanager
def published(authority: Authority, namespace: Namespace, address: str) -> Iterator[Publisher]:
    """Yield a publisher that listens at ``address`` in ``namespace``."""
    publisher = Publisher(authority)
    handler = _handler(publisher.answer)
    server = namespace.call(lambda: ThreadingHTTPServer((address, 0), handler))
    publisher.uri = f"http://{address}:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield publisher
    finally:
        publisher.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(answer: Callable[[str, bytes], bytes | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            content = answer(self.command, body)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
