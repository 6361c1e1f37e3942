"""The contract as values, generated from schemas/avro. Do not edit: `make generate`.

One class a record, one integer a symbol of an enum. Messages are immutable; the table's
rows (`Row...`) are not, because only the core changes them. Nothing here reads, writes or
computes.
"""

# ruff: noqa: E501, PLR0913 -- the shape is the contract's
from typing import Final

from mypy_extensions import mypyc_attr

# order_action: What is asked for.
ORDER_ACTION_NEW: Final = 0
ORDER_ACTION_CANCEL: Final = 1
ORDER_ACTION_REPLACE: Final = 2
ORDER_ACTION_NAMES: Final = ("NEW", "CANCEL", "REPLACE")

# side: FIX Side (54): 1 buy, 2 sell.
SIDE_BUY: Final = 0
SIDE_SELL: Final = 1
SIDE_NAMES: Final = ("BUY", "SELL")

# order_type: FIX OrdType (40).
ORDER_TYPE_LIMIT: Final = 0
ORDER_TYPE_MARKET: Final = 1
ORDER_TYPE_NAMES: Final = ("LIMIT", "MARKET")

# time_in_force: FIX TimeInForce (59).
TIME_IN_FORCE_GTC: Final = 0
TIME_IN_FORCE_DAY: Final = 1
TIME_IN_FORCE_IOC: Final = 2
TIME_IN_FORCE_FOK: Final = 3
TIME_IN_FORCE_NAMES: Final = ("GTC", "DAY", "IOC", "FOK")

# short_mark: FIX Side (54): 5 sell short, 6 sell short exempt.
SHORT_MARK_SHORT: Final = 0
SHORT_MARK_SHORT_EXEMPT: Final = 1
SHORT_MARK_NAMES: Final = ("SHORT", "SHORT_EXEMPT")

# exec_type: FIX ExecType (150).
EXEC_TYPE_NEW: Final = 0
EXEC_TYPE_PARTIAL_FILL: Final = 1
EXEC_TYPE_FILL: Final = 2
EXEC_TYPE_CANCELED: Final = 3
EXEC_TYPE_REJECTED: Final = 4
EXEC_TYPE_EXPIRED: Final = 5
EXEC_TYPE_REPLACED: Final = 6
EXEC_TYPE_CANCEL_REJECTED: Final = 7
EXEC_TYPE_TRADE_CANCEL: Final = 8
EXEC_TYPE_TRADE_CORRECT: Final = 9
EXEC_TYPE_NAMES: Final = ("NEW", "PARTIAL_FILL", "FILL", "CANCELED", "REJECTED", "EXPIRED", "REPLACED", "CANCEL_REJECTED", "TRADE_CANCEL", "TRADE_CORRECT")

# deposit_kind: What moved the money.
DEPOSIT_KIND_DEPOSIT: Final = 0
DEPOSIT_KIND_WITHDRAWAL_REQUEST: Final = 1
DEPOSIT_KIND_WITHDRAWAL_SETTLED: Final = 2
DEPOSIT_KIND_WITHDRAWAL_FAILED: Final = 3
DEPOSIT_KIND_SETTLEMENT: Final = 4
DEPOSIT_KIND_ADJUSTMENT: Final = 5
DEPOSIT_KIND_NAMES: Final = ("DEPOSIT", "WITHDRAWAL_REQUEST", "WITHDRAWAL_SETTLED", "WITHDRAWAL_FAILED", "SETTLEMENT", "ADJUSTMENT")

# instrument_kind: How it is margined and settled.
INSTRUMENT_KIND_FUTURE: Final = 0
INSTRUMENT_KIND_SPOT: Final = 1
INSTRUMENT_KIND_EQUITY: Final = 2
INSTRUMENT_KIND_NAMES: Final = ("FUTURE", "SPOT", "EQUITY")

# instrument_state: Whether orders pass.
INSTRUMENT_STATE_OPEN: Final = 0
INSTRUMENT_STATE_CLOSED: Final = 1
INSTRUMENT_STATE_HALTED: Final = 2
INSTRUMENT_STATE_NAMES: Final = ("OPEN", "CLOSED", "HALTED")

# limit_scope: Whom it binds.
LIMIT_SCOPE_TIER: Final = 0
LIMIT_SCOPE_USER: Final = 1
LIMIT_SCOPE_NAMES: Final = ("TIER", "USER")

# trading_state: Which orders pass: all, risk reducing ones, none.
TRADING_STATE_ACTIVE: Final = 0
TRADING_STATE_REDUCING: Final = 1
TRADING_STATE_HALTED: Final = 2
TRADING_STATE_NAMES: Final = ("ACTIVE", "REDUCING", "HALTED")

# check_severity: What a failure leads to: the order is rejected; it passes with an ALERT; it is
# rejected and the user may only reduce until a person releases it; it is rejected and the user is
# halted until a person releases it.
CHECK_SEVERITY_REJECT: Final = 0
CHECK_SEVERITY_NOTIFY: Final = 1
CHECK_SEVERITY_LATCH: Final = 2
CHECK_SEVERITY_HALT: Final = 3
CHECK_SEVERITY_NAMES: Final = ("REJECT", "NOTIFY", "LATCH", "HALT")

# state_scope: What the state is of.
STATE_SCOPE_ALGORITHM: Final = 0
STATE_SCOPE_DESK: Final = 1
STATE_SCOPE_INSTRUMENT: Final = 2
STATE_SCOPE_NAMES: Final = ("ALGORITHM", "DESK", "INSTRUMENT")

# restriction_subject: What the ids are of.
RESTRICTION_SUBJECT_USER: Final = 0
RESTRICTION_SUBJECT_DESK: Final = 1
RESTRICTION_SUBJECT_INSTRUMENT: Final = 2
RESTRICTION_SUBJECT_COUNTERPARTY: Final = 3
RESTRICTION_SUBJECT_ALGORITHM: Final = 4
RESTRICTION_SUBJECT_NAMES: Final = ("USER", "DESK", "INSTRUMENT", "COUNTERPARTY", "ALGORITHM")

# check_outcome: NOT_EVALUATED: something it needs is missing, and another check fails for that;
# EXEMPT: switched off by policy; NOTIFIED: it failed, and its severity lets the order pass with
# an ALERT.
CHECK_OUTCOME_PASS: Final = 0
CHECK_OUTCOME_FAIL: Final = 1
CHECK_OUTCOME_NOT_EVALUATED: Final = 2
CHECK_OUTCOME_EXEMPT: Final = 3
CHECK_OUTCOME_NOTIFIED: Final = 4
CHECK_OUTCOME_NAMES: Final = ("PASS", "FAIL", "NOT_EVALUATED", "EXEMPT", "NOTIFIED")

# decision_origin: Who asked: a client's record; the gate, for an order whose time is over; the
# gate, for one the venue never reported on.
DECISION_ORIGIN_CLIENT: Final = 0
DECISION_ORIGIN_EXPIRY: Final = 1
DECISION_ORIGIN_ORPHAN: Final = 2
DECISION_ORIGIN_NAMES: Final = ("CLIENT", "EXPIRY", "ORPHAN")

# verdict: The answer.
VERDICT_ACCEPTED: Final = 0
VERDICT_REJECTED: Final = 1
VERDICT_NAMES: Final = ("ACCEPTED", "REJECTED")

# audit_outcome: What became of the input: an order was decided; a fact was applied; a repeat was
# ignored; it could not be read or placed.
AUDIT_OUTCOME_DECISION: Final = 0
AUDIT_OUTCOME_FACT: Final = 1
AUDIT_OUTCOME_IGNORED: Final = 2
AUDIT_OUTCOME_DEAD_LETTER: Final = 3
AUDIT_OUTCOME_NAMES: Final = ("DECISION", "FACT", "IGNORED", "DEAD_LETTER")


