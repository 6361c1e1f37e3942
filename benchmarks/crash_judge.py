"""What the gate let through in a flash crash, judged from Kafka alone.

Owns two questions that the gate's own checks answer too, asked anew: was an accepted order's price
within the collar around the mark in force at its place in the lane, and did an accepted order of a
user who was short there only reduce? Reads marks from the audit and deficits from the regulatory
events; compares with what the script sent, never with what a decision says of itself.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from benchmarks.crash_script import Script
from benchmarks.flow import order_number
from benchmarks.judge import Judgement, judge
from pipeline.codecs.avro import decode_mark, decode_regulatory_event
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.records import (
    ORDER_ACTION_NEW,
    SIDE_BUY,
    VERDICT_ACCEPTED,
    AuditRecord,
    Decision,
)
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import MARKS, REGULATORY_EVENTS

# price_collar_bps of benchmarks/control.
_COLLAR_BPS: Final = 500


@dataclass
class Found:
    """The judgement, and what collars and REDUCING did.

    `reasons`: how often each reason code was answered. A breach is an accepted order that the
    check should have refused.
    """

    judgement: Judgement
    reasons: Counter[str] = field(default_factory=Counter)
    short_users: int = 0
    collar_breaches: int = 0
    reducing_accepts: int = 0
    reducing_breaches: int = 0

    @property
    def collar_rejects(self) -> int:
        """Orders whose price was too far from the mark."""
        return self.reasons["PRICE_COLLAR"]

    @property
    def reducing_rejects(self) -> int:
        """Orders of users in REDUCING that would not have reduced."""
        return self.reasons["USER_REDUCING"]

    @property
    def right(self) -> bool:
        """Nothing lost, doubled or let through wrongly."""
        judgement = self.judgement
        return not (
            judgement.lost or judgement.doubled or self.collar_breaches or self.reducing_breaches
        )


class _Course:
    """A value of a lane over its sequence."""

    def __init__(self) -> None:
        self._sequences: Final[list[int]] = []
        self._values: Final[list[int]] = []

    def note(self, sequence: int, value: int) -> None:
        self._sequences.append(sequence)
        self._values.append(value)

    def before(self, sequence: int) -> int | None:
        """What it was when the lane came to `sequence`."""
        index = bisect_right(self._sequences, sequence)
        return self._values[index - 1] if index else None


def judge_crash(settings: Settings, script: Script) -> Found:
    """Read everything back and judge it. Raises TopicError when Kafka refuses."""
    decisions: list[Decision] = []
    marks: defaultdict[int, _Course] = defaultdict(_Course)
    marks_topic = settings.topic(MARKS.name)

    def on_audit(record: AuditRecord) -> None:
        if record.source_topic == marks_topic:
            price_e9 = decode_mark(record.value or b"", FRAME_BYTES).price_e9
            marks[record.lane].note(record.lane_sequence, price_e9)

    found = Found(judge(settings, on_decision=decisions.append, on_audit=on_audit))
    short = _shortfalls(settings)
    found.short_users = len(short)
    # Lots a leveraged user could still sell without going short: bought less sold, as accepted.
    lots: Counter[str] = Counter()
    decisions.sort(key=lambda decision: (decision.lane, decision.lane_sequence))
    for decision in decisions:
        found.reasons[decision.reason_code] += 1
        if decision.verdict != VERDICT_ACCEPTED or decision.action != ORDER_ACTION_NEW:
            continue
        order = script.sent[order_number(decision.order_id)]
        mark_e9 = marks[decision.lane].before(decision.lane_sequence)
        away_e9 = abs((order.price_e9 or 0) - (mark_e9 or 0))
        found.collar_breaches += away_e9 * 10_000 > _COLLAR_BPS * (mark_e9 or 0)
        user = decision.user_id
        if user in short and short[user].before(decision.lane_sequence):
            reduces = order.side != SIDE_BUY and order.quantity_lots <= lots[user]
            found.reducing_accepts += reduces
            found.reducing_breaches += not reduces
        lots[user] += order.quantity_lots if order.side == SIDE_BUY else -order.quantity_lots
    return found


def _shortfalls(settings: Settings) -> dict[str, _Course]:
    """User -> 1 from a DEFICIT of the user until it is cured, by lane sequence."""
    events = sorted(
        (event.lane_sequence, event.user_id, event.event_type)
        for event in (
            decode_regulatory_event(message.value() or b"", FRAME_BYTES)
            for message in read_topic(
                settings, settings.topic(REGULATORY_EVENTS.name), range(settings.partitions)
            )
        )
        if event.event_type in {"DEFICIT", "DEFICIT_CURED"} and event.user_id is not None
    )
    short: defaultdict[str, _Course] = defaultdict(_Course)
    for sequence, user, kind in events:
        short[user].note(sequence, int(kind == "DEFICIT"))
    return dict(short)
