"""What a replay reads of a decision, held to the whole of it."""

import pytest

from pipeline.codecs.avro import decode_decision, encode_order
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.lane.processor import ORDERS, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.accounts import Accounts
from pipeline.market.config import load_replay_config
from pipeline.market.decisions import read_answer
from pipeline.market.flow import EVENT_CANCEL, EVENT_NEW, EVENT_REPLACE, MarketEvent
from pipeline.market.records import RecordMaker
from pipeline.risk.records import DECISION_ORIGIN_CLIENT, VERDICT_ACCEPTED

ACCOUNT = Accounts(1, ["T"], [("tier", 1)]).all[0]
MAKER = RecordMaker(load_replay_config(), "ESH4")


def decided(event: MarketEvent) -> bytes:
    """The framed decision of a lane that has no rules yet."""
    ids = fixed_ids()
    topics = ["control", "marks", "deposits", "fills", "orders"]
    lane = LaneProcessor(0, 1, topics, ids, DictRows())
    value = ids.frame("order") + encode_order(MAKER.order(event, ACCOUNT))
    output = lane.apply(ORDERS, 0, 1, ACCOUNT.key, value, None, 1_000_000, False)
    assert output.decision is not None
    return ids.frame("decision") + output.decision


@pytest.mark.parametrize("kind", [EVENT_NEW, EVENT_CANCEL, EVENT_REPLACE])
def test_the_head_of_a_decision_is_what_the_whole_decision_says(kind: int) -> None:
    value = decided(MarketEvent(kind, 1, 1_000_000, 7, 1, lots=1, price_e9=10**9))
    whole = decode_decision(value, FRAME_BYTES)
    answer = read_answer(value, 2.5)
    assert answer.user_id == whole.user_id
    assert answer.request_id == whole.order_id
    assert answer.swept == (whole.origin != DECISION_ORIGIN_CLIENT)
    assert answer.accepted == (whole.verdict == VERDICT_ACCEPTED)
    assert answer.reason_code == whole.reason_code
    assert answer.read_s == 2.5


def test_a_decision_that_was_cut_off_is_no_answer() -> None:
    value = decided(MarketEvent(EVENT_NEW, 1, 1_000_000, 7, 1, lots=1, price_e9=10**9))
    with pytest.raises(MalformedAvro):
        read_answer(value[:20], 0.0)