@mypyc_attr(acyclic=True, free_list_len=1)
class Order:
    """A client's request: a new order, a cancel or a replace (FIX NewOrderSingle D, OrderCancelRequest F, OrderCancelReplaceRequest G). Topic orders, key user_id.

    event_time: When the source says the request was made. Checked against gate time and
        reported, never trusted.
    source_system_id: The system that produced the record, 1 to 64 bytes.
    tenant_id: The tenant whose business this is, 1 to 64 bytes.
    action: What is asked for.
    order_id: FIX ClOrdID (11): the identity of this request, 1 to 64 bytes, not beginning
        with "gate:"; unique per user.
    orig_order_id: FIX OrigClOrdID (41): the order that a CANCEL or REPLACE refers to.
    user_id: The account, 1 to 64 bytes. Its UTF-8 bytes are the Kafka key.
    instrument_id: The instrument, 1 to 64 bytes.
    side: FIX Side (54).
    order_type: FIX OrdType (40).
    time_in_force: FIX TimeInForce (59).
    quantity_lots: FIX OrderQty (38) in lots, of a REPLACE the total with what has been
        filled; 0 for a CANCEL.
    price_e9: FIX Price (44) in 1e-9 price units; absent for MARKET and CANCEL.
    expires_at: FIX ExpireTime (126) in gate time: from then on a NEW is refused, and an
        accepted order no longer works. A REPLACE repeats it.
    trader_id: The natural person who decided, 1 to 64 bytes.
    algo_id: The algorithm that decided, 1 to 64 bytes.
    desk_id: The trading desk, 1 to 64 bytes.
    counterparty_id: The counterparty, where one is named, 1 to 64 bytes.
    tags: Free attributes, at most 16, keys and values of at most 64 bytes; carried to the
        decision, never interpreted.
    reduce_only: The order must only lower risk, or it is rejected NOT_REDUCING.
    short_mark: EQUITY SELL: how a short sale is marked (Reg SHO Rule 200(g)); absent: a
        long sale.
    """

    def __init__(
        self,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        action: int,
        order_id: str,
        orig_order_id: str | None,
        user_id: str,
        instrument_id: str,
        side: int,
        order_type: int,
        time_in_force: int,
        quantity_lots: int,
        price_e9: int | None,
        expires_at: int | None,
        trader_id: str | None,
        algo_id: str | None,
        desk_id: str | None,
        counterparty_id: str | None,
        tags: dict[str, str],
        reduce_only: bool = False,
        short_mark: int | None = None,
    ) -> None:
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.action: Final = action
        self.order_id: Final = order_id
        self.orig_order_id: Final = orig_order_id
        self.user_id: Final = user_id
        self.instrument_id: Final = instrument_id
        self.side: Final = side
        self.order_type: Final = order_type
        self.time_in_force: Final = time_in_force
        self.quantity_lots: Final = quantity_lots
        self.price_e9: Final = price_e9
        self.expires_at: Final = expires_at
        self.trader_id: Final = trader_id
        self.algo_id: Final = algo_id
        self.desk_id: Final = desk_id
        self.counterparty_id: Final = counterparty_id
        self.tags: Final = tags
        self.reduce_only: Final = reduce_only
        self.short_mark: Final = short_mark
        # Not of the contract: whether the codec keeps its bytes, and those bytes.
        self.kept: bool = False
        self.encoded: bytes | None = None


@mypyc_attr(acyclic=True)
class Fill:
    """A venue's execution report (FIX ExecutionReport 8). Topic fills, key user_id. A fact: applied, never refused.

    event_time: When the source says the venue reported. Checked against gate time and
        reported, never trusted.
    source_system_id: The system that produced the record, 1 to 64 bytes.
    tenant_id: The tenant whose business this is, 1 to 64 bytes.
    exec_id: FIX ExecID (17): unique per venue and order; a repeat is ignored.
    exec_ref_id: FIX ExecRefID (19): the execution that a TRADE_CANCEL or TRADE_CORRECT
        refers to.
    order_id: FIX ClOrdID (11): the order, or the CANCEL or REPLACE of it that this answers.
    orig_order_id: FIX OrigClOrdID (41): another id of the order, tried when order_id names
        none; 1 to 64 bytes.
    user_id: The account. Its UTF-8 bytes are the Kafka key.
    instrument_id: FIX Symbol (55). Needed only when the order is not known to the gate.
    side: FIX Side (54). Needed only when the order is not known to the gate.
    exec_type: FIX ExecType (150).
    last_lots: FIX LastQty (32) in lots; 0 when nothing traded. Of a TRADE_CORRECT what is
        right; of a TRADE_CANCEL not looked at.
    last_price_e9: FIX LastPx (31) in 1e-9 price units; absent when nothing traded.
    cum_lots: FIX CumQty (14) in lots.
    leaves_lots: FIX LeavesQty (151) in lots.
    fee_minor: The fee of this execution in minor units of the instrument's currency;
        negative for a rebate.
    trade_id: FIX TrdMatchID (880): the venue's trade.
    venue: The venue, as a MIC where it has one, 1 to 64 bytes.
    """

    def __init__(
        self,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        exec_id: str,
        exec_ref_id: str | None,
        order_id: str,
        orig_order_id: str | None,
        user_id: str,
        instrument_id: str | None,
        side: int | None,
        exec_type: int,
        last_lots: int,
        last_price_e9: int | None,
        cum_lots: int,
        leaves_lots: int,
        fee_minor: int,
        trade_id: str | None,
        venue: str,
    ) -> None:
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.exec_id: Final = exec_id
        self.exec_ref_id: Final = exec_ref_id
        self.order_id: Final = order_id
        self.orig_order_id: Final = orig_order_id
        self.user_id: Final = user_id
        self.instrument_id: Final = instrument_id
        self.side: Final = side
        self.exec_type: Final = exec_type
        self.last_lots: Final = last_lots
        self.last_price_e9: Final = last_price_e9
        self.cum_lots: Final = cum_lots
        self.leaves_lots: Final = leaves_lots
        self.fee_minor: Final = fee_minor
        self.trade_id: Final = trade_id
        self.venue: Final = venue


@mypyc_attr(acyclic=True)
class Deposit:
    """A movement of money that is not a trade. Topic deposits, key user_id. A fact, but for a WITHDRAWAL_REQUEST, which is refused when it would break a hold.

    event_time: When the source says the money moved. Checked against gate time and
        reported, never trusted.
    source_system_id: The system that produced the record, 1 to 64 bytes.
    tenant_id: The tenant whose business this is, 1 to 64 bytes.
    deposit_id: The identity of this movement, 1 to 64 bytes; unique per user, a repeat is
        ignored.
    withdrawal_id: The withdrawal that a WITHDRAWAL_REQUEST opens and a WITHDRAWAL_SETTLED
        or WITHDRAWAL_FAILED ends.
    user_id: The account. Its UTF-8 bytes are the Kafka key.
    currency: ISO 4217 code or asset code, 1 to 16 bytes.
    amount_minor: Minor units of the currency; positive but for SETTLEMENT and ADJUSTMENT,
        which are signed.
    kind: What moved the money.
    channel: The channel, for anti-money-laundering reports, 1 to 64 bytes.
    counterparty: The other party's account, for anti-money-laundering reports, 1 to 64
        bytes.
    instrument_id: The instrument whose SETTLEMENT this is.
    settlement_price_e9: The settlement price, in 1e-9 price units.
    session_date: The session that is settled.
    """

    def __init__(
        self,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        deposit_id: str,
        withdrawal_id: str | None,
        user_id: str,
        currency: str,
        amount_minor: int,
        kind: int,
        channel: str | None = None,
        counterparty: str | None = None,
        instrument_id: str | None = None,
        settlement_price_e9: int | None = None,
        session_date: int | None = None,
    ) -> None:
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.deposit_id: Final = deposit_id
        self.withdrawal_id: Final = withdrawal_id
        self.user_id: Final = user_id
        self.currency: Final = currency
        self.amount_minor: Final = amount_minor
        self.kind: Final = kind
        self.channel: Final = channel
        self.counterparty: Final = counterparty
        self.instrument_id: Final = instrument_id
        self.settlement_price_e9: Final = settlement_price_e9
        self.session_date: Final = session_date


@mypyc_attr(acyclic=True)
class Mark:
    """A reference price. Topic marks; the publisher writes each mark to every partition, so that every lane sees it.

    event_time: When the source says the price was seen. Checked against gate time and
        reported, never trusted.
    source_system_id: The system that produced the record, 1 to 64 bytes.
    tenant_id: The tenant whose business this is, 1 to 64 bytes.
    instrument_id: The instrument, 1 to 64 bytes.
    price_e9: The price in 1e-9 price units.
    source_time: When the price was made at its source; its age is what the staleness bound
        judges.
    """

    def __init__(
        self,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        instrument_id: str,
        price_e9: int,
        source_time: int,
    ) -> None:
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.instrument_id: Final = instrument_id
        self.price_e9: Final = price_e9
        self.source_time: Final = source_time


