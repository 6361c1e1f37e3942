"""The shipped sample and the shipped definitions, through a lane without Kafka."""

from collections import Counter
from itertools import islice

from pipeline.codecs.avro import (
    encode_control,
    encode_deposit,
    encode_fill,
    encode_mark,
    encode_order,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import Payload
from pipeline.control.directory import read_directory
from pipeline.lane.processor import (
    CONTROL,
    DEPOSITS,
    FILLS,
    INPUT_SCHEMAS,
    MARKS,
    ORDERS,
    LaneOutput,
    LaneProcessor,
)
from pipeline.lane.rows import DictRows
from pipeline.market.accounts import Account, Accounts
from pipeline.market.config import load_replay_config
from pipeline.market.decisions import read_answer
from pipeline.market.flow import EVENT_MARK, EVENT_REPORT, MarketEvent, MarketFlow
from pipeline.market.loop import ClosedLoop
from pipeline.market.recordings import open_recording
from pipeline.market.records import RecordMaker
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    TRADING_STATE_ACTIVE,
    Control,
    UserAccount,
)
from pipeline.settings import PROJECT_ROOT

EXCERPT = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
CONFIG = load_replay_config()
IDS = fixed_ids()
START_US = 1_703_422_805_000_000


class _Gate:
    """One lane for all accounts; its answers come at once."""

    def __init__(self) -> None:
        self.accounts = Accounts(CONFIG.accounts, CONFIG.tenants, CONFIG.tiers)
        self.loop = ClosedLoop(self.accounts)
        self.facts: Counter[str] = Counter()
        self._maker = RecordMaker(CONFIG, "ESH4")
        self._offsets: Counter[int] = Counter()
        self._rows = DictRows()
        topics = ["control", "marks", "deposits", "fills", "orders"]
        self._lane = LaneProcessor(0, 1, topics, IDS, self._rows)

    def define(self, payload: Payload) -> None:
        number = self._offsets[CONTROL] + 1
        control = Control(
            START_US, "test", "firm", number, number, "test", None, "test", 0, None, payload
        )
        self._apply(CONTROL, encode_control(control), None, START_US)

    def fund(self, account: Account) -> None:
        deposit = self._maker.deposit(account, START_US)
        self._apply(DEPOSITS, encode_deposit(deposit), account.key, START_US)

    def offer(self, event: MarketEvent) -> None:
        if event.kind == EVENT_MARK:
            self._apply(MARKS, encode_mark(self._maker.mark(event)), b"ESH4", event.time_us)
            return
        ready = list(self.loop.offer(event))
        while ready:
            ready += self._publish(*ready.pop(0))

    def _publish(self, event: MarketEvent, account: Account) -> list[tuple[MarketEvent, Account]]:
        if event.kind == EVENT_REPORT:
            body = encode_fill(self._maker.fill(event, account))
            self._apply(FILLS, body, account.key, event.time_us)
            return []
        body = encode_order(self._maker.order(event, account))
        output = self._apply(ORDERS, body, account.key, event.time_us)
        assert output.decision is not None
        answer = read_answer(IDS.frame("decision") + output.decision, 0.0)
        decided = self.loop.decided(
            answer.request_id, account, answer.reason_code, accepted=answer.accepted
        )
        return list(decided)

    def _apply(self, topic: int, body: bytes, key: bytes | None, time_us: int) -> LaneOutput:
        value = IDS.frame(INPUT_SCHEMAS[topic]) + body
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        output = self._lane.apply(topic, offset, time_us // 1000, key, value, None, time_us, False)
        self._rows.store(output.rows)
        assert output.outcome != AUDIT_OUTCOME_DEAD_LETTER, output.reason_code
        if topic != ORDERS:
            self.facts[output.reason_code] += 1
        return output


def test_the_gate_takes_most_of_the_sample_and_refuses_some_for_several_reasons() -> None:
    gate = _Gate()
    for definition in read_directory(PROJECT_ROOT / "config/control"):
        gate.define(definition.payload)
    for account in gate.accounts.all:
        gate.define(
            UserAccount(account.user_id, account.tenant_id, account.tier_id, TRADING_STATE_ACTIVE)
        )
        gate.fund(account)
    flow = MarketFlow(CONFIG.mark_quiet_ms * 1000)
    # Enough to reach well past the opening auction.
    for event in flow.events(islice(open_recording(EXCERPT).messages, 12_000)):
        gate.offer(event)
    tally = gate.loop.tally
    assert gate.loop.outstanding == 0
    assert gate.facts.keys() == {"APPLIED"}
    assert tally.accepted > 4 * tally.rejected
    assert len(tally.rejected_by_reason) >= 3
    assert tally.cancels_rejected == 0
    assert tally.replaces_accepted > 10 * tally.replaces_rejected > 0
    assert not {"REPLACE_PENDING", "BELOW_FILLED"} & tally.replaces_rejected_by_reason.keys()
    assert tally.withheld.reports >= tally.rejected
