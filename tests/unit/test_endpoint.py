"""The worker's endpoint: who may ask for what, what is refused, and that it stays bounded."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pipeline.codecs.avro import encode_row_balance
from pipeline.lane.family import LaneFamily
from pipeline.risk import keys
from pipeline.risk.partition import partition_of
from pipeline.risk.records import RowBalance
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.owners import client_id
from pipeline.tables.inspection import Inspection
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, StoreMark, StoreUnavailable
from pipeline.telemetry import endpoint as endpoint_module
from pipeline.telemetry.endpoint import Answer, Endpoint
from pipeline.telemetry.lanes import LaneBoard
from pipeline.telemetry.metrics import Metrics
from pipeline.telemetry.token import make_token_file, read_token

TOKEN = "0123456789abcdef-token"  # noqa: S105 -- of these tests alone
HELD = {"Authorization": f"Bearer {TOKEN}"}
PARTITIONS = 4
LANE = partition_of(b"alice", PARTITIONS)


class Echo:
    """Shows the user that was asked for."""

    def health(self) -> Answer:
        """Recovering, always."""
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"state": "recovering"})

    def lanes(self) -> Answer:
        """None."""
        return Answer(HTTPStatus.OK, {"lanes": []})

    def user(self, user_id: str) -> Answer:
        """The id; one of them breaks."""
        if user_id == "broken":
            raise ValueError("a secret of the worker")
        return Answer(HTTPStatus.OK, {"user_id": user_id})


@pytest.fixture
def port() -> Iterator[int]:
    served = Endpoint(Metrics().registry, Echo(), token=TOKEN, remote=False)
    yield served.serve("127.0.0.1", 0)
    served.close()


def ask(
    port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def said(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    status, body, _ = ask(port, path, headers)
    return status, json.loads(body)


# --- who may ask -----------------------------------------------------------------------------


def test_metrics_and_health_want_no_token(port: int) -> None:
    status, body, headers = ask(port, "/metrics")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert "tollgate_lanes" in names
    zipped = ask(port, "/metrics", {"Accept-Encoding": "gzip"})[1]
    assert b"tollgate_lanes" in gzip.decompress(zipped)
    assert said(port, "/healthz") == (503, {"state": "recovering"})


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"],
)
@pytest.mark.parametrize("path", ["/v1/lanes", "/v1/users/alice", "/v1/", "/v1/nothing"])
def test_without_the_token_nothing_is_told(port: int, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    status, body, answered = ask(port, path, headers)
    assert (status, json.loads(body)) == (401, {"error": "unauthorized"})
    assert answered["WWW-Authenticate"] == "Bearer"


def test_with_the_token_lanes_and_a_user_are_shown(port: int) -> None:
    assert said(port, "/v1/lanes", HELD) == (200, {"lanes": []})
    assert said(port, "/v1/users/alice", {"authorization": f"bearer  {TOKEN}"})[0] == 200
    status, body, headers = ask(port, "/v1/users/%C3%A9%2F..%2Fbob?x=1", HELD)
    assert (status, json.loads(body)) == (200, {"user_id": "é/../bob"})
    assert headers["Cache-Control"] == "no-store"


def test_a_worker_without_a_token_shows_no_state_and_says_so() -> None:
    served = Endpoint(Metrics().registry, Echo(), token=None, remote=False)
    port = served.serve("127.0.0.1", 0)
    try:
        status, body = said(port, "/v1/users/alice", HELD)
        assert (status, "state_token_file" in body["error"]) == (404, True)
        assert ask(port, "/metrics")[0] == 200
    finally:
        served.close()


def test_another_machine_is_shown_state_only_where_that_is_configured() -> None:
    near = Endpoint(Metrics().registry, Echo(), token=TOKEN, remote=False)
    far = Endpoint(Metrics().registry, Echo(), token=TOKEN, remote=True)
    held = f"Bearer {TOKEN}"
    for peer in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert near.state_refusal(peer, held) is None
    for peer in ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "0.0.0.0"):
        refusal = near.state_refusal(peer, held)
        assert refusal is not None
        assert refusal.status == HTTPStatus.FORBIDDEN
        assert far.state_refusal(peer, held) is None
        assert far.state_refusal(peer, "Bearer wrong") is not None


def test_other_machines_without_a_token_are_a_wrong_configuration() -> None:
    with pytest.raises(SettingsError, match=r"state_remote.*state_token"):
        Endpoint(Metrics().registry, Echo(), token=None, remote=True)


def test_a_port_in_use_is_named_with_what_to_do(port: int) -> None:
    second = Endpoint(Metrics().registry, Echo(), token=None, remote=False)
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}.*metrics_port"):
        second.serve("127.0.0.1", port)
    second.close()


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/",
        "/v1/users/alice/..",
        "/v1/users/../users/alice",
        "/v1/users/" + "x" * 65,
        "/v1/users/%ff",
        "/v1/userss/alice",
        "/v1/lanes/",
    ],
)
def test_what_is_no_route_is_not_found(port: int, path: str) -> None:
    assert said(port, path, HELD)[0] == 404
    assert said(port, "/../../etc/passwd")[0] == 404


def test_what_breaks_inside_is_not_told(port: int) -> None:
    status, body = said(port, "/v1/users/broken", HELD)
    assert (status, "secret" in json.dumps(body)) == (500, False)
    assert said(port, "/v1/lanes", HELD)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_questions_are_taken(port: int, method: str) -> None:
    status, body, _ = ask(port, "/v1/users/alice", HELD, method)
    assert (status, json.loads(body)) == (501, {"error": "not implemented"})


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65_536):
                answer += received
        except OSError:
            pass
        return answer


def test_a_request_is_bounded(port: int) -> None:
    assert said(port, "/" + "x" * 600)[0] == 414
    assert raw(port, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n") == b""
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
    assert raw(port, b"GET /healthz HTTP/1.1\r\n" + many + b"\r\n").startswith(b"HTTP/1.0 431")
    assert raw(port, b"GET /healthz HTTP/1.1\r\n") == b""
    assert said(port, "/healthz")[0] == 503


def test_those_who_send_nothing_do_not_lock_others_out(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(endpoint_module, "_HEAD_S_MAX", 0.2)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        assert said(port, "/healthz")[0] == 503
    finally:
        for connection in idle:
            connection.close()


@hypothesis.settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_leave_the_endpoint_answering(request: bytes) -> None:
    served = Endpoint(Metrics().registry, Echo(), token=TOKEN, remote=False)
    port = served.serve("127.0.0.1", 0)
    try:
        assert b"user_id" not in raw(port, request + b"\r\n\r\n")
        assert said(port, "/healthz")[0] == 503
    finally:
        served.close()


# --- the token -------------------------------------------------------------------------------


def test_a_token_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.token"
    make_token_file(file)
    settings = Settings(state_token_file=str(file))
    token = read_token(settings)
    assert token is not None
    assert file.stat().st_mode & 0o777 == 0o600
    make_token_file(file)
    assert read_token(settings) == token
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_token(settings)


def test_a_token_that_is_no_token_is_refused_without_being_shown(tmp_path: Path) -> None:
    assert read_token(Settings()) is None
    for bad in ("short", "has spaces in the middle", "ümlaut-ümlaut-ümlaut"):
        with pytest.raises(SettingsError) as refused:
            read_token(Settings(state_token=bad))
        assert bad not in str(refused.value)
    with pytest.raises(SettingsError, match="No such file"):
        read_token(Settings(state_token_file=str(tmp_path / "none")))
    with pytest.raises(SettingsError, match="not both"):
        read_token(Settings(state_token=TOKEN, state_token_file=str(tmp_path)))
    assert TOKEN not in repr(Settings(state_token=TOKEN))


# --- what is shown of the lanes --------------------------------------------------------------


class Lanes:
    """A worker's lanes, one of them open on disk."""

    def __init__(self, directory: Path) -> None:
        family = LaneFamily("gate", "risk-contexts", ("orders",), "changelog")
        self.lane = TableLane(family, LANE, RocksRows(directory / "lane"))
        self.lanes = {LANE: self.lane}
        self.generation: int | None = 7
        self.board = LaneBoard()
        self.board.own([LANE])
        self.inspection = Inspection(
            "w1",
            PARTITIONS,
            board=self.board,
            lanes=lambda: self.lanes,
            generation=lambda: self.generation,
            owner_of=lambda lane: f"w2:{lane}",
        )

    def put(self, offset: int, rows: dict[bytes, bytes | None]) -> None:
        """Commit rows."""
        self.lane.stored.write(rows, StoreMark(offset, 0, bytes(16)))


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Lanes]:
    opened = Lanes(tmp_path)
    opened.lane.work = object()
    yield opened
    opened.lane.close()


