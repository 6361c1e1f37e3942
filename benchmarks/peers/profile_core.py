"""The core of the bench profile for the peers in Python: one order, bytes in, bytes out.

Owns the rules of docs/bench-profile.md, written from it and not from the gate's core. The bytes are
made by the gate's own compiled codecs: no general Avro library is that fast. The caller gives the
stored rows and stores what comes back; nothing is kept here but settings and constants.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.codecs.avro import (
    decode_order,
    decode_row_decision,
    decode_row_order,
    encode_audit_record,
    encode_decision,
    encode_row_balance,
    encode_row_decision,
    encode_row_order,
    encode_row_position,
    encode_row_user,
    read_row_balance,
    read_row_position,
    read_row_user,
)
from pipeline.codecs.primitives import Reader
from pipeline.risk.records import (
    AUDIT_OUTCOME_DECISION,
    CHECK_OUTCOME_EXEMPT,
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_PASS,
    DECISION_ORIGIN_CLIENT,
    ORDER_ACTION_NEW,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    TRADING_STATE_ACTIVE,
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    AuditRecord,
    CheckResult,
    Decision,
    Order,
    RowBalance,
    RowDecision,
    RowOrder,
    RowPosition,
    RowUser,
)

ACCEPTED: Final = "ACCEPTED"
FRAME_BYTES: Final = 5
_BUCKET_US: Final = 125_000
_BUCKETS: Final = 9
_DAY_US: Final = 86_400_000_000
_ORDER_ROW: Final = b"O"
_DECISION_ROW: Final = b"D"
# What this profile evaluates; all other checks are only stated in the vector.
_EVENT_TIME: Final = "EVENT_TIME"
_ORDER_RATE: Final = "ORDER_RATE"
_POSITION_LIMIT: Final = "POSITION_LIMIT"
_BUYING_POWER: Final = "BUYING_POWER"
# Stated with figures: whoever trades has the one instrument of the profile.
_HOLDINGS: Final = "HOLDINGS"


class OutsideProfileError(RuntimeError):
    """An input that the profile does not know: the peer must stop."""


class Tier(NamedTuple):
    """What holds for the users of a tier."""

    rate_max: int
    position_lots_max: int
    limit_version: int
    fee_per_lot_minor: int


class Known(NamedTuple):
    """An account as it starts."""

    tenant_id: str
    tier_id: str
    cash_minor: int


class Settings:
    """What the harness tells a peer, from a file of `name=value` lines."""

    def __init__(self, path: Path) -> None:
        """Read the file, and the accounts that it names."""
        lines = path.read_text().splitlines()
        self.values: Final = dict(line.split("=", 1) for line in lines if line)
        self.partitions: Final = int(self.values["partitions"])
        self.reasons: Final = {
            name.removeprefix("text."): (text, _fix(self.values, name.removeprefix("text.")))
            for name, text in self.values.items()
            if name.startswith("text.")
        }
        self.accounts: Final = {
            user: Known(tenant, tier, int(cash))
            for user, tenant, tier, cash in (
                line.split(",") for line in Path(self.values["accounts"]).read_text().splitlines()
            )
        }
        self.tiers: Final = {
            tier: Tier(
                int(self.values[f"tier.{tier}.order_rate_per_s_max"]),
                int(self.values[f"tier.{tier}.position_lots_max"]),
                int(self.values[f"tier.{tier}.limit_version"]),
                int(self.values[f"tier.{tier}.fee_per_lot_minor_max"]),
            )
            for tier in {known.tier_id for known in self.accounts.values()}
        }

    def __getitem__(self, name: str) -> str:
        """A value as it stands in the file."""
        return self.values[name]


def _fix(values: Mapping[str, str], reason: str) -> int | None:
    found = values.get(f"fix.{reason}")
    return int(found) if found else None


class LaneHead:
    """What a lane keeps beside its users: 88 bytes in a row of its own."""

    def __init__(self, stored: bytes | None, first_sequence: int) -> None:
        """From the stored row, or new."""
        if stored is None:
            self.sequence = first_sequence
            self.gate_time = 0
            self.chain = self.state = bytes(32)
        else:
            self.sequence = int.from_bytes(stored[:8], "big")
            self.gate_time = int.from_bytes(stored[8:16], "big")
            self.chain = stored[16:48]
            self.state = stored[48:]

    def row(self) -> bytes:
        """The row to store."""
        return (
            self.sequence.to_bytes(8, "big")
            + self.gate_time.to_bytes(8, "big")
            + self.chain
            + self.state
        )


class User:
    """A user's money, position and rate: the three rows of the gate's state, one after another."""

    def __init__(self, user: RowUser, balance: RowBalance, position: RowPosition) -> None:
        """Take the rows."""
        self.user: Final = user
        self.balance: Final = balance
        self.position: Final = position

    @classmethod
    def read(cls, stored: bytes) -> "User":
        """From the stored row."""
        reader = Reader(stored, 0)
        return cls(read_row_user(reader), read_row_balance(reader), read_row_position(reader))

    def row(self) -> bytes:
        """The row to store."""
        return (
            encode_row_user(self.user)
            + encode_row_balance(self.balance)
            + encode_row_position(self.position)
        )


class Judged(NamedTuple):
    """What the checks came to; `passing_lots_max` is of a rejected order only."""

    reason: str
    hold_minor: int
    checks: list[CheckResult]
    passing_lots_max: int | None


class Output(NamedTuple):
    """Framed decision and audit record; the user's row, and that of the order unless it stays."""

    decision: bytes
    audit: bytes
    user_row: bytes
    order_row: bytes | None


