"""The order record: a tenant's business day as XML.

Owns the document's bytes: the same events in the same order give the same bytes, so nothing of the
machine, the clock or the software's version is in them. Every part is validated against
schemas/xsd/order-record.xsd before it is handed out. Reads no Kafka and publishes nothing.

A document of any length takes the memory of one part: the rendered events wait in a temporary file
without a name (they hold personal data, and it vanishes with the process) until the number of parts
is known, which every part's header states.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import IO, Any, Final

from lxml import etree

from pipeline.risk.records import (
    ORDER_TYPE_NAMES,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_FOK,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
    RegulatoryEvent,
    RegulatoryReport,
)
from pipeline.settings import PROJECT_ROOT

KIND: Final = "ORDER_RECORD"
NAMESPACE: Final = "urn:tollgate:order-record:1"
SCHEMA_FILE: Final = PROJECT_ROOT / "schemas/xsd/order-record.xsd"
# Below the 4 MiB that an output may have, with room for its Avro fields and the batch around it.
PART_BYTES_MAX: Final = 3_670_016
# Of every text; ids that the gate accepts are shorter, what it refuses can be as long as a record.
TEXT_BYTES_MAX: Final = 256

# What a header takes at most, without its lanes, and each of these.
_HEADER_BYTES_MAX: Final = 8_192
_LANE_BYTES_MAX: Final = 160
_HEAD: Final = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<OrdrRcrdRpt xmlns="{NAMESPACE}">\n'.encode()
)
_TAIL: Final = b"</OrdrRcrdRpt>\n"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROS_MIN: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MICROS_MAX: Final = (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC) - _EPOCH) // _MICROSECOND
_SIDES: Final = ("BUYI", "SELL")
_VALIDITY_PERIODS: Final = {
    TIME_IN_FORCE_GTC: "GTCV",
    TIME_IN_FORCE_DAY: "DAVY",
    TIME_IN_FORCE_IOC: "IOCV",
    TIME_IN_FORCE_FOK: "FOKV",
}
_E9: Final = 1_000_000_000
# The escape itself, controls and line ends, what is invisible or turns the direction of text
# (a document is read by people), and what XML 1.0 excludes.
_TO_ESCAPE: Final = re.compile(
    "[\\\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]"
)
_ESCAPE: Final = re.compile(r"\\u([0-9a-f]{4})")


class ReportError(RuntimeError):
    """No document can be made of these events; nothing of it may be published."""


def report_id(tenant: str, day: int) -> str:
    """ORDER_RECORD/tenant/YYYY-MM-DD. `day`: days since 1970."""
    return f"{KIND}/{tenant}/{_iso_day(day)}"


def escaped(text: str) -> str:
    r"""`text` as it stands in a document: see "Text" in order-record.xsd."""
    return _TO_ESCAPE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def unescaped(text: str) -> str:
    """The inverse of `escaped`."""
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)


def decimal_of(value_e9: int) -> str:
    """An integer of 1e-9 units as an exact decimal without trailing zeros."""
    whole, fraction = divmod(abs(value_e9), _E9)
    digits = f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value_e9 < 0 else digits


def build_order_record(
    tenant: str,
    day: int,
    events: Iterable[RegulatoryEvent],
    event_count: int,
    events_per_part: int,
) -> Iterator[RegulatoryReport]:
    """Make the parts of the order record of `tenant` on `day` (days since 1970).

    `events`: all events of the day but DAY_CLOSE, in the order of their topic; `event_count`: how
    many there must be; `events_per_part`: a part has no more, and fewer where it would exceed
    PART_BYTES_MAX bytes. A day without events gives one part that says so. Raises ReportError for
    an event of another tenant or day or a wrong count, before the first part; for a part that is
    not valid, instead of that part.
    """
    with tempfile.TemporaryFile(prefix="order-record-") as spool:
        parts = _spool(spool, _checked(events, tenant, day), events_per_part)
        total = sum(part.events for part in parts)
        if total != event_count:
            raise ReportError(
                f"{report_id(tenant, day)}: the lanes declared {event_count} events and {total} "
                "were read; the day's stretch of regulatory-events is not what was counted"
            )
        spool.seek(0)
        for number, part in enumerate(parts, start=1):
            header = _header(tenant, day, number, parts)
            content = b"".join((_HEAD, header, b"\n", spool.read(part.length), _TAIL))
            _validate(content, f"{report_id(tenant, day)} part {number}")
            yield RegulatoryReport(
                report_id=report_id(tenant, day),
                kind=KIND,
                tenant_id=tenant,
                business_day=day,
                part=number,
                parts=len(parts),
                event_count=part.events,
                content_type="application/xml",
                content=content,
                content_sha256=hashlib.sha256(content).digest(),
            )


@dataclass
class _Part:
    """One part: its events, their length in bytes, and lane -> first and last sequence."""

    events: int = 0
    length: int = 0
    lanes: dict[int, tuple[int, int]] = field(default_factory=dict)

    def has_room(self, line: bytes, lane: int, events_max: int) -> bool:
        lanes = len(self.lanes) + (lane not in self.lanes)
        length = _HEADER_BYTES_MAX + lanes * _LANE_BYTES_MAX + self.length + len(line)
        return self.events < events_max and length <= PART_BYTES_MAX

    def add(self, line: bytes, event: RegulatoryEvent) -> None:
        first, last = self.lanes.get(event.lane, (event.lane_sequence, event.lane_sequence))
        self.lanes[event.lane] = min(first, event.lane_sequence), max(last, event.lane_sequence)
        self.events += 1
        self.length += len(line)


def _spool(
    spool: IO[bytes], events: Iterable[RegulatoryEvent], events_per_part: int
) -> list[_Part]:
    parts = [_Part()]
    for event in events:
        line = _line(_event(event))
        if parts[-1].events and not parts[-1].has_room(line, event.lane, events_per_part):
            parts.append(_Part())
        parts[-1].add(line, event)
        spool.write(line)
    return parts


def _checked(events: Iterable[RegulatoryEvent], tenant: str, day: int) -> Iterator[RegulatoryEvent]:
    # A tenant's document must never hold another's data, whatever was asked for.
    for event in events:
        if event.tenant_id != tenant or event.business_day != day:
            raise ReportError(
                f"{report_id(tenant, day)}: the event of lane {event.lane}, sequence "
                f"{event.lane_sequence} belongs to another tenant or day"
            )
        yield event


# Elements are made without a namespace and take the root's default one where they are put.


def _header(tenant: str, day: int, number: int, parts: Sequence[_Part]) -> bytes:
    part = parts[number - 1]
    header = etree.Element("RptHdr")
    _text(header, "RptId", report_id(tenant, day))
    _text(header, "RptgNtty", tenant)
    _plain(header, "TradgDt", _iso_day(day))
    pagination = etree.SubElement(header, "Pgntn")
    _plain(pagination, "PgNb", number)
    _plain(pagination, "TtlPgs", len(parts))
    _plain(header, "NbRcrds", part.events)
    _plain(header, "TtlNbRcrds", sum(each.events for each in parts))
    for lane, (first, last) in sorted(part.lanes.items()):
        stretch = etree.SubElement(header, "LnRg")
        _plain(stretch, "Ln", lane)
        _plain(stretch, "FrSeqNb", first)
        _plain(stretch, "ToSeqNb", last)
    return etree.tostring(header, encoding="UTF-8", xml_declaration=False)


def _event(event: RegulatoryEvent) -> etree._Element:
    element = etree.Element("OrdrEvt")
    _plain(element, "EvtTp", event.event_type)
    _plain(element, "RsnCd", event.reason_code)
    _moment(element, "RctTm", event.gate_time)
    _moment(element, "SndgTm", event.event_time)
    _text(element, "ClntId", event.user_id)
    for group in (_order(event), _execution(event), _cash(event)):
        if len(group):
            element.append(group)
    element.append(_lineage(event))
    return element


def _order(event: RegulatoryEvent) -> etree._Element:
    order = etree.Element("Ordr")
    _text(order, "OrdrId", event.order_id)
    _text(order, "OrgnlOrdrId", event.orig_order_id)
    _text(order, "FinInstrmId", event.instrument_id)
    if event.side is not None:
        _plain(order, "BuySellInd", _SIDES[event.side])
    if event.order_type is not None:
        _plain(order, "OrdrTp", ORDER_TYPE_NAMES[event.order_type])
    if event.time_in_force is not None:
        _plain(order, "VldtyPrd", _VALIDITY_PERIODS[event.time_in_force])
    # 0 stands for "none", but an order that asked for 0 was rejected for it.
    if event.quantity_lots != 0 or event.order_type is not None:
        _plain(order, "InitlQty", event.quantity_lots)
    if event.price_e9 is not None:
        _plain(order, "LmtPric", decimal_of(event.price_e9))
    _text(order, "InvstmtDcsnPrsn", event.trader_id)
    _text(order, "Algo", event.algo_id)
    _text(order, "Dsk", event.desk_id)
    _text(order, "CtrPty", event.counterparty_id)
    return order


def _execution(event: RegulatoryEvent) -> etree._Element:
    execution = etree.Element("Exctn")
    if event.exec_id is None and event.last_lots == 0 and event.last_price_e9 is None:
        return execution
    _text(execution, "ExctnId", event.exec_id)
    _text(execution, "TradVn", event.venue)
    _plain(execution, "TraddQty", event.last_lots)
    if event.last_price_e9 is not None:
        _plain(execution, "TxPric", decimal_of(event.last_price_e9))
    return execution


def _cash(event: RegulatoryEvent) -> etree._Element:
    cash = etree.Element("Csh")
    _text(cash, "Ccy", event.currency)
    if event.amount_minor is not None:
        _plain(cash, "AmtMnrUnts", event.amount_minor)
    return cash


def _lineage(event: RegulatoryEvent) -> etree._Element:
    lineage = etree.Element("Lng")
    _plain(lineage, "Ln", event.lane)
    _plain(lineage, "SeqNb", event.lane_sequence)
    _text(lineage, "SrcTpc", event.source_topic)
    _plain(lineage, "SrcPrtn", event.lane)
    _plain(lineage, "SrcOffst", event.source_offset)
    _plain(lineage, "InptHash", event.input_hash.hex())
    return lineage


def _plain(parent: etree._Element, name: str, value: str | int) -> None:
    """Add an element whose text comes from a closed set, or is a number."""
    etree.SubElement(parent, name).text = str(value)


def _text(parent: etree._Element, name: str, value: str | None) -> None:
    """Add an element with somebody's text, unless there is none."""
    if value is None:
        return
    element = etree.SubElement(parent, name)
    raw = value.encode()
    if len(raw) > TEXT_BYTES_MAX:
        element.set("TtlBts", str(len(raw)))
        value = raw[:TEXT_BYTES_MAX].decode(errors="ignore")
    element.text = escaped(value)


def _moment(parent: etree._Element, name: str, micros: int) -> None:
    """Add a time, given in microseconds since 1970."""
    if _MICROS_MIN <= micros <= _MICROS_MAX:
        moment = _EPOCH + timedelta(microseconds=micros)
        _plain(parent, name, moment.isoformat(timespec="microseconds").replace("+00:00", "Z"))
    else:
        _plain(parent, f"{name}Mcrs", micros)


def _iso_day(day: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    except OverflowError:
        raise ReportError(
            f"business day {day} lies outside the years 1 to 9999; check the gate's clock"
        ) from None


def _line(element: etree._Element) -> bytes:
    return etree.tostring(element, encoding="UTF-8", xml_declaration=False) + b"\n"


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA_FILE))


def _validate(content: bytes, name: str) -> None:
    """Parse the very bytes that will be published and hold them to the schema."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    schema = _schema()
    if not schema.validate(etree.fromstring(content, parser)):
        # The schema's own message would quote the value: not for logs.
        log: Any = schema.error_log
        found = log.last_error
        raise ReportError(
            f"{name} is no valid order record: {found.type_name} at {found.path}, line {found.line}"
        )