def balance(cash_minor: int) -> bytes:
    return encode_row_balance(RowBalance(cash_minor, 0, cash_minor, 0, 0, 0, 0, 0, 0, [], 0))


def test_a_user_is_shown_from_committed_rows_only(lanes: Lanes) -> None:
    key, other = keys.balance_key("alice", "USD"), keys.balance_key("alice2", "USD")
    lanes.put(1, {key: balance(100), other: balance(9)})
    lanes.lane.stage([(key, balance(999))])
    answer = lanes.inspection.user("alice")
    assert answer.status == HTTPStatus.OK
    assert [b["cash_minor"] for b in answer.body["balances"]] == [100]
    assert (answer.body["source"], answer.body["worker"]) == ("worker", "w1")
    assert (answer.body["lane"], answer.body["generation"]) == (LANE, 7)


def test_a_lane_that_is_not_whole_here_shows_nobody(lanes: Lanes) -> None:
    lanes.put(1, {keys.balance_key("alice", "USD"): balance(100)})
    lanes.generation = None
    assert lanes.inspection.health().status == HTTPStatus.SERVICE_UNAVAILABLE
    refused = lanes.inspection.user("alice")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    lanes.generation = 8
    assert lanes.inspection.health().status == HTTPStatus.OK
    lanes.lane.work = None
    assert lanes.inspection.user("alice").status == HTTPStatus.MISDIRECTED_REQUEST
    lanes.lanes = {}
    elsewhere = lanes.inspection.user("alice")
    assert elsewhere.status == HTTPStatus.MISDIRECTED_REQUEST
    assert (elsewhere.body["lane"], elsewhere.body["owner"]) == (LANE, f"w2:{LANE}")