class ProfileCore:
    """Decides one order at a time."""

    def __init__(self, settings: Settings) -> None:
        """All constants are made once."""
        value = settings.values
        self._settings: Final = settings
        self._topic: Final = value["orders"]
        self._control_number: Final = int(value["control_number"])
        self._core_version: Final = int(value["core_version"])
        self._instrument: Final = value["instrument_id"]
        self._currency: Final = value["currency"]
        self._margin: Final = int(value["margin_minor_per_lot"])
        self._age_us_max: Final = int(value["order_age_ms_max"]) * 1000
        self._policy_version: Final = int(value["policy_version"])
        self._decision_frame: Final = bytes.fromhex(value["decision_frame"])
        self._audit_frame: Final = bytes.fromhex(value["audit_frame"])
        exempt = set(value["exempt"].split(","))
        names = value["checks"].split(",")
        self._vector: Final = [_stated(name, exempt) for name in names]
        self._vector[names.index(_HOLDINGS)] = _compared(
            _HOLDINGS, 1, int(value["holdings_max"]), None
        )
        self._places: Final = [
            names.index(name) for name in (_EVENT_TIME, _ORDER_RATE, _POSITION_LIMIT, _BUYING_POWER)
        ]

    def order_of(self, value: bytes) -> Order:
        """The order in a record's value. Raises OutsideProfileError."""
        order = decode_order(value, FRAME_BYTES)
        if order.action != ORDER_ACTION_NEW or order.order_type != ORDER_TYPE_LIMIT:
            raise OutsideProfileError("the profile knows new limit orders only")
        return order

    def decide(
        self,
        head: LaneHead,
        lane: int,
        offset: int,
        time_ms: int,
        key: bytes,
        value: bytes,
        order: Order,
        user_row: bytes | None,
        order_row: bytes | None,
    ) -> Output:
        """The answer to an order, given the user's row and that of its id; `head` moves on."""
        head.sequence += 1
        head.gate_time = gate_time = max(head.gate_time, time_ms * 1000)
        content_hash = sha256(value[FRAME_BYTES:]).digest()
        state = User.read(user_row) if user_row is not None else self._new_user(order.user_id)
        user = state.user
        user.messages_count += 1
        checks: list[CheckResult] = []
        duplicate_of: int | None = None
        passing_lots_max: int | None = None
        hold = 0
        stored: bytes | None = None
        if order_row is not None:
            reason, sequence, known_hash = _remembered(order_row)
            if known_hash == content_hash:
                duplicate_of = sequence
            else:
                reason = "DUPLICATE_ID"
                checks = [_failed("IDENTITY", reason)]
        else:
            reason, hold, checks, passing_lots_max = self._check(state, order, gate_time)
            user.orders_count += 1
            if reason == ACCEPTED:
                stored = self._place(head, state, order, hold, content_hash)
            else:
                stored = _DECISION_ROW + _encode_refused(head, order, reason, content_hash)
        text, fix = self._settings.reasons[reason]
        first_accept = reason == ACCEPTED and duplicate_of is None
        decision = encode_decision(
            Decision(
                gate_time,
                order.event_time,
                order.source_system_id,
                order.tenant_id,
                order.user_id,
                order.order_id,
                None,
                ORDER_ACTION_NEW,
                DECISION_ORIGIN_CLIENT,
                VERDICT_ACCEPTED if reason == ACCEPTED else VERDICT_REJECTED,
                reason,
                text,
                fix,
                lane,
                head.sequence,
                duplicate_of,
                self._topic,
                offset,
                self._control_number,
                self._core_version,
                checks,
                self._currency if first_accept else None,
                hold,
                None,
                None,
                None,
                None,
                [],
                order if first_accept else None,
                None,
                passing_lots_max,
            )
        )
        new_row = state.row()
        hashed = sha256(head.state)
        hashed.update(key)
        hashed.update(new_row)
        if stored is not None:
            hashed.update(order.order_id.encode())
            hashed.update(stored)
        head.state = hashed.digest()
        audit = self._audit(head, lane, offset, time_ms, key, value, reason, decision)
        return Output(self._decision_frame + decision, self._audit_frame + audit, new_row, stored)

    def _new_user(self, user_id: str) -> User:
        known = self._settings.accounts.get(user_id)
        if known is None:
            raise OutsideProfileError(f"{user_id} is not registered")
        return User(
            RowUser(
                True,
                known.tenant_id,
                known.tier_id,
                TRADING_STATE_ACTIVE,
                1,
                0,
                0,
                0,
                0,
                0,
                [0] * _BUCKETS,
                -1,
                0,
                0,
                0,
                0,
                0,
                [0] * _BUCKETS,
                [],
                [],
            ),
            RowBalance(known.cash_minor, 0, known.cash_minor, 0, 0, 0, 0, 0, 0, [], 0),
            RowPosition(0, 0, 0, 0, self._currency, 0, 0),
        )

    def _check(self, state: User, order: Order, gate_time: int) -> Judged:
        """All checks run, the first FAIL decides."""
        tier = self._settings.tiers[state.user.tier_id]
        exposure, hold = self._asked(state, tier, order.side, order.quantity_lots)
        version = tier.limit_version
        age = _compared(
            _EVENT_TIME, gate_time - order.event_time, self._age_us_max, self._policy_version
        )
        rate = _compared(_ORDER_RATE, _in_window(state.user, gate_time) + 1, tier.rate_max, version)
        position = _compared(_POSITION_LIMIT, exposure, tier.position_lots_max, version)
        funds = _compared(_BUYING_POWER, max(hold, 0), _available(state), None)
        checks = self._vector.copy()
        at_age, at_rate, at_position, at_funds = self._places
        checks[at_age], checks[at_rate] = age, rate
        checks[at_position], checks[at_funds] = position, funds
        if age.reason_code is not None:
            raise OutsideProfileError("an order is older than the profile allows")
        if rate.reason_code is not None:
            # No quantity would have passed.
            return Judged(rate.reason_code, 0, checks, 0)
        reason = position.reason_code or funds.reason_code
        if reason is not None:
            return Judged(reason, 0, checks, self._passing_lots(state, tier, order))
        return Judged(ACCEPTED, hold, checks, None)

    def _asked(self, state: User, tier: Tier, side: int, lots: int) -> tuple[int, int]:
        """What so many lots would make of the position, and what they would add to held."""
        position = state.position
        bought = position.position_lots + position.working_buy_lots
        sold = position.position_lots - position.working_sell_lots
        if side == SIDE_BUY:
            bought += lots
            exposure = abs(bought)
        else:
            sold -= lots
            exposure = abs(sold)
        margin = self._margin * max(abs(bought), abs(sold))
        return exposure, lots * tier.fee_per_lot_minor + margin - position.margin_minor

    def _passing_lots(self, state: User, tier: Tier, order: Order) -> int:
        """The largest quantity below the order's that position limit and money allow; 0: none."""
        available = _available(state)
        low, high = 0, order.quantity_lots
        while high - low > 1:
            middle = (low + high) // 2
            exposure, hold = self._asked(state, tier, order.side, middle)
            if exposure <= tier.position_lots_max and max(hold, 0) <= available:
                low = middle
            else:
                high = middle
        return low

    def _place(
        self, head: LaneHead, state: User, order: Order, hold: int, content_hash: bytes
    ) -> bytes:
        """Hold what the order needs; its row."""
        user, position, lots = state.user, state.position, order.quantity_lots
        _count(user, head.gate_time)
        user.open_orders_count += 1
        if order.side == SIDE_BUY:
            position.working_buy_lots += lots
        else:
            position.working_sell_lots += lots
        fee = lots * self._settings.tiers[user.tier_id].fee_per_lot_minor
        position.margin_minor += hold - fee
        state.balance.held_minor += hold
        return _ORDER_ROW + encode_row_order(
            RowOrder(
                order.tenant_id, order.instrument_id, order.side, order.order_type,
                order.time_in_force, lots, order.price_e9 or 0, None, order.order_id, None, 0, 0,
                order.trader_id, order.algo_id, order.desk_id, order.counterparty_id, 0, None,
                False, False, fee, self._currency, head.sequence, head.gate_time,
                head.gate_time // _DAY_US, max(head.gate_time, order.event_time), content_hash,
            )
        )  # fmt: skip

    def _audit(
        self,
        head: LaneHead,
        lane: int,
        offset: int,
        time_ms: int,
        key: bytes,
        value: bytes,
        reason: str,
        decision: bytes,
    ) -> bytes:
        """The audit record, which becomes the head of the lane's chain."""
        outputs = sha256(b"D" + len(decision).to_bytes(4, "big") + decision).digest()
        audit = encode_audit_record(
            AuditRecord(
                lane,
                head.sequence,
                head.chain,
                self._topic,
                lane,
                offset,
                time_ms,
                key,
                value,
                None,
                None,
                None,
                head.gate_time,
                False,
                self._core_version,
                self._control_number,
                AUDIT_OUTCOME_DECISION,
                reason,
                [],
                decision,
                outputs,
                head.state,
            )
        )
        head.chain = sha256(audit).digest()
        return audit