@mypyc_attr(acyclic=True)
class Instrument:
    """Control payload: the definition of an instrument.

    instrument_id: The instrument, 1 to 64 bytes.
    kind: How it is margined and settled.
    currency: The currency in which it is quoted and settled.
    base_currency: SPOT: the asset that a buy delivers and a sell gives.
    base_minor_per_lot: SPOT: minor units of base_currency in a lot; else 0.
    tick_e9: FIX MinPriceIncrement (969): the price step in 1e-9 price units.
    lot: An order's quantity_lots is a multiple of it (FIX RoundLot 561).
    multiplier_numerator: Minor units of currency that one lot is worth per 1.0 of price:
        numerator.
    multiplier_denominator: The same: denominator.
    margin_minor_per_lot: FUTURE: initial margin of a lot in minor units of currency.
        EQUITY: margin of a lot sold short.
    state: Whether orders pass.
    """

    def __init__(
        self,
        instrument_id: str,
        kind: int,
        currency: str,
        base_currency: str | None,
        base_minor_per_lot: int,
        tick_e9: int,
        lot: int,
        multiplier_numerator: int,
        multiplier_denominator: int,
        margin_minor_per_lot: int | None,
        state: int,
    ) -> None:
        self.instrument_id: Final = instrument_id
        self.kind: Final = kind
        self.currency: Final = currency
        self.base_currency: Final = base_currency
        self.base_minor_per_lot: Final = base_minor_per_lot
        self.tick_e9: Final = tick_e9
        self.lot: Final = lot
        self.multiplier_numerator: Final = multiplier_numerator
        self.multiplier_denominator: Final = multiplier_denominator
        self.margin_minor_per_lot: Final = margin_minor_per_lot
        self.state: Final = state


@mypyc_attr(acyclic=True)
class Limits:
    """Control payload: limits of a tier or of a user, for one instrument or for all. For each figure the most specific limit that has one counts: user and instrument, user, tier and instrument, tier. None: the order is rejected.

    scope: Whom it binds.
    scope_id: The tier or the user.
    instrument_id: The instrument; absent: every instrument.
    order_rate_per_s_max: Accepted orders in a sliding second (RTS 6 Art. 15(1)(d)).
    order_quantity_lots_max: Quantity of an order in lots (RTS 6 Art. 15(1)(c)).
    order_notional_minor_max: Notional of an order in minor units of the instrument's
        currency (RTS 6 Art. 15(1)(b)).
    notional_currency: The currency of order_notional_minor_max, 1 to 16 bytes; absent: the
        instrument's. Another one is converted by the mark of a SPOT instrument of the two.
    position_lots_max: Absolute position with working orders, in lots (RTS 6 Art. 15(4)).
    price_collar_bps: Distance of a price from the mark, in 1e-4 of the mark (RTS 6 Art.
        15(1)(a)).
    market_collar_bps: How far from the mark a MARKET order may be filled, in 1e-4 of the
        mark; the venue gets it as protection price.
    short_lots_max: EQUITY: lots that may be sold short. Counts with a locate_id only;
        absent: none.
    locate_id: EQUITY: where the shares to be sold short were located, 1 to 64 bytes.
    """

    def __init__(
        self,
        scope: int,
        scope_id: str,
        instrument_id: str | None = None,
        order_rate_per_s_max: int | None = None,
        order_quantity_lots_max: int | None = None,
        order_notional_minor_max: int | None = None,
        notional_currency: str | None = None,
        position_lots_max: int | None = None,
        price_collar_bps: int | None = None,
        market_collar_bps: int | None = None,
        short_lots_max: int | None = None,
        locate_id: str | None = None,
    ) -> None:
        self.scope: Final = scope
        self.scope_id: Final = scope_id
        self.instrument_id: Final = instrument_id
        self.order_rate_per_s_max: Final = order_rate_per_s_max
        self.order_quantity_lots_max: Final = order_quantity_lots_max
        self.order_notional_minor_max: Final = order_notional_minor_max
        self.notional_currency: Final = notional_currency
        self.position_lots_max: Final = position_lots_max
        self.price_collar_bps: Final = price_collar_bps
        self.market_collar_bps: Final = market_collar_bps
        self.short_lots_max: Final = short_lots_max
        self.locate_id: Final = locate_id


@mypyc_attr(acyclic=True)
class UserAccount:
    """Control payload: a user's tenant, tier and trading state.

    user_id: The account.
    account_tenant_id: The tenant the user belongs to; an order of another tenant is
        rejected.
    tier_id: The tier whose limits and fees bind the user.
    trading_state: Which of the user's orders pass.
    """

    def __init__(
        self,
        user_id: str,
        account_tenant_id: str,
        tier_id: str,
        trading_state: int,
    ) -> None:
        self.user_id: Final = user_id
        self.account_tenant_id: Final = account_tenant_id
        self.tier_id: Final = tier_id
        self.trading_state: Final = trading_state


@mypyc_attr(acyclic=True)
class FirmState:
    """Control payload: the trading state of the whole firm.

    trading_state: Which orders pass.
    """

    def __init__(
        self,
        trading_state: int,
    ) -> None:
        self.trading_state: Final = trading_state


@mypyc_attr(acyclic=True)
class FeeSchedule:
    """Control payload: the highest fee that a tier can be charged, which every hold includes.

    tier_id: The tier.
    instrument_id: The instrument; absent: every instrument.
    fee_per_lot_minor_max: Fee of a lot in minor units of the instrument's currency.
    fee_notional_bps_max: Fee in 1e-4 of the notional, rounded up.
    """

    def __init__(
        self,
        tier_id: str,
        instrument_id: str | None,
        fee_per_lot_minor_max: int,
        fee_notional_bps_max: int,
    ) -> None:
        self.tier_id: Final = tier_id
        self.instrument_id: Final = instrument_id
        self.fee_per_lot_minor_max: Final = fee_per_lot_minor_max
        self.fee_notional_bps_max: Final = fee_notional_bps_max


@mypyc_attr(acyclic=True)
class Policy:
    """Control payload: bounds of time and number, and the checks that are switched off by name.

    order_age_ms_max: An order whose event_time is further behind gate time is rejected
        ORDER_STALE.
    future_skew_ms_max: An order whose event_time is further ahead of gate time is rejected
        EVENT_TIME_IN_FUTURE.
    mark_age_ms_max: An older mark is no reference price.
    dedup_window_ms: How long an order id, an exec id and a deposit id are remembered,
        unless there are more than remembered_ids_max; older orders are rejected TOO_OLD.
    remembered_ids_max: How many such ids a lane remembers: beyond it the oldest are
        forgotten before their window is over.
    open_orders_max: Working orders a user may have.
    orphan_ms_max: An accepted order that the venue has not reported on for so long is
        swept: it ends, and its hold with it.
    checks_exempt: Checks that are recorded as EXEMPT and do not decide; each use is in the
        decision.
    """

    def __init__(
        self,
        order_age_ms_max: int,
        future_skew_ms_max: int,
        mark_age_ms_max: int,
        dedup_window_ms: int,
        remembered_ids_max: int,
        open_orders_max: int,
        orphan_ms_max: int,
        checks_exempt: list[str],
    ) -> None:
        self.order_age_ms_max: Final = order_age_ms_max
        self.future_skew_ms_max: Final = future_skew_ms_max
        self.mark_age_ms_max: Final = mark_age_ms_max
        self.dedup_window_ms: Final = dedup_window_ms
        self.remembered_ids_max: Final = remembered_ids_max
        self.open_orders_max: Final = open_orders_max
        self.orphan_ms_max: Final = orphan_ms_max
        self.checks_exempt: Final = checks_exempt


@mypyc_attr(acyclic=True)
class DayClose:
    """Control payload: closes a business day (UTC) in every lane, so that its reports can be made. Days also close by themselves when gate time passes midnight.

    business_day: The day that ends.
    """

    def __init__(
        self,
        business_day: int,
    ) -> None:
        self.business_day: Final = business_day


@mypyc_attr(acyclic=True)
class CoreVersion:
    """Control payload: from its place in the lane on, the lane decides by the rules of this core version. It never goes back.

    core_version: The version; every worker must know it.
    """

    def __init__(
        self,
        core_version: int,
    ) -> None:
        self.core_version: Final = core_version


