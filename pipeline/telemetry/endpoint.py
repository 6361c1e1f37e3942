"""The worker's HTTP endpoint: metrics, health, and, for whoever shows the token, lanes and users.

Owns the routes, who may ask for what, and the bounds: one request a connection, a head of a few
kilobytes that must come within seconds, no body, a few requests at a time. What is answered comes
from `Shown`. Never logs or counts a request by anything its sender chose, and never tells an
unauthorised sender more than that.

    GET /metrics              anybody            Prometheus
    GET /healthz              anybody            200 when every lane is whole, else 503
    GET /v1/lanes             with the token     what each lane is doing
    GET /v1/users/USER_ID     with the token     one user's committed state
"""

import gzip
import hmac
import ipaddress
import json
import socket
import socketserver
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, Final, Protocol
from urllib.parse import unquote_to_bytes

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from pipeline.settings import SettingsError

_log: Final = structlog.get_logger(__name__)

_HEAD_BYTES_MAX: Final = 8_192
_PATH_BYTES_MAX: Final = 512
_USER_BYTES_MAX: Final = 64
_HEAD_S_MAX: Final = 5.0
_ANSWER_S_MAX: Final = 10.0
_REQUESTS_AT_ONCE_MAX: Final = 8
_POLL_S: Final = 0.1
_USERS: Final = "/v1/users/"
_SWITCHED_OFF: Final = (
    "this worker shows no state: it has no token; set state_token or state_token_file, and start "
    "it again"
)
_NOT_FROM_THERE: Final = "this worker shows state to its own machine only; see state_remote"


@dataclass(frozen=True)
class Answer:
    """A status and the JSON body that goes with it."""

    status: HTTPStatus
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Shown(Protocol):
    """What the endpoint shows. Called from any thread; must not block for long."""

    def health(self) -> Answer:
        """200 when every lane is whole, 503 otherwise."""
        ...

    def lanes(self) -> Answer:
        """What each lane is doing."""
        ...

    def user(self, user_id: str) -> Answer:
        """One user's state; `user_id` has 1 to 64 bytes of UTF-8."""
        ...