def test_a_lane_that_closes_while_it_is_asked_for_is_not_here(lanes: Lanes) -> None:
    lanes.lane.close()
    assert lanes.inspection.user("alice").status == HTTPStatus.MISDIRECTED_REQUEST
    assert lanes.inspection.lanes().body["lanes"][0]["lane_sequence"] is None
    assert isinstance(lanes.lane.stored, RocksRows)
    with pytest.raises(StoreUnavailable), lanes.lane.stored.frozen():
        pass
    lanes.lane = TableLane(lanes.lane.family, LANE, RocksRows(lanes.lane.stored.path))


def test_a_question_sees_one_commit_and_not_half_of_the_next(lanes: Lanes) -> None:
    lanes.put(1, {keys.balance_key("alice", "USD"): balance(1)})
    assert isinstance(lanes.lane.stored, RocksRows)
    with lanes.lane.stored.frozen() as rows:
        lanes.put(2, {keys.balance_key("alice", c): balance(2) for c in ("EUR", "USD")})
        assert len(rows.scan(keys.BALANCE, 10)) == 1
    assert len(lanes.inspection.user("alice").body["balances"]) == 2
    lanes.lane.close()
    # Whoever still has the rows in hands does not keep the store from being opened again.
    lanes.lane = TableLane(lanes.lane.family, LANE, RocksRows(lanes.lane.stored.path))
    assert rows is not None


def test_lanes_show_state_restore_lag_and_standbys(lanes: Lanes) -> None:
    lanes.board.own([LANE, 9])
    lanes.board.restoring(9, 500, 2.5)
    lanes.board.lagging(LANE, {"orders": 3}, 0.25)
    lanes.board.standing_by("gate", 11, 40)
    lanes.board.standing_by("reporting", 12, 40)
    lanes.generation = None
    shown = lanes.inspection.lanes().body
    assert [lane["lane"] for lane in shown["lanes"]] == [*sorted((LANE, 9)), 11]
    by_lane = {lane["lane"]: lane for lane in shown["lanes"]}
    assert (by_lane[9]["state"], by_lane[9]["records_left"]) == ("recovering", 500)
    assert by_lane[9]["seconds_left"] == 2.5
    assert (by_lane[LANE]["lag_records"], by_lane[LANE]["lag_seconds"]) == ({"orders": 3}, 0.25)
    assert by_lane[11] == {"lane": 11, "state": "standby", "records_left": 40}
    lanes.generation = 8
    assert {lane["state"] for lane in lanes.inspection.lanes().body["lanes"]} == {
        *("ready", "standby")
    }


# --- being found -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(app_id="gate-a", worker_id="w-1"), "gate-a-w-1@127.0.0.1:9464"),
        (Settings(worker_id="w@1", advertised_host="h"), "tollgate-w@1@h:9464"),
        (Settings(worker_id="w", metrics_host="::1"), "tollgate-w@[::1]:9464"),
        (
            Settings(worker_id="w", metrics_host="0.0.0.0"),
            f"tollgate-w@{socket.gethostname()}:9464",
        ),
    ],
)
def test_the_client_id_tells_where_a_worker_can_be_asked(settings: Settings, expected: str) -> None:
    assert client_id(replace(settings), 9464) == expected