@mypyc_attr(acyclic=True)
class CheckLimit:
    """Control payload: the limit of one check, of a tier or of a user, for one instrument or for all. The most specific one that has a limit counts: user and instrument, user, tier and instrument, tier. None: the order is rejected.

    check: The check, by its name in the decision vector.
    scope: Whom it binds.
    scope_id: The tier or the user.
    instrument_id: The instrument; absent: every instrument.
    limit: The limit, in the check's unit (docs/rules.md); absent: this entry has none.
    allowance: ORDER_TO_TRADE: messages a day that need no trade.
    currency: The currency of a limit in money, 1 to 16 bytes; absent: the instrument's.
    """

    def __init__(
        self,
        check: str,
        scope: int,
        scope_id: str,
        instrument_id: str | None = None,
        limit: int | None = None,
        allowance: int | None = None,
        currency: str | None = None,
    ) -> None:
        self.check: Final = check
        self.scope: Final = scope
        self.scope_id: Final = scope_id
        self.instrument_id: Final = instrument_id
        self.limit: Final = limit
        self.allowance: Final = allowance
        self.currency: Final = currency


@mypyc_attr(acyclic=True)
class CheckPolicy:
    """Control payload: how one check acts, for everybody.

    check: The check, by its name in the decision vector.
    severity: What its failure leads to.
    window_ms: Of a check that looks back: for how long; absent: as docs/rules.md says.
    """

    def __init__(
        self,
        check: str,
        severity: int,
        window_ms: int | None = None,
    ) -> None:
        self.check: Final = check
        self.severity: Final = severity
        self.window_ms: Final = window_ms


@mypyc_attr(acyclic=True)
class ScopeState:
    """Control payload: the trading state of an algorithm, a desk or an instrument.

    scope: What the state is of.
    scope_id: Its id, 1 to 64 bytes.
    trading_state: Which orders pass.
    """

    def __init__(
        self,
        scope: int,
        scope_id: str,
        trading_state: int,
    ) -> None:
        self.scope: Final = scope
        self.scope_id: Final = scope_id
        self.trading_state: Final = trading_state


@mypyc_attr(acyclic=True)
class Release:
    """Control payload: a named person (proposer) re-enables what the gate had latched, halted or disabled (RTS 6 Art. 15(3)).

    user_id: The account.
    algo_id: The algorithm whose executions are counted anew.
    check: The check whose latch or halt ends; absent, and without algo_id: all of the
        user's.
    """

    def __init__(
        self,
        user_id: str,
        algo_id: str | None = None,
        check: str | None = None,
    ) -> None:
        self.user_id: Final = user_id
        self.algo_id: Final = algo_id
        self.check: Final = check


@mypyc_attr(acyclic=True)
class Restriction:
    """Control payload: whose orders are refused, or are no longer (SEC 15c3-5(c)(2)). A long list is several records.

    subject: What the ids are of.
    ids: At most 1,000 ids of 1 to 64 bytes.
    instrument_id: Only in this instrument; absent: in every one.
    restricted: True: refused from now on; false: no longer.
    """

    def __init__(
        self,
        subject: int,
        ids: list[str],
        instrument_id: str | None,
        restricted: bool,
    ) -> None:
        self.subject: Final = subject
        self.ids: Final = ids
        self.instrument_id: Final = instrument_id
        self.restricted: Final = restricted


@mypyc_attr(acyclic=True)
class SessionCalendar:
    """Control payload: when instruments listed under it trade. What lies outside its cover is refused.

    calendar_id: The calendar, 1 to 64 bytes.
    covers_from: From when the calendar says anything.
    covers_until: Until when, exclusive.
    opens: Begin of each session, microseconds since 1970, in order; at most 5,000.
    closes: End of each session, exclusive.
    """

    def __init__(
        self,
        calendar_id: str,
        covers_from: int,
        covers_until: int,
        opens: list[int],
        closes: list[int],
    ) -> None:
        self.calendar_id: Final = calendar_id
        self.covers_from: Final = covers_from
        self.covers_until: Final = covers_until
        self.opens: Final = opens
        self.closes: Final = closes


@mypyc_attr(acyclic=True)
class Listing:
    """Control payload: where an instrument belongs.

    instrument_id: The instrument, 1 to 64 bytes.
    sector_id: The sector its exposure counts in, 1 to 64 bytes.
    calendar_id: The session calendar it trades by; absent: round the clock.
    """

    def __init__(
        self,
        instrument_id: str,
        sector_id: str | None = None,
        calendar_id: str | None = None,
    ) -> None:
        self.instrument_id: Final = instrument_id
        self.sector_id: Final = sector_id
        self.calendar_id: Final = calendar_id


@mypyc_attr(acyclic=True)
class Rule:
    """Control payload: an operator's own rule (docs/rule-language.md). An order passes while the expression is true.

    rule_id: The rule, 1 to 64 bytes; RULE: and this is its name in the decision vector.
    expression: A boolean expression over named fields, at most 1,024 bytes.
    severity: What its failure leads to.
    enabled: False: the rule is withdrawn.
    """

    def __init__(
        self,
        rule_id: str,
        expression: str,
        severity: int,
        enabled: bool,
    ) -> None:
        self.rule_id: Final = rule_id
        self.expression: Final = expression
        self.severity: Final = severity
        self.enabled: Final = enabled


@mypyc_attr(acyclic=True)
class Collateral:
    """Control payload: available money of a currency may cover what a user of the tier needs in another currency, valued at the mark of their pair less a haircut (docs/rules.md, Pledges).

    tier_id: The tier.
    currency: What may cover.
    haircut_bps: By how much it counts for less than its worth, in 1e-4; 10000: not any
        more.
    """

    def __init__(
        self,
        tier_id: str,
        currency: str,
        haircut_bps: int,
    ) -> None:
        self.tier_id: Final = tier_id
        self.currency: Final = currency
        self.haircut_bps: Final = haircut_bps


@mypyc_attr(acyclic=True)
class Control:
    """A change to anything that can change a decision. Topic control; one fenced writer publishes each number to every partition in one transaction.

    event_time: When the source says the change was made. Checked against gate time and
        reported, never trusted.
    source_system_id: The system that produced the record, 1 to 64 bytes.
    tenant_id: The tenant whose business this is, 1 to 64 bytes.
    number: 1, 2, 3, ...: a gap stops the lane, a repeat is ignored.
    version: The version of the payload's subject; decisions name it.
    proposer: Who proposed the change.
    approver: Who approved it.
    reason: Why.
    effective_from: Gate time from which it counts; 0 or the past: at once.
    signature: Signature of the approver over the record with this field null; not checked
        yet.
    payload: What changes.
    """

    def __init__(
        self,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        number: int,
        version: int,
        proposer: str,
        approver: str | None,
        reason: str,
        effective_from: int,
        signature: bytes | None,
        payload: Instrument | Limits | UserAccount | FirmState | FeeSchedule | Policy | DayClose | CoreVersion | CheckLimit | CheckPolicy | ScopeState | Release | Restriction | SessionCalendar | Listing | Rule | Collateral,
    ) -> None:
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.number: Final = number
        self.version: Final = version
        self.proposer: Final = proposer
        self.approver: Final = approver
        self.reason: Final = reason
        self.effective_from: Final = effective_from
        self.signature: Final = signature
        self.payload: Final = payload


@mypyc_attr(acyclic=True)
class CheckResult:
    """One check of a decision's vector: what it saw and how far it was from its limit.

    check: The check's stable name.
    result: How it ended.
    reason_code: The reject reason of a FAIL, or what a NOTIFIED would have failed with.
    observed: The value it saw, in the check's unit (docs/controls.md).
    limit: The limit it compared with.
    limit_version: The version of that limit.
    headroom: limit - observed, where that has a meaning; negative: by how much it failed.
    """

    def __init__(
        self,
        check: str,
        result: int,
        reason_code: str | None = None,
        observed: int | None = None,
        limit: int | None = None,
        limit_version: int | None = None,
        headroom: int | None = None,
    ) -> None:
        self.check: Final = check
        self.result: Final = result
        self.reason_code: Final = reason_code
        self.observed: Final = observed
        self.limit: Final = limit
        self.limit_version: Final = limit_version
        self.headroom: Final = headroom
        # Not of the contract: whether the codec keeps its bytes, and those bytes.
        self.kept: bool = False
        self.encoded: bytes | None = None


