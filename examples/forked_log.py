"""A log as somebody serves it who has stolen its keys: everything as it is, but for the newest head."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.encoding import sha256
from cosignet.core.log_keys import SigningKey
from cosignet.core.note import Note


def forge(checkpoint: Checkpoint, keys: list[SigningKey]) -> bytes:
    """Another head of the same size, signed with the log's own keys."""
    forged = Checkpoint(checkpoint.origin, checkpoint.size, sha256(b"the same requests with another ending"))
    signatures = tuple(key.sign(forged, time=int(time.time())) for key in keys)
    return Note(forged.to_text(), signatures).to_bytes()


@contextmanager
def serving(log: str, checkpoint: bytes) -> Iterator[str]:
    """The log at the address `log`, with this checkpoint instead of its own; the address of the lie."""

    class Liar(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/checkpoint":
                content = checkpoint
            else:
                with urllib.request.urlopen(log + self.path, timeout=10) as answer:  # noqa: S310 (our own address)
                    content = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
