"""What an operator sees: metrics over HTTP, spans at a collector, log lines."""

import gzip
import http.server
import io
import json
import logging
import logging.config
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.settings import PROJECT_ROOT, Settings, SettingsError
from pipeline.telemetry.feed_metrics import FeedMetrics
from pipeline.telemetry.logs import configure_logging, logging_config
from pipeline.telemetry.metrics import LATENCY_SECONDS_BUCKETS, Metrics
from pipeline.telemetry.tracing import Tracing, is_sampled, trace_fields, traceparent_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01"
NOT_SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-00"
DECISION: dict[str, str | int] = {
    "lane": 3,
    "lane_sequence": 17,
    "verdict": "REJECTED",
    "reason": "PRICE_COLLAR",
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def scrape(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def series(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


# --- metrics ---------------------------------------------------------------------------------


def test_a_scrape_shows_what_the_batches_added_up_to(metrics: Metrics) -> None:
    metrics.build("0.1.0", (1,), compiled=True)
    for _ in range(2):
        metrics.count_batch(
            decisions={("ACCEPTED", "ACCEPTED"): 480, ("REJECTED", "PRICE_COLLAR"): 20},
            outcomes={("orders", "DECIDED"): 500},
            dead_letters={"MALFORMED": 1},
            swept=3,
        )
        metrics.committed(0.004, 501)
    seen = scrape(metrics)
    assert seen[series("tollgate_orders_swept_total")] == 6
    accepted = series("tollgate_decisions_total", verdict="ACCEPTED", reason="ACCEPTED")
    assert seen[accepted] == 960
    assert seen[series("tollgate_inputs_total", topic="orders", outcome="DECIDED")] == 1000
    assert seen[series("tollgate_dead_letters_total", reason="MALFORMED")] == 2
    assert seen[series("tollgate_commit_seconds_count")] == 2
    assert seen[series("tollgate_commit_inputs_sum")] == 1002
    build = series("tollgate_build_info", version="0.1.0", core_versions="1", compiled="true")
    assert seen[build] == 1


def test_a_lane_that_leaves_takes_its_gauges_with_it(metrics: Metrics) -> None:
    metrics.own([1, 12])
    for lane in (1, 12):
        metrics.lane_lag(lane, {"orders": 7, "fills": 2}, 1.5)
        metrics.recovering(lane, 900, 1.5)
        metrics.recovered(lane, 2.0)
        metrics.remembering(lane, 5_000, 60.5, 40)
    metrics.own([12])
    seen = scrape(metrics)
    assert {dict(labels)["lane"] for _, labels in seen if "lane" in dict(labels)} == {"12"}
    assert seen[series("tollgate_lanes")] == 1
    assert seen[series("tollgate_lane_lag_records", lane="12", topic="orders")] == 7
    assert seen[series("tollgate_lane_lag_seconds", lane="12")] == 1.5
    assert seen[series("tollgate_recovery_records_left", lane="12")] == 0
    assert seen[series("tollgate_recovery_seconds_count")] == 2
    assert seen[series("tollgate_remembered_ids", lane="12")] == 5_000
    assert seen[series("tollgate_memory_seconds", lane="12")] == 60.5
    assert seen[series("tollgate_memory_bound_total")] == 80


def test_a_late_reading_does_not_bring_a_lane_back(metrics: Metrics) -> None:
    metrics.own([1])
    metrics.own([])
    metrics.lane_lag(1, {"orders": 7}, 1.5)
    metrics.recovering(1, 5, 0.1)
    metrics.remembering(1, 5, 0.1, 0)
    assert not [labels for _, labels in scrape(metrics) if "lane" in dict(labels)]


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=50))
def test_latencies_by_the_batch_count_as_one_by_one_would(values: list[float]) -> None:
    metrics = Metrics()
    half = len(values) // 2
    metrics.latencies(values[:half])
    metrics.latencies(values[half:])
    read = metrics.registry.get_sample_value
    for bound in LATENCY_SECONDS_BUCKETS[:-1]:
        counted = read("tollgate_order_latency_seconds_bucket", {"le": str(bound)})
        assert counted == sum(value <= bound for value in values)
    assert read("tollgate_order_latency_seconds_bucket", {"le": "+Inf"}) == len(values)
    assert read("tollgate_order_latency_seconds_count") == len(values)
    assert read("tollgate_order_latency_seconds_sum") == pytest.approx(sum(values))


def test_a_publisher_of_marks_shows_what_has_gathered_and_only_its_own_partitions() -> None:
    feed = FeedMetrics()
    feed.add(ticks=1_000, late=2, refused={"BAD_PRICE": 3}, marks=7)
    feed.show(instruments=5, oldest_mark_s=0.25, lag={0: 10, 1: 0})
    feed.leave([1, 2])
    read = feed.registry.get_sample_value
    assert (read("tollgate_ticks_total"), read("tollgate_marks_total")) == (1_000, 7)
    assert read("tollgate_ticks_late_total") == 2
    assert read("tollgate_ticks_refused_total", {"reason": "BAD_PRICE"}) == 3
    assert read("tollgate_ticks_lag_records", {"partition": "0"}) == 10
    assert read("tollgate_ticks_lag_records", {"partition": "1"}) is None
    assert read("tollgate_mark_age_seconds") == 0.25


def test_every_metric_that_an_alert_names_exists() -> None:
    metrics = Metrics()
    metrics.build("0", (1,), compiled=False)
    metrics.own([0])
    metrics.lane_lag(0, {"orders": 0}, 0.0)
    metrics.recovered(0, 0.0)
    metrics.count_batch({("A", "B"): 1}, {("orders", "A"): 1}, {"A": 1}, 1)
    feed = FeedMetrics()
    feed.show(0, 0.0, {0: 0})
    exposed = {
        sample.name
        for registry in (metrics.registry, feed.registry)
        for family in registry.collect()
        for sample in family.samples
    }
    rules = yaml.safe_load((PROJECT_ROOT / "config/prometheus/alerts.yml").read_text())
    named: set[str] = set()
    for group in rules["groups"]:
        for rule in group["rules"]:
            named.update(re.findall(r"tollgate_\w+", rule["expr"]))
            assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]
    assert named
    assert named <= exposed