@mypyc_attr(acyclic=True)
class Cover:
    """Money of another currency that an order's BUYING_POWER counted on: what a pledge takes, and by which figures.

    currency: What covers.
    covered_minor: What it covers, in minor units of the currency in which the order holds.
    pledged_minor: What is pledged for that, in minor units of the covering currency.
    haircut_bps: The haircut in force.
    collateral_version: The version of the collateral record that says so.
    fx_instrument_id: The SPOT instrument whose mark valued it.
    fx_price_e9: That mark.
    fx_as_of: When that mark was made.
    """

    def __init__(
        self,
        currency: str,
        covered_minor: int,
        pledged_minor: int,
        haircut_bps: int,
        collateral_version: int,
        fx_instrument_id: str,
        fx_price_e9: int,
        fx_as_of: int,
    ) -> None:
        self.currency: Final = currency
        self.covered_minor: Final = covered_minor
        self.pledged_minor: Final = pledged_minor
        self.haircut_bps: Final = haircut_bps
        self.collateral_version: Final = collateral_version
        self.fx_instrument_id: Final = fx_instrument_id
        self.fx_price_e9: Final = fx_price_e9
        self.fx_as_of: Final = fx_as_of


@mypyc_attr(acyclic=True, free_list_len=1)
class Decision:
    """The answer to an order record. Topic decisions, key user_id, partition = lane. An accepted first answer carries the whole order; one with duplicate_of is a repeat and must not be acted on.

    gate_time: When the lane decided.
    event_time: The order's event_time.
    source_system_id: The order's.
    tenant_id: The order's.
    user_id: The account.
    order_id: The order.
    orig_order_id: The order that a CANCEL or REPLACE refers to.
    action: What was asked for.
    origin: Who asked.
    verdict: The answer.
    reason_code: ACCEPTED, or the stable reject reason (docs/reasons.md).
    reason_text: The same for people.
    ord_rej_reason: FIX OrdRejReason (103), or CxlRejReason (102) for a CANCEL or REPLACE.
    lane: The lane: the partition number.
    lane_sequence: The gapless number of the input in its lane, from 1.
    duplicate_of: Lane sequence of the first answer, which this one repeats.
    source_topic: Where the order lies: topic.
    source_offset: Where the order lies: offset; its partition is the lane.
    control_number: The last control record the lane had applied.
    core_version: The core version that decided.
    checks: The decision vector, in order of precedence: the first FAIL decided.
    hold_currency: The currency of hold_minor.
    hold_minor: Minor units by which this decision raised what is held.
    protection_price_e9: MARKET: the worst price at which the venue may fill it, in 1e-9
        price units.
    fx_instrument_id: The SPOT instrument whose mark converted the notional to the limit's
        currency.
    fx_price_e9: That mark.
    fx_as_of: When that mark was made.
    cover: Money of other currencies that BUYING_POWER counted on, in order: pledged by an
        acceptance; of a rejection, what would have been.
    order: The order as it was accepted; absent in a rejection or a repeat.
    traceparent: W3C trace context taken from the order's headers.
    passing_lots_max: Of a rejected NEW or REPLACE: the largest quantity_lots with which it
        would have passed; 0: none.
    """

    def __init__(
        self,
        gate_time: int,
        event_time: int,
        source_system_id: str,
        tenant_id: str,
        user_id: str,
        order_id: str,
        orig_order_id: str | None,
        action: int,
        origin: int,
        verdict: int,
        reason_code: str,
        reason_text: str,
        ord_rej_reason: int | None,
        lane: int,
        lane_sequence: int,
        duplicate_of: int | None,
        source_topic: str,
        source_offset: int,
        control_number: int,
        core_version: int,
        checks: list[CheckResult],
        hold_currency: str | None,
        hold_minor: int,
        protection_price_e9: int | None,
        fx_instrument_id: str | None,
        fx_price_e9: int | None,
        fx_as_of: int | None,
        cover: list[Cover],
        order: Order | None = None,
        traceparent: str | None = None,
        passing_lots_max: int | None = None,
    ) -> None:
        self.gate_time: Final = gate_time
        self.event_time: Final = event_time
        self.source_system_id: Final = source_system_id
        self.tenant_id: Final = tenant_id
        self.user_id: Final = user_id
        self.order_id: Final = order_id
        self.orig_order_id: Final = orig_order_id
        self.action: Final = action
        self.origin: Final = origin
        self.verdict: Final = verdict
        self.reason_code: Final = reason_code
        self.reason_text: Final = reason_text
        self.ord_rej_reason: Final = ord_rej_reason
        self.lane: Final = lane
        self.lane_sequence: Final = lane_sequence
        self.duplicate_of: Final = duplicate_of
        self.source_topic: Final = source_topic
        self.source_offset: Final = source_offset
        self.control_number: Final = control_number
        self.core_version: Final = core_version
        self.checks: Final = checks
        self.hold_currency: Final = hold_currency
        self.hold_minor: Final = hold_minor
        self.protection_price_e9: Final = protection_price_e9
        self.fx_instrument_id: Final = fx_instrument_id
        self.fx_price_e9: Final = fx_price_e9
        self.fx_as_of: Final = fx_as_of
        self.cover: Final = cover
        self.order: Final = order
        self.traceparent: Final = traceparent
        self.passing_lots_max: Final = passing_lots_max


@mypyc_attr(acyclic=True)
class AuditRecord:
    """One input and what became of it. Topic audit, partition = lane; the records of a lane are a hash chain and replay it bit for bit.

    lane: The lane: the partition number.
    lane_sequence: The gapless number of the input in its lane, from 1.
    previous_hash: SHA-256 of the lane's previous audit record (its Avro body), 32 zero
        bytes for the first.
    source_topic: The input's topic.
    source_partition: The input's partition.
    source_offset: The input's offset.
    record_time: The input's Kafka time stamp.
    key: The input's key, at most its first 1,025 bytes (no user id is that long).
    value: The input's bytes.
    oversized_length: Of a value of more than 1 MiB (records may be compressed): its length;
        `value` then holds only its first 65,536 bytes.
    oversized_sha256: Of such a value: SHA-256 of all of it.
    traceparent: W3C trace context of the input's headers.
    gate_time: The time the core saw; never runs backwards in a lane.
    out_of_sync: True: the lane had waited lane_sync_ms_max for another input topic and went
        on.
    core_version: The core version that decided; replay must behave as this one.
    control_number: The last control record applied, this one included.
    outcome: What became of the input.
    reason_code: The decision's, the fact's flag, or the dead letter's reason.
    swept: The decisions (Avro bodies) on orders whose time was over by this gate time;
        taken before the input.
    decision: The decision's Avro body.
    outputs_digest: SHA-256 over the input's outputs: decisions on swept orders, decision,
        events, dead letter.
    state_digest: SHA-256(previous state_digest || the rows this input changed).
    """

    def __init__(
        self,
        lane: int,
        lane_sequence: int,
        previous_hash: bytes,
        source_topic: str,
        source_partition: int,
        source_offset: int,
        record_time: int,
        key: bytes | None,
        value: bytes | None,
        oversized_length: int | None,
        oversized_sha256: bytes | None,
        traceparent: str | None,
        gate_time: int,
        out_of_sync: bool,
        core_version: int,
        control_number: int,
        outcome: int,
        reason_code: str,
        swept: list[bytes],
        decision: bytes | None,
        outputs_digest: bytes,
        state_digest: bytes,
    ) -> None:
        self.lane: Final = lane
        self.lane_sequence: Final = lane_sequence
        self.previous_hash: Final = previous_hash
        self.source_topic: Final = source_topic
        self.source_partition: Final = source_partition
        self.source_offset: Final = source_offset
        self.record_time: Final = record_time
        self.key: Final = key
        self.value: Final = value
        self.oversized_length: Final = oversized_length
        self.oversized_sha256: Final = oversized_sha256
        self.traceparent: Final = traceparent
        self.gate_time: Final = gate_time
        self.out_of_sync: Final = out_of_sync
        self.core_version: Final = core_version
        self.control_number: Final = control_number
        self.outcome: Final = outcome
        self.reason_code: Final = reason_code
        self.swept: Final = swept
        self.decision: Final = decision
        self.outputs_digest: Final = outputs_digest
        self.state_digest: Final = state_digest