class Endpoint:
    """The HTTP server of one worker."""

    def __init__(
        self, registry: CollectorRegistry, shown: Shown, *, token: str | None, remote: bool
    ) -> None:
        """`token`: None shows no state. `remote`: whether other machines may ask for state.

        Raises SettingsError for `remote` without a token.
        """
        if remote and token is None:
            raise SettingsError(
                "state_remote lets other machines ask for users' state, which needs a token: set "
                "state_token or state_token_file, or state_remote to false"
            )
        self.registry: Final = registry
        self.shown: Final = shown
        self.remote: Final = remote
        self._token: Final = None if token is None else token.encode()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, host: str, port: int) -> int:
        """Serve at http://host:port and return the port; 0 takes a free one.

        Raises SettingsError when the address cannot be listened on.
        """
        try:
            server = _Server(host, port, self)
        except OSError as error:
            raise SettingsError(
                f"metrics cannot be served on {host}:{port} ({error.strerror or error}): set "
                "metrics_port to a free port, or to 0 to take any"
            ) from error
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(_POLL_S,), name="endpoint", daemon=True
        )
        self._thread.start()
        return int(server.server_address[1])

    def close(self) -> None:
        """Stop serving. Harmless when nothing is served."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            server.server_close()
            thread.join()

    def state_refusal(self, peer: str, authorization: str) -> Answer | None:
        """Why state is not shown to `peer`, or None when it may be."""
        if self._token is None:
            return _error(HTTPStatus.NOT_FOUND, _SWITCHED_OFF)
        if not self.remote and not _is_loopback(peer):
            return _error(HTTPStatus.FORBIDDEN, _NOT_FROM_THERE)
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("latin-1", "replace")
        # Compared in any case, so that the time taken tells nothing.
        if hmac.compare_digest(given, self._token) and scheme.lower() == "bearer":
            return None
        return Answer(
            HTTPStatus.UNAUTHORIZED, {"error": "unauthorized"}, {"WWW-Authenticate": "Bearer"}
        )


class _Server(ThreadingHTTPServer):
    """A thread a request, and no more than a few; more wait to be accepted."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, endpoint: Endpoint) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        self.endpoint: Final = endpoint
        self._free: Final = threading.BoundedSemaphore(_REQUESTS_AT_ONCE_MAX)
        super().__init__((str(address[0]), int(address[1])), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name in DNS, which can take as long as it likes.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Drop the connection silently: its other end is gone, or too slow."""


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: _Server
    server_version = "tollgate"
    sys_version = ""

    def setup(self) -> None:
        """Read the whole head before anything of it is looked at."""
        super().setup()
        self.rfile.close()
        self.rfile = BytesIO(_head(self.connection))
        self.connection.settimeout(_ANSWER_S_MAX)

    def do_GET(self) -> None:
        """Answer by path."""
        path = self.path.partition("?")[0]
        if len(self.path) > _PATH_BYTES_MAX:
            self._send_json(_error(HTTPStatus.REQUEST_URI_TOO_LONG, "the path is too long"))
        elif path == "/metrics":
            self._send_metrics()
        else:
            try:
                answer = self._answer(path)
            except Exception as error:  # noqa: BLE001 -- a question must not end the worker
                _log.warning("a question to the endpoint failed", error=type(error).__name__)
                answer = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "the answer could not be made")
            self._send_json(answer)

    def _answer(self, path: str) -> Answer:
        endpoint = self.server.endpoint
        if path == "/healthz":
            return endpoint.shown.health()
        if not path.startswith("/v1/"):
            known = "/metrics, /healthz, /v1/lanes and /v1/users/USER_ID"
            return _error(HTTPStatus.NOT_FOUND, f"there are {known}")
        authorization = self.headers.get("Authorization", "")
        refusal = endpoint.state_refusal(self.client_address[0], authorization)
        if refusal is not None:
            return refusal
        if path == "/v1/lanes":
            return endpoint.shown.lanes()
        user_id = _user_id(path)
        if user_id is None:
            wanted = "/v1/lanes or /v1/users/USER_ID, the id percent-encoded, 1 to 64 bytes"
            return _error(HTTPStatus.NOT_FOUND, f"ask for {wanted}")
        return endpoint.shown.user(user_id)

    def _send_metrics(self) -> None:
        encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
        body, headers = encoder(self.server.endpoint.registry), {}
        if gzip_accepted(self.headers.get("Accept-Encoding", "")):
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        self._send(HTTPStatus.OK, content_type, body, headers)

    def _send_json(self, answer: Answer) -> None:
        body = json.dumps(answer.body, ensure_ascii=False).encode() + b"\n"
        headers = {"Cache-Control": "no-store", **answer.headers}
        self._send(answer.status, "application/json", body, headers)

    def _send(
        self, status: HTTPStatus, content_type: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses by itself: say the status, and echo nothing of the request."""
        del message, explain
        self.close_connection = True
        status = HTTPStatus(code)
        self._send_json(_error(status, status.phrase.lower()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- http.server's name
        """Log nothing: a path names a user."""


def _head(connection: socket.socket) -> bytes:
    """The request line and headers. Raises OSError when they are too long or do not come."""
    deadline = time.monotonic() + _HEAD_S_MAX
    head = b""
    while b"\r\n\r\n" not in head:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or len(head) >= _HEAD_BYTES_MAX:
            raise TimeoutError("no request within the bounds")
        connection.settimeout(left_s)
        received = connection.recv(_HEAD_BYTES_MAX - len(head))
        if not received:
            raise ConnectionResetError
        head += received
    return head


def _user_id(path: str) -> str | None:
    """The user a path asks for, or None when it is no such path."""
    if not path.startswith(_USERS) or not path.isascii():
        return None
    segment = path.removeprefix(_USERS)
    data = unquote_to_bytes(segment)
    if "/" in segment or not 1 <= len(data) <= _USER_BYTES_MAX:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _is_loopback(peer: str) -> bool:
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _error(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, {"error": text})