def test_prometheus_loads_the_rules_that_lie_beside_its_configuration() -> None:
    directory = PROJECT_ROOT / "config/prometheus"
    config = yaml.safe_load((directory / "prometheus.yml").read_text())
    assert [Path(file).name for file in config["rule_files"]] == ["alerts.yml"]
    assert config["scrape_configs"][0]["metrics_path"] == "/metrics"


# --- traces ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        SAMPLED.upper().encode(),
        b"01" + SAMPLED[2:].encode(),
        b"ff" + SAMPLED[2:].encode(),
        f"00-{'0' * 32}-{SPAN_ID}-01".encode(),
        f"00-{TRACE_ID}-{'0' * 16}-01".encode(),
        SAMPLED.encode() + b"\n",
        SAMPLED.encode() + b"-00",
        b" " + SAMPLED.encode(),
        SAMPLED.encode()[:-1],
        b"",
        b"\xff" * 55,
        None,
    ],
)
def test_a_malformed_traceparent_is_no_traceparent(value: bytes | None) -> None:
    assert traceparent_of([("traceparent", value)]) is None


def test_the_traceparent_is_found_among_other_headers() -> None:
    headers: list[tuple[str, bytes | None]] = [
        ("tracestate", b"a=1"),
        ("traceparent", SAMPLED.encode()),
        ("other", None),
    ]
    assert traceparent_of(headers) == SAMPLED
    assert traceparent_of(None) is None
    assert traceparent_of([]) is None


def test_two_traceparents_are_none() -> None:
    assert traceparent_of([("traceparent", SAMPLED.encode())] * 2) is None


@given(st.binary(max_size=60))
def test_what_passes_as_traceparent_has_the_form_of_one(value: bytes) -> None:
    found = traceparent_of([("traceparent", value)])
    assert found is None or re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", found)


def test_a_context_gives_the_ids_of_a_log_line() -> None:
    assert trace_fields(SAMPLED) == {"trace_id": TRACE_ID, "span_id": SPAN_ID}
    assert trace_fields(None) == {}
    assert is_sampled(SAMPLED)
    assert not is_sampled(NOT_SAMPLED)


def test_a_sampled_order_gets_a_span_below_its_senders() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(Settings(worker_id="w1"), exporter)
    assert tracing.enabled
    tracing.decided(SAMPLED, DECISION, 1_000, 5_000)
    tracing.decided(NOT_SAMPLED, DECISION, 1_000, 5_000)
    tracing.decided(None, DECISION, 1_000, 5_000)
    tracing.shutdown()
    (span,) = exporter.get_finished_spans()
    assert span.name == "tollgate.decide"
    assert span.context is not None
    assert span.parent is not None
    assert format_trace_id(span.context.trace_id) == TRACE_ID
    assert format_span_id(span.parent.span_id) == SPAN_ID
    assert (span.start_time, span.end_time) == (1_000, 5_000)
    assert dict(span.attributes or {}) == {f"tollgate.{k}": v for k, v in DECISION.items()}