@mypyc_attr(acyclic=True, free_list_len=1)
class RegulatoryEvent:
    """What a report needs, with lineage. Topic regulatory-events, key tenant_id.

    tenant_id: The tenant.
    business_day: UTC day of gate time.
    event_type: RTS 24 Annex table 2 section G: NEWO, REMO (rejected), REME, CAME, CAMO,
        EXPI, PARF, FILL; ours: CXRQ cancel request, CXRJ cancel rejected, BUST and CORR
        trade cancel and correct, DPST, WDRQ, WDRJ, WDST, WDFL, STTL, ADJT money, DEFICIT,
        DEFICIT_CURED, ALERT, LATCH, HALT of a check, ODD (see reason_code), DAY_CLOSE.
    gate_time: When the lane took the input.
    event_time: The input's event_time.
    user_id: The account.
    order_id: The order.
    orig_order_id: The order a CANCEL refers to.
    instrument_id: The instrument.
    side: FIX Side (54).
    order_type: FIX OrdType (40).
    time_in_force: FIX TimeInForce (59).
    quantity_lots: The order's quantity in lots, 0 where there is none.
    price_e9: The order's price in 1e-9 price units.
    trader_id: The natural person who decided.
    algo_id: The algorithm.
    desk_id: The desk.
    counterparty_id: The counterparty.
    exec_id: The execution.
    venue: The venue.
    last_lots: Lots of this execution.
    last_price_e9: Its price in 1e-9 price units.
    currency: Of amount_minor.
    amount_minor: Money moved, or the deficit.
    reason_code: ACCEPTED, a reject reason, or a flag such as OVERFILL.
    lane: The lane: the partition number.
    lane_sequence: The gapless number of the input in its lane, from 1.
    source_topic: Lineage: the input's topic.
    source_offset: Lineage: its offset; its partition is the lane.
    input_hash: Lineage: SHA-256 of the input's bytes, which the audit record of this lane
        and sequence holds.
    lane_count: DAY_CLOSE: how many lanes there are.
    day_event_count: DAY_CLOSE: how many events of this tenant and day the lane has emitted,
        so that a reader knows when it has them all.
    """

    def __init__(
        self,
        tenant_id: str,
        business_day: int,
        event_type: str,
        gate_time: int,
        event_time: int,
        user_id: str | None,
        order_id: str | None,
        orig_order_id: str | None,
        instrument_id: str | None,
        side: int | None,
        order_type: int | None,
        time_in_force: int | None,
        quantity_lots: int,
        price_e9: int | None,
        trader_id: str | None,
        algo_id: str | None,
        desk_id: str | None,
        counterparty_id: str | None,
        exec_id: str | None,
        venue: str | None,
        last_lots: int,
        last_price_e9: int | None,
        currency: str | None,
        amount_minor: int | None,
        reason_code: str,
        lane: int,
        lane_sequence: int,
        source_topic: str,
        source_offset: int,
        input_hash: bytes,
        lane_count: int | None = None,
        day_event_count: int | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.business_day = business_day
        self.event_type = event_type
        self.gate_time = gate_time
        self.event_time = event_time
        self.user_id = user_id
        self.order_id = order_id
        self.orig_order_id = orig_order_id
        self.instrument_id = instrument_id
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.quantity_lots = quantity_lots
        self.price_e9 = price_e9
        self.trader_id = trader_id
        self.algo_id = algo_id
        self.desk_id = desk_id
        self.counterparty_id = counterparty_id
        self.exec_id = exec_id
        self.venue = venue
        self.last_lots = last_lots
        self.last_price_e9 = last_price_e9
        self.currency = currency
        self.amount_minor = amount_minor
        self.reason_code = reason_code
        self.lane = lane
        self.lane_sequence = lane_sequence
        self.source_topic = source_topic
        self.source_offset = source_offset
        self.input_hash = input_hash
        self.lane_count = lane_count
        self.day_event_count = day_event_count


@mypyc_attr(acyclic=True)
class DeadLetter:
    """An input that could not be read or placed. Topic dead-letters, partition = lane.

    gate_time: When the lane took it.
    reason_code: Why (docs/reasons.md).
    reason_text: The same for people, with the detail.
    source_topic: Where it lies: topic.
    source_partition: Partition.
    source_offset: Offset.
    record_time: Its Kafka time stamp.
    lane: The lane: the partition number.
    lane_sequence: The gapless number of the input in its lane, from 1.
    key: At most the first 1,024 bytes of its key.
    value: At most the first 65,536 bytes of it; the audit record has all.
    value_length: Its length in bytes.
    value_sha256: SHA-256 of all of it.
    """

    def __init__(
        self,
        gate_time: int,
        reason_code: str,
        reason_text: str,
        source_topic: str,
        source_partition: int,
        source_offset: int,
        record_time: int,
        lane: int,
        lane_sequence: int,
        key: bytes | None,
        value: bytes | None,
        value_length: int,
        value_sha256: bytes,
    ) -> None:
        self.gate_time: Final = gate_time
        self.reason_code: Final = reason_code
        self.reason_text: Final = reason_text
        self.source_topic: Final = source_topic
        self.source_partition: Final = source_partition
        self.source_offset: Final = source_offset
        self.record_time: Final = record_time
        self.lane: Final = lane
        self.lane_sequence: Final = lane_sequence
        self.key: Final = key
        self.value: Final = value
        self.value_length: Final = value_length
        self.value_sha256: Final = value_sha256


@mypyc_attr(acyclic=True)
class RegulatoryReport:
    """A part of a regulatory document. Topic regulatory-reports, key tenant_id.

    report_id: The document: kind, tenant and day.
    kind: ORDER_RECORD: the order events of a day.
    tenant_id: The tenant.
    business_day: The day.
    part: 1 ... parts.
    parts: How many parts the document has.
    event_count: Events in this part.
    content_type: application/xml.
    content: The part: a valid document by itself.
    content_sha256: SHA-256 of content.
    """

    def __init__(
        self,
        report_id: str,
        kind: str,
        tenant_id: str,
        business_day: int,
        part: int,
        parts: int,
        event_count: int,
        content_type: str,
        content: bytes,
        content_sha256: bytes,
    ) -> None:
        self.report_id: Final = report_id
        self.kind: Final = kind
        self.tenant_id: Final = tenant_id
        self.business_day: Final = business_day
        self.part: Final = part
        self.parts: Final = parts
        self.event_count: Final = event_count
        self.content_type: Final = content_type
        self.content: Final = content
        self.content_sha256: Final = content_sha256


@mypyc_attr(acyclic=True)
class RowUser:
    """Table row, key U user: what is particular to a user.

    registered: False: money or a fill arrived before the control record that makes the user
        known.
    account_tenant_id: The tenant.
    tier_id: The tier.
    trading_state: As set by control.
    version: Of the control record.
    orders_count: Distinct NEW orders seen.
    messages_count: Order records seen, repeats included.
    open_orders_count: Orders that hold something.
    deficit_count: Currencies in which held + pledged is above cash + covered: above 0, the
        user is REDUCING.
    rate_bucket: Index of the newest bucket of 125 ms (gate time / 125 ms).
    rate_counts: Accepted orders of the newest bucket and the 8 before it.
    activity_day: The business day of the four counts that follow.
    messages_today: Accepted orders, replaces and cancels.
    trades_today: Trades reported.
    instant_cancels_today: Accepted cancels of orders that had just been accepted.
    pushes_today: Accepted orders that bettered the price of the one before on their side.
    message_bucket: Index of the newest bucket of 125 ms with a message.
    message_counts: Accepted orders, replaces and cancels of the newest bucket and the 8
        before it.
    latched: Checks of severity LATCH that rejected an order and have not been released.
    halted_by: Checks of severity HALT that rejected an order and have not been released.
    """

    def __init__(
        self,
        registered: bool,
        account_tenant_id: str,
        tier_id: str,
        trading_state: int,
        version: int,
        orders_count: int,
        messages_count: int,
        open_orders_count: int,
        deficit_count: int,
        rate_bucket: int,
        rate_counts: list[int],
        activity_day: int,
        messages_today: int,
        trades_today: int,
        instant_cancels_today: int,
        pushes_today: int,
        message_bucket: int,
        message_counts: list[int],
        latched: list[str],
        halted_by: list[str],
    ) -> None:
        self.registered = registered
        self.account_tenant_id = account_tenant_id
        self.tier_id = tier_id
        self.trading_state = trading_state
        self.version = version
        self.orders_count = orders_count
        self.messages_count = messages_count
        self.open_orders_count = open_orders_count
        self.deficit_count = deficit_count
        self.rate_bucket = rate_bucket
        self.rate_counts = rate_counts
        self.activity_day = activity_day
        self.messages_today = messages_today
        self.trades_today = trades_today
        self.instant_cancels_today = instant_cancels_today
        self.pushes_today = pushes_today
        self.message_bucket = message_bucket
        self.message_counts = message_counts
        self.latched = latched
        self.halted_by = halted_by


@mypyc_attr(acyclic=True)
class RowBalance:
    """Table row, key B user currency: money. cash_minor = deposited - withdrawn + adjusted + traded - fees; available = cash - held - pledged + covered.

    cash_minor: Total.
    held_minor: Order holds + position margin + pending withdrawals.
    deposited_minor: Deposits so far.
    withdrawn_minor: Withdrawals settled so far.
    adjusted_minor: Settlements and adjustments so far, signed.
    traded_minor: Traded so far, signed: spot notional or realised profit.
    fees_minor: Fees so far, rebates negative.
    pending_withdrawals_minor: Part of held_minor: requested withdrawals.
    covered_minor: What pledges of other currencies cover here.
    covered_by: The currencies of these pledges, in order.
    pledged_minor: What is pledged of this currency for others.
    """

    def __init__(
        self,
        cash_minor: int,
        held_minor: int,
        deposited_minor: int,
        withdrawn_minor: int,
        adjusted_minor: int,
        traded_minor: int,
        fees_minor: int,
        pending_withdrawals_minor: int,
        covered_minor: int,
        covered_by: list[str],
        pledged_minor: int,
    ) -> None:
        self.cash_minor = cash_minor
        self.held_minor = held_minor
        self.deposited_minor = deposited_minor
        self.withdrawn_minor = withdrawn_minor
        self.adjusted_minor = adjusted_minor
        self.traded_minor = traded_minor
        self.fees_minor = fees_minor
        self.pending_withdrawals_minor = pending_withdrawals_minor
        self.covered_minor = covered_minor
        self.covered_by = covered_by
        self.pledged_minor = pledged_minor


@mypyc_attr(acyclic=True)
class RowPosition:
    """Table row, key P user instrument.

    position_lots: Signed net filled lots.
    working_buy_lots: Open lots of working buys.
    working_sell_lots: Open lots of working sells.
    margin_minor: FUTURE: margin held = margin_minor_per_lot x max(|position + working
        buys|, |position - working sells|).
    margin_currency: Its currency; empty when nothing was ever held.
    open_cost_e9: FUTURE: sum of price_e9 x lots of what is open, signed as the position
        (average cost).
    settled_on: FUTURE: the last session settled by price; -1 for none.
    """

    def __init__(
        self,
        position_lots: int,
        working_buy_lots: int,
        working_sell_lots: int,
        margin_minor: int,
        margin_currency: str,
        open_cost_e9: int,
        settled_on: int,
    ) -> None:
        self.position_lots = position_lots
        self.working_buy_lots = working_buy_lots
        self.working_sell_lots = working_sell_lots
        self.margin_minor = margin_minor
        self.margin_currency = margin_currency
        self.open_cost_e9 = open_cost_e9
        self.settled_on = settled_on


@mypyc_attr(acyclic=True)
class RowOrder:
    """Table row, key O user order: an accepted order that still holds something.

    tenant_id: The order's.
    instrument_id: The order's.
    side: The order's.
    order_type: The order's.
    time_in_force: The order's.
    quantity_lots: The order's, or that of the last REPLACE carried out.
    price_e9: The same; of a MARKET order the price it holds at.
    expires_at: The order's.
    current_order_id: The order id in force: of the last REPLACE that was carried out, else
        the order's own.
    pending_order_id: An accepted REPLACE that the venue has not answered: its order id.
    pending_quantity_lots: Its quantity; 0 without one.
    pending_price_e9: Its price; 0 without one.
    trader_id: The order's.
    algo_id: The order's.
    desk_id: The order's.
    counterparty_id: The order's.
    filled_lots: Lots of the fills applied.
    final_lots: cum_lots of the report that ended it (CANCELED, EXPIRED, REJECTED): what
        beyond filled_lots is still to come.
    acknowledged: The venue has reported on it.
    cancel_requested: A CANCEL was accepted.
    hold_minor: Held for it (spot: notional and fee, or base; future: fee).
    hold_currency: Of hold_minor.
    lane_sequence: Of its decision.
    accepted_at: Gate time of its decision.
    business_day: The open business day of its decision: a DAY order ends with it.
    touched_at: The later of its decision's gate time and its event_time.
    content_hash: SHA-256 of the order's canonical bytes.
    """

    def __init__(
        self,
        tenant_id: str,
        instrument_id: str,
        side: int,
        order_type: int,
        time_in_force: int,
        quantity_lots: int,
        price_e9: int,
        expires_at: int | None,
        current_order_id: str,
        pending_order_id: str | None,
        pending_quantity_lots: int,
        pending_price_e9: int,
        trader_id: str | None,
        algo_id: str | None,
        desk_id: str | None,
        counterparty_id: str | None,
        filled_lots: int,
        final_lots: int | None,
        acknowledged: bool,
        cancel_requested: bool,
        hold_minor: int,
        hold_currency: str,
        lane_sequence: int,
        accepted_at: int,
        business_day: int,
        touched_at: int,
        content_hash: bytes,
    ) -> None:
        self.tenant_id = tenant_id
        self.instrument_id = instrument_id
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.quantity_lots = quantity_lots
        self.price_e9 = price_e9
        self.expires_at = expires_at
        self.current_order_id = current_order_id
        self.pending_order_id = pending_order_id
        self.pending_quantity_lots = pending_quantity_lots
        self.pending_price_e9 = pending_price_e9
        self.trader_id = trader_id
        self.algo_id = algo_id
        self.desk_id = desk_id
        self.counterparty_id = counterparty_id
        self.filled_lots = filled_lots
        self.final_lots = final_lots
        self.acknowledged = acknowledged
        self.cancel_requested = cancel_requested
        self.hold_minor = hold_minor
        self.hold_currency = hold_currency
        self.lane_sequence = lane_sequence
        self.accepted_at = accepted_at
        self.business_day = business_day
        self.touched_at = touched_at
        self.content_hash = content_hash


@mypyc_attr(acyclic=True)
class RowDecision:
    """Table row, key D user order: a remembered decision whose order holds nothing: rejected, ended, or a cancel request.

    verdict: The answer.
    reason_code: The answer.
    lane_sequence: Of the answer.
    touched_at: When it was last touched: the later of gate time and the input's event_time.
        Counts until the lane's forgotten_before has passed it.
    content_hash: SHA-256 of the order's canonical bytes.
    root_order_id: Of an accepted CANCEL or REPLACE: the id under which the order is kept
        (that of its NEW).
    instrument_id: Of an ended order, for late fills.
    side: The same.
    filled_lots: The same.
    """

    def __init__(
        self,
        verdict: int,
        reason_code: str,
        lane_sequence: int,
        touched_at: int,
        content_hash: bytes,
        root_order_id: str | None,
        instrument_id: str | None,
        side: int | None,
        filled_lots: int,
    ) -> None:
        self.verdict = verdict
        self.reason_code = reason_code
        self.lane_sequence = lane_sequence
        self.touched_at = touched_at
        self.content_hash = content_hash
        self.root_order_id = root_order_id
        self.instrument_id = instrument_id
        self.side = side
        self.filled_lots = filled_lots


@mypyc_attr(acyclic=True)
class RowSeen:
    """Table row, key X user order venue exec, or T user deposit: an id that was applied.

    touched_at: When it was last touched: the later of gate time and the input's event_time.
        Counts until the lane's forgotten_before has passed it.
    lane_sequence: Where.
    instrument_id: Of a trade: what was traded.
    side: The same: FIX Side (54).
    lots: The same: lots; 0 for what was no trade.
    price_e9: The same: price in 1e-9 price units.
    fee_minor: The same: fee.
    superseded: Busted or corrected: it counts no more, and does not count when it comes
        now.
    """

    def __init__(
        self,
        touched_at: int,
        lane_sequence: int,
        instrument_id: str | None,
        side: int | None,
        lots: int,
        price_e9: int,
        fee_minor: int,
        superseded: bool,
    ) -> None:
        self.touched_at = touched_at
        self.lane_sequence = lane_sequence
        self.instrument_id = instrument_id
        self.side = side
        self.lots = lots
        self.price_e9 = price_e9
        self.fee_minor = fee_minor
        self.superseded = superseded


@mypyc_attr(acyclic=True)
class RowWithdrawal:
    """Table row, key W user withdrawal: a pending withdrawal.

    currency: Its currency.
    amount_minor: What it holds.
    gate_time: When it was requested.
    """

    def __init__(
        self,
        currency: str,
        amount_minor: int,
        gate_time: int,
    ) -> None:
        self.currency = currency
        self.amount_minor = amount_minor
        self.gate_time = gate_time


@mypyc_attr(acyclic=True)
class RowPledge:
    """Table row, key S user, covered currency, covering currency: money of one currency that secures what is needed in another.

    covered_minor: What it covers, in minor units of the covered currency.
    pledged_minor: What is pledged for that, in minor units of the covering currency.
    """

    def __init__(
        self,
        covered_minor: int,
        pledged_minor: int,
    ) -> None:
        self.covered_minor = covered_minor
        self.pledged_minor = pledged_minor


@mypyc_attr(acyclic=True)
class RowAlias:
    """Table row, key A user order: another id of a working order (its current one, or that of a REPLACE that is pending).

    root_order_id: The id under which the order is kept: that of its NEW.
    """

    def __init__(
        self,
        root_order_id: str,
    ) -> None:
        self.root_order_id = root_order_id


@mypyc_attr(acyclic=True)
class RowMark:
    """Table row, key M instrument: the latest mark.

    price_e9: The price.
    as_of: The earlier of its source time and the gate time it arrived at.
    """

    def __init__(
        self,
        price_e9: int,
        as_of: int,
    ) -> None:
        self.price_e9 = price_e9
        self.as_of = as_of


@mypyc_attr(acyclic=True)
class RowAlgorithm:
    """Table row, key J user, algorithm: how often an algorithm has traded since a person let it.

    executions_count: Trades of its orders.
    """

    def __init__(
        self,
        executions_count: int,
    ) -> None:
        self.executions_count = executions_count


@mypyc_attr(acyclic=True)
class RowRecent:
    """Table row, key E user, instrument: the last accepted orders, for SAME_CONTENT and PUSH.

    at: When each was accepted, oldest first; at most 16.
    lots: Its quantity, negative for a SELL.
    price_e9: Its price, 0 for a MARKET order.
    buy_price_e9: Price of the last accepted LIMIT BUY; 0: none.
    buy_at: When.
    sell_price_e9: Price of the last accepted LIMIT SELL; 0: none.
    sell_at: When.
    """

    def __init__(
        self,
        at: list[int],
        lots: list[int],
        price_e9: list[int],
        buy_price_e9: int,
        buy_at: int,
        sell_price_e9: int,
        sell_at: int,
    ) -> None:
        self.at = at
        self.lots = lots
        self.price_e9 = price_e9
        self.buy_price_e9 = buy_price_e9
        self.buy_at = buy_at
        self.sell_price_e9 = sell_price_e9
        self.sell_at = sell_at


@mypyc_attr(acyclic=True)
class RowBand:
    """Table row, key H instrument: the range of its marks in the last while, for PERIOD_COLLAR.

    width_us: Length of a bucket of gate time.
    bucket: Index of the newest bucket (gate time / width).
    low_e9: Lowest mark of the newest bucket and the 8 before it; 0: none.
    high_e9: Highest mark of each.
    """

    def __init__(
        self,
        width_us: int,
        bucket: int,
        low_e9: list[int],
        high_e9: list[int],
    ) -> None:
        self.width_us = width_us
        self.bucket = bucket
        self.low_e9 = low_e9
        self.high_e9 = high_e9


@mypyc_attr(acyclic=True)
class RowRestriction:
    """Table row, key N subject, id, instrument or empty: a restriction in force.

    version: Of the control record.
    """

    def __init__(
        self,
        version: int,
    ) -> None:
        self.version = version


@mypyc_attr(acyclic=True)
class RowResult:
    """Table row, key Y user, currency: what trading has brought, for DAILY_LOSS and DRAWDOWN.

    trading_minor: Money of all trades and settlements by price less fees, in instruments of
        the currency.
    day: The business day of what follows.
    opening_minor: The result as last valued before that day.
    last_minor: The result as last valued: trading_minor and open positions at their marks.
    peak_minor: The highest of the day.
    """

    def __init__(
        self,
        trading_minor: int,
        day: int,
        opening_minor: int,
        last_minor: int,
        peak_minor: int,
    ) -> None:
        self.trading_minor = trading_minor
        self.day = day
        self.opening_minor = opening_minor
        self.last_minor = last_minor
        self.peak_minor = peak_minor


@mypyc_attr(acyclic=True)
class RowHoldings:
    """Table row, key I user: where the user has a position or working orders.

    instrument_ids: The instruments, in order of id.
    """

    def __init__(
        self,
        instrument_ids: list[str],
    ) -> None:
        self.instrument_ids = instrument_ids


@mypyc_attr(acyclic=True)
class RowLane:
    """Table row, key L: which input the lane has applied. Written by every commit that advances the lane; recovery compares it with the group's offsets.

    lane: The lane.
    state_format: Version of the rows' meaning.
    applied: Input topic: highest offset applied.
    """

    def __init__(
        self,
        lane: int,
        state_format: int,
        applied: dict[str, int],
    ) -> None:
        self.lane = lane
        self.state_format = state_format
        self.applied = applied


@mypyc_attr(acyclic=True)
class RowGate:
    """Table row, key G: the head of a lane's serial line of work. Written by every commit that advances the lane.

    lane_sequence: Inputs applied.
    gate_time: Of the last one; -1 before the first.
    forgotten_before: Ids touched before this are forgotten, and inputs with an earlier
        event_time refused: the highest (gate time - dedup window) so far, or later where
        that left too many ids; it never goes back.
    remembered_until: Of each span of remembered ids, oldest first: none of them was touched
        later (microseconds since 1970).
    remembered_counts: Of each of these spans: how many ids were touched in it.
    ahead_until: The same of the spans of ids that were stamped ahead of gate time, soonest
        first.
    ahead_counts: Of each of these spans: how many ids were touched in it.
    chain_head: SHA-256 of the last audit record's Avro body; 32 zero bytes before the
        first.
    state_digest: Of the last input; 32 zero bytes before the first.
    control_number: Last control record applied.
    core_version: The core version in force: by whose rules the lane decides.
    business_day: The open business day (UTC, days since 1970); -1 before the first input.
    day_event_counts: Tenant: regulatory events emitted this business day.
    """

    def __init__(
        self,
        lane_sequence: int,
        gate_time: int,
        forgotten_before: int,
        remembered_until: list[int],
        remembered_counts: list[int],
        ahead_until: list[int],
        ahead_counts: list[int],
        chain_head: bytes,
        state_digest: bytes,
        control_number: int,
        core_version: int,
        business_day: int,
        day_event_counts: dict[str, int],
    ) -> None:
        self.lane_sequence = lane_sequence
        self.gate_time = gate_time
        self.forgotten_before = forgotten_before
        self.remembered_until = remembered_until
        self.remembered_counts = remembered_counts
        self.ahead_until = ahead_until
        self.ahead_counts = ahead_counts
        self.chain_head = chain_head
        self.state_digest = state_digest
        self.control_number = control_number
        self.core_version = core_version
        self.business_day = business_day
        self.day_event_counts = day_event_counts


@mypyc_attr(acyclic=True)
class RowReportDay:
    """Table row of the reporting step, key R tenant day: what is known of a business day.

    first_offset: Of the day's first event in its partition.
    last_offset: Of its last.
    event_count: Events seen.
    closed: Lane: how many events it says it has emitted.
    lane_count: How many lanes there are.
    reported: The document is out.
    """

    def __init__(
        self,
        first_offset: int,
        last_offset: int,
        event_count: int,
        closed: dict[str, int],
        lane_count: int,
        reported: bool,
    ) -> None:
        self.first_offset = first_offset
        self.last_offset = last_offset
        self.event_count = event_count
        self.closed = closed
        self.lane_count = lane_count
        self.reported = reported

