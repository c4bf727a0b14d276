"""A proxy before an S3 server that answers some requests wrongly: python -m tests.store.faulty_store, and

PORT of the server, the fault, the number of the first request that meets it, and of how many each is one. It
prints its own port, and ends when its standard input does.
"""

import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any, ClassVar

STATUS = {"busy": 503, "throttled": 429, "refused": 403}


class Proxy(BaseHTTPRequestHandler):
    """busy, throttled, refused: that is all it answers; dropped: it closes the connection; lost: so too, but
    the server has done what was asked of it.
    """

    protocol_version = "HTTP/1.1"
    requests: ClassVar[Any] = count(1)
    port: ClassVar[int]
    fault: ClassVar[str]
    first: ClassVar[int]
    every: ClassVar[int]

    def handle_any(self) -> None:
        number = next(self.requests)
        faulty = number >= self.first and (number - self.first) % self.every == 0
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if faulty and self.fault in STATUS:
            self.answer(STATUS[self.fault], {}, b"<Error><AWSAccessKeyId>an-id</AWSAccessKeyId></Error>")
            return
        if not faulty or self.fault == "lost":
            status, headers, content = self.forward(body)
        if faulty:
            self.close_connection = True
        else:
            self.answer(status, headers, content)

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        server = HTTPConnection("127.0.0.1", self.port)
        server.request(self.command, self.path, body, dict(self.headers))
        answer = server.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        server.close()
        return found

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        kept = {
            name: value for name, value in headers.items() if name not in ("Transfer-Encoding", "Connection")
        }
        for name, value in ({"Content-Length": str(len(content))} | kept).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


for method in ("GET", "PUT", "HEAD", "POST", "DELETE"):
    setattr(Proxy, f"do_{method}", Proxy.handle_any)

if __name__ == "__main__":
    port, Proxy.fault, first, every = sys.argv[1:]
    Proxy.port, Proxy.first, Proxy.every = int(port), int(first), int(every)
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=proxy.serve_forever, daemon=True).start()
    sys.stdout.write(f"{proxy.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
