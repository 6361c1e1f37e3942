"""Traces: the W3C context of an order's Kafka headers, and the spans of its decision.

Owns what a traceparent must look like and the OpenTelemetry provider, which exists only when
`otlp_endpoint` is set. Never changes a result: a context that is missing or malformed is treated
as absent, and an exporter that fails loses spans, nothing else. The context itself travels on to
decision and audit as the order brought it; whether it is sampled was the sender's choice.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from pipeline.settings import Settings, SettingsError

# W3C Trace Context, "traceparent header", version 00: lower-case hex, no id all zero.
_TRACEPARENT: Final = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED: Final = 1
# How long a worker that stops waits for a collector that does not answer.
_EXPORT_TIMEOUT_S: Final = 3.0


def traceparent_of(headers: Iterable[tuple[str, bytes | None]] | None) -> str | None:
    """The W3C traceparent of a record's Kafka headers.

    None without one, for a malformed one, and for more than one: which of them is the order's
    cannot be known.
    """
    if not headers:
        return None
    found: bytes | None = None
    for name, value in headers:
        if name == "traceparent":
            if found is not None or value is None:
                return None
            found = value
    if found is None or _TRACEPARENT.fullmatch(found) is None:
        return None
    return found.decode("ascii")


def is_sampled(traceparent: str | None) -> bool:
    """Whether the sender records this trace. Takes what `traceparent_of` returns."""
    return traceparent is not None and bool(int(traceparent[53:], 16) & _SAMPLED)


def trace_fields(traceparent: str | None) -> dict[str, str]:
    """The fields trace_id and span_id of a log line; empty without a context."""
    if traceparent is None:
        return {}
    return {"trace_id": traceparent[3:35], "span_id": traceparent[36:52]}


class Tracing:
    """Emits spans to an OTLP collector over HTTP, in the background.

    Off, with every method a no-op, unless `settings.otlp_endpoint` is set.
    """

    def __init__(self, settings: Settings, exporter: SpanExporter | None = None) -> None:
        """Start exporting, if there is somewhere to export to.

        `settings.otlp_endpoint` is the collector's base URL (http://collector:4318) or the full
        one of its traces; `exporter` replaces it. Raises SettingsError for an endpoint that is
        no URL.
        """
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if exporter is None and settings.otlp_endpoint:
            exporter = OTLPSpanExporter(
                endpoint=_traces_url(settings.otlp_endpoint), timeout=_EXPORT_TIMEOUT_S
            )
        if exporter is None:
            return
        self._provider = TracerProvider(
            resource=Resource.create(
                {SERVICE_NAME: settings.app_id, SERVICE_INSTANCE_ID: settings.worker_id}
            ),
            # The worker's own order of shutting down decides when the last spans leave.
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tollgate")

    @property
    def enabled(self) -> bool:
        """Whether spans are emitted; callers need not gather attributes otherwise."""
        return self._tracer is not None

    def decided(
        self,
        traceparent: str | None,
        attributes: Mapping[str, str | int],
        start_ns: int,
        end_ns: int,
    ) -> None:
        """Emit the span tollgate.decide of an order, a child of its sender's span.

        `traceparent` is what `traceparent_of` returned; nothing happens unless it is sampled.
        `attributes`: lane, lane_sequence, verdict, reason; they appear as tollgate.lane and so on.
        Times are nanoseconds since 1970.
        """
        if self._tracer is None or traceparent is None or not is_sampled(traceparent):
            return
        parent = set_span_in_context(NonRecordingSpan(_span_context(traceparent)))
        span = self._tracer.start_span(
            "tollgate.decide",
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes=_named(attributes),
            start_time=start_ns,
        )
        span.end(end_ns)

    def shutdown(self) -> None:
        """Hand over what is left, within seconds, and stop. Harmless when off."""
        if self._provider is not None:
            self._provider.shutdown()
        self._provider = self._tracer = None


def _span_context(traceparent: str) -> SpanContext:
    return SpanContext(
        trace_id=int(traceparent[3:35], 16),
        span_id=int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:], 16)),
    )


def _named(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"tollgate.{name}": value for name, value in attributes.items()}


def _traces_url(endpoint: str) -> str:
    if not endpoint.startswith(("http://", "https://")):
        raise SettingsError(
            f"otlp_endpoint must be a URL such as http://collector:4318, not {endpoint!r}"
        )
    if endpoint.endswith("/v1/traces"):
        return endpoint
    return endpoint.rstrip("/") + "/v1/traces"