def _remembered(row: bytes) -> tuple[str, int, bytes]:
    """Reason, lane sequence and content hash of the first answer to an id."""
    if row[:1] == _ORDER_ROW:
        working = decode_row_order(row, 1)
        return ACCEPTED, working.lane_sequence, working.content_hash
    refused = decode_row_decision(row, 1)
    return refused.reason_code, refused.lane_sequence, refused.content_hash


def _encode_refused(head: LaneHead, order: Order, reason: str, content_hash: bytes) -> bytes:
    return encode_row_decision(
        RowDecision(
            VERDICT_REJECTED,
            reason,
            head.sequence,
            max(head.gate_time, order.event_time),
            content_hash,
            None,
            None,
            None,
            0,
        )
    )


def _available(state: User) -> int:
    return state.balance.cash_minor - state.balance.held_minor


def _in_window(user: RowUser, gate_time: int) -> int:
    gone = gate_time // _BUCKET_US - user.rate_bucket
    return sum(user.rate_counts[: _BUCKETS - gone]) if gone < _BUCKETS else 0


def _count(user: RowUser, gate_time: int) -> None:
    bucket = gate_time // _BUCKET_US
    gone = min(bucket - user.rate_bucket, _BUCKETS)
    if gone > 0:
        user.rate_counts = [0] * gone + user.rate_counts[: _BUCKETS - gone]
        user.rate_bucket = bucket
    user.rate_counts[0] += 1


def _stated(name: str, exempt: set[str]) -> CheckResult:
    outcome = CHECK_OUTCOME_EXEMPT if name in exempt else CHECK_OUTCOME_PASS
    return CheckResult(name, outcome, None, None, None, None, None)


def _failed(name: str, reason: str) -> CheckResult:
    return CheckResult(name, CHECK_OUTCOME_FAIL, reason, None, None, None, None)


def _compared(name: str, observed: int, limit: int, version: int | None) -> CheckResult:
    passes = observed <= limit
    return CheckResult(
        name,
        CHECK_OUTCOME_PASS if passes else CHECK_OUTCOME_FAIL,
        None if passes else name,
        observed,
        limit,
        version,
        limit - observed,
    )
