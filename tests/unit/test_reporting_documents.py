"""The order record: valid, exact, reproducible, and split where it must be."""

import hashlib
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.codecs.avro import encode_regulatory_report
from pipeline.codecs.schemas import load_json
from pipeline.reporting.documents import (
    NAMESPACE,
    PART_BYTES_MAX,
    SCHEMA_FILE,
    ReportError,
    build_order_record,
    decimal_of,
    escaped,
    report_id,
    unescaped,
)
from pipeline.risk import executions, records, severities, transfers
from pipeline.risk.records import RegulatoryEvent, RegulatoryReport
from pipeline.topics import OUTPUT_BYTES_MAX
from tests.regulatory_events import DAY, GATE_TIME, make_event

INT64: Final = st.integers(-(2**63), 2**63 - 1)
# What a string of the contract can hold: any UTF-8.
ANY_TEXT: Final = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\x00\x0b\r\n\t\\<>&\"'\ufffe\uffff\u202e\u0085 u0000]"),
    ),
    max_size=40,
)

GOLDEN: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<OrdrRcrdRpt xmlns="urn:tollgate:order-record:1">
<RptHdr><RptId>ORDER_RECORD/acme/2024-02-29</RptId><RptgNtty>acme</RptgNtty>\
<TradgDt>2024-02-29</TradgDt><Pgntn><PgNb>1</PgNb><TtlPgs>1</TtlPgs></Pgntn>\
<NbRcrds>3</NbRcrds><TtlNbRcrds>3</TtlNbRcrds>\
<LnRg><Ln>0</Ln><FrSeqNb>9</FrSeqNb><ToSeqNb>9</ToSeqNb></LnRg>\
<LnRg><Ln>3</Ln><FrSeqNb>17</FrSeqNb><ToSeqNb>21</ToSeqNb></LnRg></RptHdr>
<OrdrEvt><EvtTp>NEWO</EvtTp><RsnCd>ACCEPTED</RsnCd><RctTm>2024-02-29T13:30:00.000001Z</RctTm>\
<SndgTm>2024-02-29T13:29:59.999000Z</SndgTm><ClntId>u-7</ClntId>\
<Ordr><OrdrId>A&amp;B\\u000a1</OrdrId><FinInstrmId>ESH4</FinInstrmId>\
<BuySellInd>BUYI</BuySellInd><OrdrTp>LIMIT</OrdrTp><VldtyPrd>DAVY</VldtyPrd>\
<InitlQty>5</InitlQty><LmtPric>5123.25</LmtPric><InvstmtDcsnPrsn>t-1</InvstmtDcsnPrsn>\
<Algo>twap</Algo><Dsk>d-1</Dsk><CtrPty>cp</CtrPty></Ordr>\
<Lng><Ln>3</Ln><SeqNb>17</SeqNb><SrcTpc>orders</SrcTpc><SrcPrtn>3</SrcPrtn>\
<SrcOffst>4711</SrcOffst><InptHash>\
abababababababababababababababababababababababababababababababab</InptHash></Lng></OrdrEvt>
<OrdrEvt><EvtTp>PARF</EvtTp><RsnCd>APPLIED</RsnCd><RctTm>2024-02-29T13:30:00.000001Z</RctTm>\
<SndgTmMcrs>-9223372036854775808</SndgTmMcrs><ClntId>u-7</ClntId>\
<Ordr><OrdrId>A1</OrdrId><FinInstrmId>ESH4</FinInstrmId><BuySellInd>SELL</BuySellInd>\
<InitlQty>5</InitlQty></Ordr><Exctn><ExctnId>x-1</ExctnId><TradVn>XCME</TradVn>\
<TraddQty>2</TraddQty><TxPric>-0.000000001</TxPric></Exctn>\
<Lng><Ln>3</Ln><SeqNb>21</SeqNb><SrcTpc>fills</SrcTpc><SrcPrtn>3</SrcPrtn>\
<SrcOffst>0</SrcOffst><InptHash>\
abababababababababababababababababababababababababababababababab</InptHash></Lng></OrdrEvt>
<OrdrEvt><EvtTp>DPST</EvtTp><RsnCd>APPLIED</RsnCd><RctTm>2024-02-29T13:30:00.000001Z</RctTm>\
<SndgTm>1970-01-01T00:00:00.000000Z</SndgTm><ClntId>u-8</ClntId>\
<Csh><Ccy>USD</Ccy><AmtMnrUnts>9223372036854775807</AmtMnrUnts></Csh>\
<Lng><Ln>0</Ln><SeqNb>9</SeqNb><SrcTpc>deposits</SrcTpc><SrcPrtn>0</SrcPrtn>\
<SrcOffst>1</SrcOffst><InptHash>\
abababababababababababababababababababababababababababababababab</InptHash></Lng></OrdrEvt>
</OrdrRcrdRpt>
"""


def build(events: list[RegulatoryEvent], per_part: int = 2_000) -> list[RegulatoryReport]:
    return list(build_order_record("acme", DAY, iter(events), len(events), per_part))


def parse(report: RegulatoryReport) -> etree._Element:
    return etree.fromstring(report.content, etree.XMLParser(resolve_entities=False))


def texts(report: RegulatoryReport, name: str) -> list[str]:
    found = parse(report).iter(f"{{{NAMESPACE}}}{name}")
    return [element.text or "" for element in found]


def golden_events() -> list[RegulatoryEvent]:
    return [
        make_event(
            event_time=GATE_TIME - 1_001,
            user_id="u-7",
            order_id="A&B\n1",
            instrument_id="ESH4",
            side=records.SIDE_BUY,
            order_type=records.ORDER_TYPE_LIMIT,
            time_in_force=records.TIME_IN_FORCE_DAY,
            quantity_lots=5,
            price_e9=5_123_250_000_000,
            trader_id="t-1",
            algo_id="twap",
            desk_id="d-1",
            counterparty_id="cp",
        ),
        make_event(
            event_type="PARF",
            reason_code="APPLIED",
            event_time=-(2**63),
            user_id="u-7",
            order_id="A1",
            instrument_id="ESH4",
            side=records.SIDE_SELL,
            quantity_lots=5,
            exec_id="x-1",
            venue="XCME",
            last_lots=2,
            last_price_e9=-1,
            lane_sequence=21,
            source_topic="fills",
            source_offset=0,
        ),
        make_event(
            event_type="DPST",
            reason_code="APPLIED",
            event_time=0,
            user_id="u-8",
            currency="USD",
            amount_minor=2**63 - 1,
            lane=0,
            lane_sequence=9,
            source_topic="deposits",
            source_offset=1,
        ),
    ]


def test_the_document_is_what_it_was() -> None:
    (report,) = build(golden_events())
    assert report.content.decode() == GOLDEN
    assert report.content_sha256 == hashlib.sha256(GOLDEN.encode()).digest()
    assert report.report_id == "ORDER_RECORD/acme/2024-02-29"
    assert (report.kind, report.tenant_id, report.business_day) == ("ORDER_RECORD", "acme", DAY)
    assert (report.part, report.parts, report.event_count) == (1, 1, 3)
    assert report.content_type == "application/xml"


def test_the_same_events_give_the_same_bytes() -> None:
    first, again = build(golden_events(), 2), build(golden_events(), 2)
    assert [part.content for part in first] == [part.content for part in again]


def test_a_document_is_split_by_events_and_every_part_says_which_it_is() -> None:
    parts = build([make_event(lane=n % 2, lane_sequence=n + 1) for n in range(7)], per_part=3)
    assert [(part.part, part.parts, part.event_count) for part in parts] == [
        (1, 3, 3),
        (2, 3, 3),
        (3, 3, 1),
    ]
    assert [texts(part, "PgNb") + texts(part, "TtlPgs") for part in parts] == [
        ["1", "3"],
        ["2", "3"],
        ["3", "3"],
    ]
    assert [texts(part, "NbRcrds") + texts(part, "TtlNbRcrds") for part in parts] == [
        ["3", "7"],
        ["3", "7"],
        ["1", "7"],
    ]
    assert texts(parts[0], "FrSeqNb") + texts(parts[0], "ToSeqNb") == ["1", "2", "3", "2"]
    sequences = [number for part in parts for number in texts(part, "SeqNb")]
    assert sequences == [str(n + 1) for n in range(7)]


def test_a_document_is_split_by_size_whatever_the_senders_wrote() -> None:
    worst = "\x00" * 1_000
    texts_of_orders = (
        *("user_id", "order_id", "orig_order_id", "instrument_id", "trader_id", "algo_id"),
        *("desk_id", "counterparty_id", "exec_id", "venue", "currency", "source_topic"),
    )
    hostile = make_event(**dict.fromkeys(texts_of_orders, worst))
    parts = build([hostile] * 300, per_part=5_000)
    assert len(parts) > 1
    assert sum(part.event_count for part in parts) == 300
    for part in parts:
        assert len(part.content) <= PART_BYTES_MAX
        assert len(encode_regulatory_report(part)) < OUTPUT_BYTES_MAX - 64 * 1024


def test_thousands_of_lanes_do_not_make_a_part_too_large() -> None:
    many = [
        make_event(lane=n % 4096, lane_sequence=2**62 + n, user_id="u" * 250) for n in range(8_192)
    ]
    parts = build(many, per_part=10_000)
    assert len(parts) > 1
    assert all(len(part.content) <= PART_BYTES_MAX for part in parts)


def test_a_day_without_events_has_a_document_that_says_so() -> None:
    (report,) = build([])
    assert texts(report, "TtlNbRcrds") == ["0"]
    assert report.event_count == 0


@settings(max_examples=200)
@given(text=ANY_TEXT, tenant=ANY_TEXT)
def test_any_text_is_valid_and_comes_back(text: str, tenant: str) -> None:
    named = make_event(tenant_id=tenant, user_id=text, order_id=text, currency=text)
    (report,) = build_order_record(tenant, DAY, [named], 1, 10)
    for name in ("ClntId", "OrdrId", "Ccy"):
        assert unescaped(texts(report, name)[0]) == text
    assert unescaped(texts(report, "RptgNtty")[0]) == tenant


@given(ANY_TEXT)
def test_an_escaped_text_has_nothing_invisible_and_loses_nothing(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert escaped(text).isprintable() or not text.isprintable()


def test_an_overlong_text_is_cut_and_says_how_long_it_was() -> None:
    (report,) = build([make_event(trader_id="é" * 200_000)])
    (element,) = parse(report).iter(f"{{{NAMESPACE}}}InvstmtDcsnPrsn")
    assert element.text == "é" * 128
    assert element.get("TtlBts") == "400000"


@given(numbers=st.tuples(*(INT64,) * 6), side=st.sampled_from([0, 1, None]))
def test_any_numbers_are_valid_and_exact(
    numbers: tuple[int, int, int, int, int, int], side: int | None
) -> None:
    event_time, quantity, price, last, last_price, amount = numbers
    (report,) = build(
        [
            make_event(
                event_time=event_time,
                side=side,
                order_type=records.ORDER_TYPE_LIMIT,
                quantity_lots=quantity,
                price_e9=price,
                exec_id="x",
                last_lots=last,
                last_price_e9=last_price,
                amount_minor=amount,
            )
        ]
    )
    assert texts(report, "InitlQty") == [str(quantity)]
    assert texts(report, "TraddQty") == [str(last)]
    assert Decimal(texts(report, "LmtPric")[0]) == Decimal(price).scaleb(-9)
    assert Decimal(texts(report, "TxPric")[0]) == Decimal(last_price).scaleb(-9)
    assert texts(report, "AmtMnrUnts") == [str(amount)]


@pytest.mark.parametrize(
    ("value_e9", "text"),
    [
        (0, "0"),
        (-1, "-0.000000001"),
        (5_123_250_000_000, "5123.25"),
        (10**18, "1000000000"),
        (-(2**63), "-9223372036.854775808"),
    ],
)
def test_prices_are_exact_decimals(value_e9: int, text: str) -> None:
    assert decimal_of(value_e9) == text


def test_every_event_type_of_the_contract_is_in_the_schema() -> None:
    fields = load_json("regulatory_event")["fields"]
    (described,) = [field["doc"] for field in fields if field["name"] == "event_type"]
    schema = etree.parse(SCHEMA_FILE)
    codes = schema.xpath(
        "//xs:simpleType[@name='EventType']//xs:enumeration/@value",
        namespaces={"xs": "http://www.w3.org/2001/XMLSchema"},
    )
    assert isinstance(codes, list)
    assert len(codes) == 25
    for code in codes:
        assert str(code) in described
        build([make_event(event_type=str(code))])


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_type": "DAY_CLOSE"},
        {"reason_code": "not a code"},
        {"input_hash": b"short"},
        {"lane_sequence": 0},
        {"source_offset": -1},
    ],
)
def test_what_is_not_valid_is_not_handed_out(wrong: dict[str, Any]) -> None:
    with pytest.raises(ReportError, match="no valid order record") as raised:
        build([make_event(user_id="u-4711"), make_event(**wrong)])
    assert "not a code" not in str(raised.value)


@pytest.mark.parametrize("other", [{"tenant_id": "umbrella"}, {"business_day": DAY + 1}])
def test_an_event_of_another_tenant_or_day_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ReportError, match="another tenant or day"):
        build([make_event(), make_event(**other)])


@pytest.mark.parametrize("declared", [0, 2])
def test_a_count_that_does_not_fit_yields_no_part(declared: int) -> None:
    parts = build_order_record("acme", DAY, [make_event()], declared, 10)
    with pytest.raises(ReportError, match=f"declared {declared} events and 1"):
        next(parts)


def test_a_day_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ReportError, match="business day"):
        report_id("acme", 2**31 - 1)


def test_every_event_of_the_gate_has_its_place_in_the_document() -> None:
    schema = etree.parse(str(SCHEMA_FILE))
    codes = schema.xpath(
        "//xs:simpleType[@name='EventType']//xs:enumeration/@value",
        namespaces={"xs": "http://www.w3.org/2001/XMLSchema"},
    )
    assert isinstance(codes, list)
    known = {str(code) for code in codes}
    of_orders = {"NEWO", "REMO", "CXRQ", "CXRJ", "EXPI", "CAMO", "ODD"}
    of_money = {"WDRJ", "DEFICIT", "DEFICIT_CURED"}
    told = {*executions._EVENT_TYPES.values(), *transfers._EVENT_TYPES.values()}
    of_checks = {severities.ALERT, severities.LATCH, severities.HALT}
    assert told | of_orders | of_money | of_checks <= known
