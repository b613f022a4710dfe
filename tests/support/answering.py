"""A server that answers what a test says, for what no real one can be made to answer."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@contextmanager
def server(
    answers: Mapping[str, Any], certificate: tuple[Path, Path] | None = None, asked: list[str] | None = None
) -> Iterator[str]:
    """Its URL. answers: by the path, with its query, what is sent: JSON, or a status, headers and a body.

    404 to all else. The method stands before a path of anything but GET: `POST /volumes`. asked: gets what was
    asked for.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = self.path if self.command == "GET" else f"{self.command} {self.path}"
            if asked is not None:
                asked.append(name)
            said = answers.get(name, (404, {}, b"Id not found\n"))
            status, headers, body = said if isinstance(said, tuple) else (200, {}, json.dumps(said).encode())
            self.send_response(status)
            for header, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply  # noqa: N815 (http.server's names)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join(10)