def test_tracing_is_off_without_an_endpoint() -> None:
    tracing = Tracing(Settings())
    assert not tracing.enabled
    tracing.decided(SAMPLED, DECISION, 0, 1)
    tracing.shutdown()


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(SettingsError, match="otlp_endpoint"):
        Tracing(Settings(otlp_endpoint="collector:4318"))


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, ExportTraceServiceRequest]]]]:
    """An OTLP/HTTP receiver: its base URL, and (path, request) of what arrived."""
    received: list[tuple[str, ExportTraceServiceRequest]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_spans_reach_an_otlp_collector() -> None:
    with collector() as (url, received):
        tracing = Tracing(Settings(worker_id="w1", otlp_endpoint=url))
        tracing.decided(SAMPLED, DECISION, 1_000, 5_000)
        tracing.shutdown()
    ((path, request),) = received
    assert path == "/v1/traces"
    (resource_spans,) = request.resource_spans
    who = {each.key: each.value.string_value for each in resource_spans.resource.attributes}
    assert who["service.name"] == "tollgate"
    assert who["service.instance.id"] == "w1"
    (span,) = resource_spans.scope_spans[0].spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, SPAN_ID)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_000, 5_000)
    assert {each.key for each in span.attributes} == {f"tollgate.{name}" for name in DECISION}


# --- logs ------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream with somebody in front of it."""

    def isatty(self) -> bool:
        """Claim to be a terminal."""
        return True


@pytest.fixture
def restored_logging() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.usefixtures("restored_logging")
def test_a_log_line_is_json_with_time_service_and_trace() -> None:
    out = io.StringIO()
    configure_logging(Settings(worker_id="w1"), out)
    log = structlog.get_logger("pipeline.lane")
    with structlog.contextvars.bound_contextvars(lane=3, **trace_fields(SAMPLED)):
        log.info("lane recovered", records=12)
    (line,) = lines(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "event": "lane recovered",
        "logger": "pipeline.lane",
        "service_name": "tollgate",
        "worker_id": "w1",
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "lane": 3,
        "records": 12,
    }


@pytest.mark.usefixtures("restored_logging")
def test_the_libraries_write_the_same_lines() -> None:
    out = io.StringIO()
    configure_logging(Settings(worker_id="w1"), out)
    try:
        int("broker")
    except ValueError:
        logging.getLogger("faust.worker").exception("Could not %s", "start")
    (line,) = lines(out)
    assert line["event"] == "Could not start"
    assert line["logger"] == "faust.worker"
    assert (line["level"], line["service_name"], line["worker_id"]) == ("error", "tollgate", "w1")
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.usefixtures("restored_logging")
def test_a_faust_worker_that_sets_up_logging_anew_keeps_the_format() -> None:
    out = io.StringIO()
    settings = Settings(worker_id="w1")
    configure_logging(settings, out)
    logging.root.handlers.clear()
    logging.config.dictConfig(logging_config(settings, out))
    structlog.get_logger("pipeline").warning("ours")
    logging.getLogger("mode").warning("theirs")
    assert [line["event"] for line in lines(out)] == ["ours", "theirs"]


@pytest.mark.usefixtures("restored_logging")
def test_what_a_record_holds_does_not_reach_the_log() -> None:
    out = io.StringIO()
    configure_logging(Settings(worker_id="w1", log_level="DEBUG"), out)
    log = structlog.get_logger("pipeline")
    log.error("odd", value=b"user-4711", settings=Settings(), nested={"key": [b"user-4711"]})
    log.error("long", text="x" * 100_000)
    logging.getLogger("aiokafka.conn").debug("Request %r", b"user-4711")
    assert "user-4711" not in out.getvalue()
    odd, long = lines(out)
    assert odd["value"] == "<9 bytes>"
    assert odd["settings"] == "<Settings>"
    assert odd["nested"] == {"key": ["<9 bytes>"]}
    assert len(long["text"]) < 5_000


@pytest.mark.usefixtures("restored_logging")
def test_a_level_below_the_configured_one_is_silent() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_level="warning"), out)
    structlog.get_logger("pipeline").info("quiet")
    logging.getLogger("faust").info("quiet")
    assert out.getvalue() == ""


@pytest.mark.usefixtures("restored_logging")
def test_a_terminal_gets_text_for_people() -> None:
    out = Terminal()
    configure_logging(Settings(worker_id="w1"), out)
    structlog.get_logger("pipeline").info("lane recovered", records=12)
    assert "lane recovered" in out.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(out.getvalue())


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SettingsError, match="log_level must be one of DEBUG"):
        logging_config(Settings(log_level="chatty"))
