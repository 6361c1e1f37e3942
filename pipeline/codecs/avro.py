"""Avro codecs of the contract, generated from schemas/avro. Do not edit: `make generate`.

`write_X` appends the body of a record to a writer; `encode_X` returns it; `read_X` reads it at
a cursor; `decode_X` reads a whole value from `position` on and refuses what follows it. Maps
are written in key order, so equal values have equal bytes. Raises `MalformedAvro` for bad
bytes, OverflowError for an integer outside int64.
"""

# ruff: noqa: C901, E501, PLR0912, PLR0913, PLR0915 -- one function a record, as long as the record
from librt.strings import BytesWriter

from pipeline.codecs.primitives import (
    Reader,
    write_bytes,
    write_long,
    write_optional_bytes,
    write_optional_long,
    write_optional_string,
    write_string,
)
from pipeline.risk.records import (
    AuditRecord,
    CheckLimit,
    CheckPolicy,
    CheckResult,
    Collateral,
    Control,
    CoreVersion,
    Cover,
    DayClose,
    DeadLetter,
    Decision,
    Deposit,
    FeeSchedule,
    Fill,
    FirmState,
    Instrument,
    Limits,
    Listing,
    Mark,
    Order,
    Policy,
    RegulatoryEvent,
    RegulatoryReport,
    Release,
    Restriction,
    RowAlgorithm,
    RowAlias,
    RowBalance,
    RowBand,
    RowDecision,
    RowGate,
    RowHoldings,
    RowLane,
    RowMark,
    RowOrder,
    RowPledge,
    RowPosition,
    RowRecent,
    RowReportDay,
    RowRestriction,
    RowResult,
    RowSeen,
    RowUser,
    RowWithdrawal,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)


def write_order(w: BytesWriter, v: Order) -> None:
    """Append the body of a `order`."""
    encoded = v.encoded
    if encoded is None and v.kept:
        own = BytesWriter()
        _write_order_fields(own, v)
        encoded = own.getvalue()
        v.encoded = encoded
    if encoded is None:
        _write_order_fields(w, v)
    else:
        w.write(encoded)


def _write_order_fields(w: BytesWriter, v: Order) -> None:
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_long(w, v.action)
    write_string(w, v.order_id)
    write_optional_string(w, v.orig_order_id)
    write_string(w, v.user_id)
    write_string(w, v.instrument_id)
    write_long(w, v.side)
    write_long(w, v.order_type)
    write_long(w, v.time_in_force)
    write_long(w, v.quantity_lots)
    write_optional_long(w, v.price_e9)
    write_optional_long(w, v.expires_at)
    write_optional_string(w, v.trader_id)
    write_optional_string(w, v.algo_id)
    write_optional_string(w, v.desk_id)
    write_optional_string(w, v.counterparty_id)
    tags_ = v.tags
    if tags_:
        write_long(w, len(tags_))
        for tags_key in sorted(tags_):
            write_string(w, tags_key)
            write_string(w, tags_[tags_key])
    w.append(0)
    w.append(1 if v.reduce_only else 0)
    write_optional_long(w, v.short_mark)


def encode_order(v: Order) -> bytes:
    """The body of a `order`."""
    w = BytesWriter()
    write_order(w, v)
    return w.getvalue()


def read_order(r: Reader) -> Order:
    """A `order` at the cursor."""
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    action = r.symbol(3)
    order_id = r.string()
    orig_order_id = r.optional_string()
    user_id = r.string()
    instrument_id = r.string()
    side = r.symbol(2)
    order_type = r.symbol(2)
    time_in_force = r.symbol(4)
    quantity_lots = r.long()
    price_e9 = r.optional_long()
    expires_at = r.optional_long()
    trader_id = r.optional_string()
    algo_id = r.optional_string()
    desk_id = r.optional_string()
    counterparty_id = r.optional_string()
    tags: dict[str, str] = {}
    tags_last = ""
    tags_count = r.block()
    while tags_count > 0:
        for _ in range(tags_count):
            tags_key = r.string()
            if tags and tags_key <= tags_last:
                r.canonical = False
            tags_last = tags_key
            tags_item = r.string()
            tags[tags_key] = tags_item
        tags_count = r.block()
        if tags_count:
            r.canonical = False
    reduce_only = r.boolean()
    short_mark: int | None = None
    if r.present():
        short_mark = r.symbol(2)
    return Order(event_time, source_system_id, tenant_id, action, order_id, orig_order_id, user_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, expires_at, trader_id, algo_id, desk_id, counterparty_id, tags, reduce_only, short_mark)


def decode_order(data: bytes, position: int = 0) -> Order:
    """The `order` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_order(r)
    r.finish()
    if r.canonical:
        v.encoded = data[position:] if position else data
    return v


def write_fill(w: BytesWriter, v: Fill) -> None:
    """Append the body of a `fill`."""
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_string(w, v.exec_id)
    write_optional_string(w, v.exec_ref_id)
    write_string(w, v.order_id)
    write_optional_string(w, v.orig_order_id)
    write_string(w, v.user_id)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.side)
    write_long(w, v.exec_type)
    write_long(w, v.last_lots)
    write_optional_long(w, v.last_price_e9)
    write_long(w, v.cum_lots)
    write_long(w, v.leaves_lots)
    write_long(w, v.fee_minor)
    write_optional_string(w, v.trade_id)
    write_string(w, v.venue)


def encode_fill(v: Fill) -> bytes:
    """The body of a `fill`."""
    w = BytesWriter()
    write_fill(w, v)
    return w.getvalue()


def read_fill(r: Reader) -> Fill:
    """A `fill` at the cursor."""
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    exec_id = r.string()
    exec_ref_id = r.optional_string()
    order_id = r.string()
    orig_order_id = r.optional_string()
    user_id = r.string()
    instrument_id = r.optional_string()
    side: int | None = None
    if r.present():
        side = r.symbol(2)
    exec_type = r.symbol(10)
    last_lots = r.long()
    last_price_e9 = r.optional_long()
    cum_lots = r.long()
    leaves_lots = r.long()
    fee_minor = r.long()
    trade_id = r.optional_string()
    venue = r.string()
    return Fill(event_time, source_system_id, tenant_id, exec_id, exec_ref_id, order_id, orig_order_id, user_id, instrument_id, side, exec_type, last_lots, last_price_e9, cum_lots, leaves_lots, fee_minor, trade_id, venue)


def decode_fill(data: bytes, position: int = 0) -> Fill:
    """The `fill` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_fill(r)
    r.finish()
    return v


def write_deposit(w: BytesWriter, v: Deposit) -> None:
    """Append the body of a `deposit`."""
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_string(w, v.deposit_id)
    write_optional_string(w, v.withdrawal_id)
    write_string(w, v.user_id)
    write_string(w, v.currency)
    write_long(w, v.amount_minor)
    write_long(w, v.kind)
    write_optional_string(w, v.channel)
    write_optional_string(w, v.counterparty)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.settlement_price_e9)
    write_optional_long(w, v.session_date)


def encode_deposit(v: Deposit) -> bytes:
    """The body of a `deposit`."""
    w = BytesWriter()
    write_deposit(w, v)
    return w.getvalue()


def read_deposit(r: Reader) -> Deposit:
    """A `deposit` at the cursor."""
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    deposit_id = r.string()
    withdrawal_id = r.optional_string()
    user_id = r.string()
    currency = r.string()
    amount_minor = r.long()
    kind = r.symbol(6)
    channel = r.optional_string()
    counterparty = r.optional_string()
    instrument_id = r.optional_string()
    settlement_price_e9 = r.optional_long()
    session_date = r.optional_int32()
    return Deposit(event_time, source_system_id, tenant_id, deposit_id, withdrawal_id, user_id, currency, amount_minor, kind, channel, counterparty, instrument_id, settlement_price_e9, session_date)


def decode_deposit(data: bytes, position: int = 0) -> Deposit:
    """The `deposit` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_deposit(r)
    r.finish()
    return v


def write_mark(w: BytesWriter, v: Mark) -> None:
    """Append the body of a `mark`."""
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_string(w, v.instrument_id)
    write_long(w, v.price_e9)
    write_long(w, v.source_time)


def encode_mark(v: Mark) -> bytes:
    """The body of a `mark`."""
    w = BytesWriter()
    write_mark(w, v)
    return w.getvalue()


def read_mark(r: Reader) -> Mark:
    """A `mark` at the cursor."""
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    instrument_id = r.string()
    price_e9 = r.long()
    source_time = r.long()
    return Mark(event_time, source_system_id, tenant_id, instrument_id, price_e9, source_time)


def decode_mark(data: bytes, position: int = 0) -> Mark:
    """The `mark` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_mark(r)
    r.finish()
    return v


def write_instrument(w: BytesWriter, v: Instrument) -> None:
    """Append the body of a `instrument`."""
    write_string(w, v.instrument_id)
    write_long(w, v.kind)
    write_string(w, v.currency)
    write_optional_string(w, v.base_currency)
    write_long(w, v.base_minor_per_lot)
    write_long(w, v.tick_e9)
    write_long(w, v.lot)
    write_long(w, v.multiplier_numerator)
    write_long(w, v.multiplier_denominator)
    write_optional_long(w, v.margin_minor_per_lot)
    write_long(w, v.state)


def encode_instrument(v: Instrument) -> bytes:
    """The body of a `instrument`."""
    w = BytesWriter()
    write_instrument(w, v)
    return w.getvalue()


def read_instrument(r: Reader) -> Instrument:
    """A `instrument` at the cursor."""
    instrument_id = r.string()
    kind = r.symbol(3)
    currency = r.string()
    base_currency = r.optional_string()
    base_minor_per_lot = r.long()
    tick_e9 = r.long()
    lot = r.long()
    multiplier_numerator = r.long()
    multiplier_denominator = r.long()
    margin_minor_per_lot = r.optional_long()
    state = r.symbol(3)
    return Instrument(instrument_id, kind, currency, base_currency, base_minor_per_lot, tick_e9, lot, multiplier_numerator, multiplier_denominator, margin_minor_per_lot, state)


def decode_instrument(data: bytes, position: int = 0) -> Instrument:
    """The `instrument` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_instrument(r)
    r.finish()
    return v


def write_limits(w: BytesWriter, v: Limits) -> None:
    """Append the body of a `limits`."""
    write_long(w, v.scope)
    write_string(w, v.scope_id)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.order_rate_per_s_max)
    write_optional_long(w, v.order_quantity_lots_max)
    write_optional_long(w, v.order_notional_minor_max)
    write_optional_string(w, v.notional_currency)
    write_optional_long(w, v.position_lots_max)
    write_optional_long(w, v.price_collar_bps)
    write_optional_long(w, v.market_collar_bps)
    write_optional_long(w, v.short_lots_max)
    write_optional_string(w, v.locate_id)


def encode_limits(v: Limits) -> bytes:
    """The body of a `limits`."""
    w = BytesWriter()
    write_limits(w, v)
    return w.getvalue()


def read_limits(r: Reader) -> Limits:
    """A `limits` at the cursor."""
    scope = r.symbol(2)
    scope_id = r.string()
    instrument_id = r.optional_string()
    order_rate_per_s_max = r.optional_long()
    order_quantity_lots_max = r.optional_long()
    order_notional_minor_max = r.optional_long()
    notional_currency = r.optional_string()
    position_lots_max = r.optional_long()
    price_collar_bps = r.optional_long()
    market_collar_bps = r.optional_long()
    short_lots_max = r.optional_long()
    locate_id = r.optional_string()
    return Limits(scope, scope_id, instrument_id, order_rate_per_s_max, order_quantity_lots_max, order_notional_minor_max, notional_currency, position_lots_max, price_collar_bps, market_collar_bps, short_lots_max, locate_id)


def decode_limits(data: bytes, position: int = 0) -> Limits:
    """The `limits` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_limits(r)
    r.finish()
    return v


def write_user_account(w: BytesWriter, v: UserAccount) -> None:
    """Append the body of a `user_account`."""
    write_string(w, v.user_id)
    write_string(w, v.account_tenant_id)
    write_string(w, v.tier_id)
    write_long(w, v.trading_state)


def encode_user_account(v: UserAccount) -> bytes:
    """The body of a `user_account`."""
    w = BytesWriter()
    write_user_account(w, v)
    return w.getvalue()


def read_user_account(r: Reader) -> UserAccount:
    """A `user_account` at the cursor."""
    user_id = r.string()
    account_tenant_id = r.string()
    tier_id = r.string()
    trading_state = r.symbol(3)
    return UserAccount(user_id, account_tenant_id, tier_id, trading_state)


def decode_user_account(data: bytes, position: int = 0) -> UserAccount:
    """The `user_account` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_user_account(r)
    r.finish()
    return v


def write_firm_state(w: BytesWriter, v: FirmState) -> None:
    """Append the body of a `firm_state`."""
    write_long(w, v.trading_state)


def encode_firm_state(v: FirmState) -> bytes:
    """The body of a `firm_state`."""
    w = BytesWriter()
    write_firm_state(w, v)
    return w.getvalue()


def read_firm_state(r: Reader) -> FirmState:
    """A `firm_state` at the cursor."""
    trading_state = r.symbol(3)
    return FirmState(trading_state)


def decode_firm_state(data: bytes, position: int = 0) -> FirmState:
    """The `firm_state` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_firm_state(r)
    r.finish()
    return v


def write_fee_schedule(w: BytesWriter, v: FeeSchedule) -> None:
    """Append the body of a `fee_schedule`."""
    write_string(w, v.tier_id)
    write_optional_string(w, v.instrument_id)
    write_long(w, v.fee_per_lot_minor_max)
    write_long(w, v.fee_notional_bps_max)


def encode_fee_schedule(v: FeeSchedule) -> bytes:
    """The body of a `fee_schedule`."""
    w = BytesWriter()
    write_fee_schedule(w, v)
    return w.getvalue()


def read_fee_schedule(r: Reader) -> FeeSchedule:
    """A `fee_schedule` at the cursor."""
    tier_id = r.string()
    instrument_id = r.optional_string()
    fee_per_lot_minor_max = r.long()
    fee_notional_bps_max = r.long()
    return FeeSchedule(tier_id, instrument_id, fee_per_lot_minor_max, fee_notional_bps_max)


def decode_fee_schedule(data: bytes, position: int = 0) -> FeeSchedule:
    """The `fee_schedule` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_fee_schedule(r)
    r.finish()
    return v


def write_policy(w: BytesWriter, v: Policy) -> None:
    """Append the body of a `policy`."""
    write_long(w, v.order_age_ms_max)
    write_long(w, v.future_skew_ms_max)
    write_long(w, v.mark_age_ms_max)
    write_long(w, v.dedup_window_ms)
    write_long(w, v.remembered_ids_max)
    write_long(w, v.open_orders_max)
    write_long(w, v.orphan_ms_max)
    checks_exempt_ = v.checks_exempt
    if checks_exempt_:
        write_long(w, len(checks_exempt_))
        for checks_exempt_item in checks_exempt_:
            write_string(w, checks_exempt_item)
    w.append(0)


def encode_policy(v: Policy) -> bytes:
    """The body of a `policy`."""
    w = BytesWriter()
    write_policy(w, v)
    return w.getvalue()


def read_policy(r: Reader) -> Policy:
    """A `policy` at the cursor."""
    order_age_ms_max = r.long()
    future_skew_ms_max = r.long()
    mark_age_ms_max = r.long()
    dedup_window_ms = r.long()
    remembered_ids_max = r.long()
    open_orders_max = r.long()
    orphan_ms_max = r.long()
    checks_exempt: list[str] = []
    checks_exempt_count = r.block()
    while checks_exempt_count > 0:
        for _ in range(checks_exempt_count):
            checks_exempt_item = r.string()
            checks_exempt.append(checks_exempt_item)
        checks_exempt_count = r.block()
        if checks_exempt_count:
            r.canonical = False
    return Policy(order_age_ms_max, future_skew_ms_max, mark_age_ms_max, dedup_window_ms, remembered_ids_max, open_orders_max, orphan_ms_max, checks_exempt)


def decode_policy(data: bytes, position: int = 0) -> Policy:
    """The `policy` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_policy(r)
    r.finish()
    return v


def write_day_close(w: BytesWriter, v: DayClose) -> None:
    """Append the body of a `day_close`."""
    write_long(w, v.business_day)


def encode_day_close(v: DayClose) -> bytes:
    """The body of a `day_close`."""
    w = BytesWriter()
    write_day_close(w, v)
    return w.getvalue()


def read_day_close(r: Reader) -> DayClose:
    """A `day_close` at the cursor."""
    business_day = r.int32()
    return DayClose(business_day)


def decode_day_close(data: bytes, position: int = 0) -> DayClose:
    """The `day_close` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_day_close(r)
    r.finish()
    return v


def write_core_version(w: BytesWriter, v: CoreVersion) -> None:
    """Append the body of a `core_version`."""
    write_long(w, v.core_version)


def encode_core_version(v: CoreVersion) -> bytes:
    """The body of a `core_version`."""
    w = BytesWriter()
    write_core_version(w, v)
    return w.getvalue()


def read_core_version(r: Reader) -> CoreVersion:
    """A `core_version` at the cursor."""
    core_version = r.int32()
    return CoreVersion(core_version)


def decode_core_version(data: bytes, position: int = 0) -> CoreVersion:
    """The `core_version` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_core_version(r)
    r.finish()
    return v


def write_check_limit(w: BytesWriter, v: CheckLimit) -> None:
    """Append the body of a `check_limit`."""
    write_string(w, v.check)
    write_long(w, v.scope)
    write_string(w, v.scope_id)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.limit)
    write_optional_long(w, v.allowance)
    write_optional_string(w, v.currency)


def encode_check_limit(v: CheckLimit) -> bytes:
    """The body of a `check_limit`."""
    w = BytesWriter()
    write_check_limit(w, v)
    return w.getvalue()


def read_check_limit(r: Reader) -> CheckLimit:
    """A `check_limit` at the cursor."""
    check = r.string()
    scope = r.symbol(2)
    scope_id = r.string()
    instrument_id = r.optional_string()
    limit = r.optional_long()
    allowance = r.optional_long()
    currency = r.optional_string()
    return CheckLimit(check, scope, scope_id, instrument_id, limit, allowance, currency)


def decode_check_limit(data: bytes, position: int = 0) -> CheckLimit:
    """The `check_limit` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_check_limit(r)
    r.finish()
    return v


def write_check_policy(w: BytesWriter, v: CheckPolicy) -> None:
    """Append the body of a `check_policy`."""
    write_string(w, v.check)
    write_long(w, v.severity)
    write_optional_long(w, v.window_ms)


def encode_check_policy(v: CheckPolicy) -> bytes:
    """The body of a `check_policy`."""
    w = BytesWriter()
    write_check_policy(w, v)
    return w.getvalue()


def read_check_policy(r: Reader) -> CheckPolicy:
    """A `check_policy` at the cursor."""
    check = r.string()
    severity = r.symbol(4)
    window_ms = r.optional_long()
    return CheckPolicy(check, severity, window_ms)


def decode_check_policy(data: bytes, position: int = 0) -> CheckPolicy:
    """The `check_policy` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_check_policy(r)
    r.finish()
    return v


def write_scope_state(w: BytesWriter, v: ScopeState) -> None:
    """Append the body of a `scope_state`."""
    write_long(w, v.scope)
    write_string(w, v.scope_id)
    write_long(w, v.trading_state)


def encode_scope_state(v: ScopeState) -> bytes:
    """The body of a `scope_state`."""
    w = BytesWriter()
    write_scope_state(w, v)
    return w.getvalue()


def read_scope_state(r: Reader) -> ScopeState:
    """A `scope_state` at the cursor."""
    scope = r.symbol(3)
    scope_id = r.string()
    trading_state = r.symbol(3)
    return ScopeState(scope, scope_id, trading_state)


def decode_scope_state(data: bytes, position: int = 0) -> ScopeState:
    """The `scope_state` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_scope_state(r)
    r.finish()
    return v


def write_release(w: BytesWriter, v: Release) -> None:
    """Append the body of a `release`."""
    write_string(w, v.user_id)
    write_optional_string(w, v.algo_id)
    write_optional_string(w, v.check)


def encode_release(v: Release) -> bytes:
    """The body of a `release`."""
    w = BytesWriter()
    write_release(w, v)
    return w.getvalue()


def read_release(r: Reader) -> Release:
    """A `release` at the cursor."""
    user_id = r.string()
    algo_id = r.optional_string()
    check = r.optional_string()
    return Release(user_id, algo_id, check)


def decode_release(data: bytes, position: int = 0) -> Release:
    """The `release` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_release(r)
    r.finish()
    return v


def write_restriction(w: BytesWriter, v: Restriction) -> None:
    """Append the body of a `restriction`."""
    write_long(w, v.subject)
    ids_ = v.ids
    if ids_:
        write_long(w, len(ids_))
        for ids_item in ids_:
            write_string(w, ids_item)
    w.append(0)
    write_optional_string(w, v.instrument_id)
    w.append(1 if v.restricted else 0)


def encode_restriction(v: Restriction) -> bytes:
    """The body of a `restriction`."""
    w = BytesWriter()
    write_restriction(w, v)
    return w.getvalue()


def read_restriction(r: Reader) -> Restriction:
    """A `restriction` at the cursor."""
    subject = r.symbol(5)
    ids: list[str] = []
    ids_count = r.block()
    while ids_count > 0:
        for _ in range(ids_count):
            ids_item = r.string()
            ids.append(ids_item)
        ids_count = r.block()
        if ids_count:
            r.canonical = False
    instrument_id = r.optional_string()
    restricted = r.boolean()
    return Restriction(subject, ids, instrument_id, restricted)


def decode_restriction(data: bytes, position: int = 0) -> Restriction:
    """The `restriction` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_restriction(r)
    r.finish()
    return v


def write_session_calendar(w: BytesWriter, v: SessionCalendar) -> None:
    """Append the body of a `session_calendar`."""
    write_string(w, v.calendar_id)
    write_long(w, v.covers_from)
    write_long(w, v.covers_until)
    opens_ = v.opens
    if opens_:
        write_long(w, len(opens_))
        for opens_item in opens_:
            write_long(w, opens_item)
    w.append(0)
    closes_ = v.closes
    if closes_:
        write_long(w, len(closes_))
        for closes_item in closes_:
            write_long(w, closes_item)
    w.append(0)


def encode_session_calendar(v: SessionCalendar) -> bytes:
    """The body of a `session_calendar`."""
    w = BytesWriter()
    write_session_calendar(w, v)
    return w.getvalue()


def read_session_calendar(r: Reader) -> SessionCalendar:
    """A `session_calendar` at the cursor."""
    calendar_id = r.string()
    covers_from = r.long()
    covers_until = r.long()
    opens: list[int] = []
    opens_count = r.block()
    while opens_count > 0:
        for _ in range(opens_count):
            opens_item = r.long()
            opens.append(opens_item)
        opens_count = r.block()
        if opens_count:
            r.canonical = False
    closes: list[int] = []
    closes_count = r.block()
    while closes_count > 0:
        for _ in range(closes_count):
            closes_item = r.long()
            closes.append(closes_item)
        closes_count = r.block()
        if closes_count:
            r.canonical = False
    return SessionCalendar(calendar_id, covers_from, covers_until, opens, closes)


def decode_session_calendar(data: bytes, position: int = 0) -> SessionCalendar:
    """The `session_calendar` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_session_calendar(r)
    r.finish()
    return v


def write_listing(w: BytesWriter, v: Listing) -> None:
    """Append the body of a `listing`."""
    write_string(w, v.instrument_id)
    write_optional_string(w, v.sector_id)
    write_optional_string(w, v.calendar_id)


def encode_listing(v: Listing) -> bytes:
    """The body of a `listing`."""
    w = BytesWriter()
    write_listing(w, v)
    return w.getvalue()


def read_listing(r: Reader) -> Listing:
    """A `listing` at the cursor."""
    instrument_id = r.string()
    sector_id = r.optional_string()
    calendar_id = r.optional_string()
    return Listing(instrument_id, sector_id, calendar_id)


def decode_listing(data: bytes, position: int = 0) -> Listing:
    """The `listing` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_listing(r)
    r.finish()
    return v


def write_rule(w: BytesWriter, v: Rule) -> None:
    """Append the body of a `rule`."""
    write_string(w, v.rule_id)
    write_string(w, v.expression)
    write_long(w, v.severity)
    w.append(1 if v.enabled else 0)


def encode_rule(v: Rule) -> bytes:
    """The body of a `rule`."""
    w = BytesWriter()
    write_rule(w, v)
    return w.getvalue()


def read_rule(r: Reader) -> Rule:
    """A `rule` at the cursor."""
    rule_id = r.string()
    expression = r.string()
    severity = r.symbol(4)
    enabled = r.boolean()
    return Rule(rule_id, expression, severity, enabled)


def decode_rule(data: bytes, position: int = 0) -> Rule:
    """The `rule` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_rule(r)
    r.finish()
    return v


def write_collateral(w: BytesWriter, v: Collateral) -> None:
    """Append the body of a `collateral`."""
    write_string(w, v.tier_id)
    write_string(w, v.currency)
    write_long(w, v.haircut_bps)


def encode_collateral(v: Collateral) -> bytes:
    """The body of a `collateral`."""
    w = BytesWriter()
    write_collateral(w, v)
    return w.getvalue()


def read_collateral(r: Reader) -> Collateral:
    """A `collateral` at the cursor."""
    tier_id = r.string()
    currency = r.string()
    haircut_bps = r.long()
    return Collateral(tier_id, currency, haircut_bps)


def decode_collateral(data: bytes, position: int = 0) -> Collateral:
    """The `collateral` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_collateral(r)
    r.finish()
    return v


def write_control(w: BytesWriter, v: Control) -> None:
    """Append the body of a `control`."""
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_long(w, v.number)
    write_long(w, v.version)
    write_string(w, v.proposer)
    write_optional_string(w, v.approver)
    write_string(w, v.reason)
    write_long(w, v.effective_from)
    write_optional_bytes(w, v.signature)
    payload_ = v.payload
    if isinstance(payload_, Instrument):
        w.append(0)
        write_instrument(w, payload_)
    elif isinstance(payload_, Limits):
        w.append(2)
        write_limits(w, payload_)
    elif isinstance(payload_, UserAccount):
        w.append(4)
        write_user_account(w, payload_)
    elif isinstance(payload_, FirmState):
        w.append(6)
        write_firm_state(w, payload_)
    elif isinstance(payload_, FeeSchedule):
        w.append(8)
        write_fee_schedule(w, payload_)
    elif isinstance(payload_, Policy):
        w.append(10)
        write_policy(w, payload_)
    elif isinstance(payload_, DayClose):
        w.append(12)
        write_day_close(w, payload_)
    elif isinstance(payload_, CoreVersion):
        w.append(14)
        write_core_version(w, payload_)
    elif isinstance(payload_, CheckLimit):
        w.append(16)
        write_check_limit(w, payload_)
    elif isinstance(payload_, CheckPolicy):
        w.append(18)
        write_check_policy(w, payload_)
    elif isinstance(payload_, ScopeState):
        w.append(20)
        write_scope_state(w, payload_)
    elif isinstance(payload_, Release):
        w.append(22)
        write_release(w, payload_)
    elif isinstance(payload_, Restriction):
        w.append(24)
        write_restriction(w, payload_)
    elif isinstance(payload_, SessionCalendar):
        w.append(26)
        write_session_calendar(w, payload_)
    elif isinstance(payload_, Listing):
        w.append(28)
        write_listing(w, payload_)
    elif isinstance(payload_, Rule):
        w.append(30)
        write_rule(w, payload_)
    elif isinstance(payload_, Collateral):
        w.append(32)
        write_collateral(w, payload_)


def encode_control(v: Control) -> bytes:
    """The body of a `control`."""
    w = BytesWriter()
    write_control(w, v)
    return w.getvalue()


def read_control(r: Reader) -> Control:
    """A `control` at the cursor."""
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    number = r.long()
    version = r.long()
    proposer = r.string()
    approver = r.optional_string()
    reason = r.string()
    effective_from = r.long()
    signature = r.optional_raw()
    payload_branch = r.symbol(17)
    payload: Instrument | Limits | UserAccount | FirmState | FeeSchedule | Policy | DayClose | CoreVersion | CheckLimit | CheckPolicy | ScopeState | Release | Restriction | SessionCalendar | Listing | Rule | Collateral
    if payload_branch == 0:
        payload = read_instrument(r)
    elif payload_branch == 1:
        payload = read_limits(r)
    elif payload_branch == 2:
        payload = read_user_account(r)
    elif payload_branch == 3:
        payload = read_firm_state(r)
    elif payload_branch == 4:
        payload = read_fee_schedule(r)
    elif payload_branch == 5:
        payload = read_policy(r)
    elif payload_branch == 6:
        payload = read_day_close(r)
    elif payload_branch == 7:
        payload = read_core_version(r)
    elif payload_branch == 8:
        payload = read_check_limit(r)
    elif payload_branch == 9:
        payload = read_check_policy(r)
    elif payload_branch == 10:
        payload = read_scope_state(r)
    elif payload_branch == 11:
        payload = read_release(r)
    elif payload_branch == 12:
        payload = read_restriction(r)
    elif payload_branch == 13:
        payload = read_session_calendar(r)
    elif payload_branch == 14:
        payload = read_listing(r)
    elif payload_branch == 15:
        payload = read_rule(r)
    else:
        payload = read_collateral(r)
    return Control(event_time, source_system_id, tenant_id, number, version, proposer, approver, reason, effective_from, signature, payload)


def decode_control(data: bytes, position: int = 0) -> Control:
    """The `control` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_control(r)
    r.finish()
    return v


def write_check_result(w: BytesWriter, v: CheckResult) -> None:
    """Append the body of a `check_result`."""
    encoded = v.encoded
    if encoded is None and v.kept:
        own = BytesWriter()
        _write_check_result_fields(own, v)
        encoded = own.getvalue()
        v.encoded = encoded
    if encoded is None:
        _write_check_result_fields(w, v)
    else:
        w.write(encoded)


def _write_check_result_fields(w: BytesWriter, v: CheckResult) -> None:
    write_string(w, v.check)
    write_long(w, v.result)
    write_optional_string(w, v.reason_code)
    write_optional_long(w, v.observed)
    write_optional_long(w, v.limit)
    write_optional_long(w, v.limit_version)
    write_optional_long(w, v.headroom)


def encode_check_result(v: CheckResult) -> bytes:
    """The body of a `check_result`."""
    w = BytesWriter()
    write_check_result(w, v)
    return w.getvalue()


def read_check_result(r: Reader) -> CheckResult:
    """A `check_result` at the cursor."""
    check = r.string()
    result = r.symbol(5)
    reason_code = r.optional_string()
    observed = r.optional_long()
    limit = r.optional_long()
    limit_version = r.optional_long()
    headroom = r.optional_long()
    return CheckResult(check, result, reason_code, observed, limit, limit_version, headroom)


def decode_check_result(data: bytes, position: int = 0) -> CheckResult:
    """The `check_result` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_check_result(r)
    r.finish()
    if r.canonical:
        v.encoded = data[position:] if position else data
    return v


def write_cover(w: BytesWriter, v: Cover) -> None:
    """Append the body of a `cover`."""
    write_string(w, v.currency)
    write_long(w, v.covered_minor)
    write_long(w, v.pledged_minor)
    write_long(w, v.haircut_bps)
    write_long(w, v.collateral_version)
    write_string(w, v.fx_instrument_id)
    write_long(w, v.fx_price_e9)
    write_long(w, v.fx_as_of)


def encode_cover(v: Cover) -> bytes:
    """The body of a `cover`."""
    w = BytesWriter()
    write_cover(w, v)
    return w.getvalue()


def read_cover(r: Reader) -> Cover:
    """A `cover` at the cursor."""
    currency = r.string()
    covered_minor = r.long()
    pledged_minor = r.long()
    haircut_bps = r.long()
    collateral_version = r.long()
    fx_instrument_id = r.string()
    fx_price_e9 = r.long()
    fx_as_of = r.long()
    return Cover(currency, covered_minor, pledged_minor, haircut_bps, collateral_version, fx_instrument_id, fx_price_e9, fx_as_of)


def decode_cover(data: bytes, position: int = 0) -> Cover:
    """The `cover` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_cover(r)
    r.finish()
    return v


def write_decision(w: BytesWriter, v: Decision) -> None:
    """Append the body of a `decision`."""
    write_long(w, v.gate_time)
    write_long(w, v.event_time)
    write_string(w, v.source_system_id)
    write_string(w, v.tenant_id)
    write_string(w, v.user_id)
    write_string(w, v.order_id)
    write_optional_string(w, v.orig_order_id)
    write_long(w, v.action)
    write_long(w, v.origin)
    write_long(w, v.verdict)
    write_string(w, v.reason_code)
    write_string(w, v.reason_text)
    write_optional_long(w, v.ord_rej_reason)
    write_long(w, v.lane)
    write_long(w, v.lane_sequence)
    write_optional_long(w, v.duplicate_of)
    write_string(w, v.source_topic)
    write_long(w, v.source_offset)
    write_long(w, v.control_number)
    write_long(w, v.core_version)
    checks_ = v.checks
    if checks_:
        write_long(w, len(checks_))
        for checks_item in checks_:
            checks_bytes = checks_item.encoded
            if checks_bytes is None:
                write_check_result(w, checks_item)
            else:
                w.write(checks_bytes)
    w.append(0)
    write_optional_string(w, v.hold_currency)
    write_long(w, v.hold_minor)
    write_optional_long(w, v.protection_price_e9)
    write_optional_string(w, v.fx_instrument_id)
    write_optional_long(w, v.fx_price_e9)
    write_optional_long(w, v.fx_as_of)
    cover_ = v.cover
    if cover_:
        write_long(w, len(cover_))
        for cover_item in cover_:
            write_cover(w, cover_item)
    w.append(0)
    order_ = v.order
    if order_ is None:
        w.append(0)
    else:
        w.append(2)
        write_order(w, order_)
    write_optional_string(w, v.traceparent)
    write_optional_long(w, v.passing_lots_max)


def encode_decision(v: Decision) -> bytes:
    """The body of a `decision`."""
    w = BytesWriter()
    write_decision(w, v)
    return w.getvalue()


def read_decision(r: Reader) -> Decision:
    """A `decision` at the cursor."""
    gate_time = r.long()
    event_time = r.long()
    source_system_id = r.string()
    tenant_id = r.string()
    user_id = r.string()
    order_id = r.string()
    orig_order_id = r.optional_string()
    action = r.symbol(3)
    origin = r.symbol(3)
    verdict = r.symbol(2)
    reason_code = r.string()
    reason_text = r.string()
    ord_rej_reason = r.optional_int32()
    lane = r.int32()
    lane_sequence = r.long()
    duplicate_of = r.optional_long()
    source_topic = r.string()
    source_offset = r.long()
    control_number = r.long()
    core_version = r.int32()
    checks: list[CheckResult] = []
    checks_count = r.block()
    while checks_count > 0:
        for _ in range(checks_count):
            checks_item = read_check_result(r)
            checks.append(checks_item)
        checks_count = r.block()
        if checks_count:
            r.canonical = False
    hold_currency = r.optional_string()
    hold_minor = r.long()
    protection_price_e9 = r.optional_long()
    fx_instrument_id = r.optional_string()
    fx_price_e9 = r.optional_long()
    fx_as_of = r.optional_long()
    cover: list[Cover] = []
    cover_count = r.block()
    while cover_count > 0:
        for _ in range(cover_count):
            cover_item = read_cover(r)
            cover.append(cover_item)
        cover_count = r.block()
        if cover_count:
            r.canonical = False
    order: Order | None = None
    if r.present():
        order = read_order(r)
    traceparent = r.optional_string()
    passing_lots_max = r.optional_long()
    return Decision(gate_time, event_time, source_system_id, tenant_id, user_id, order_id, orig_order_id, action, origin, verdict, reason_code, reason_text, ord_rej_reason, lane, lane_sequence, duplicate_of, source_topic, source_offset, control_number, core_version, checks, hold_currency, hold_minor, protection_price_e9, fx_instrument_id, fx_price_e9, fx_as_of, cover, order, traceparent, passing_lots_max)


def decode_decision(data: bytes, position: int = 0) -> Decision:
    """The `decision` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_decision(r)
    r.finish()
    return v


def write_audit_record(w: BytesWriter, v: AuditRecord) -> None:
    """Append the body of a `audit_record`."""
    write_audit_record_of(
        w,
        v.lane,
        v.lane_sequence,
        v.previous_hash,
        v.source_topic,
        v.source_partition,
        v.source_offset,
        v.record_time,
        v.key,
        v.value,
        v.oversized_length,
        v.oversized_sha256,
        v.traceparent,
        v.gate_time,
        v.out_of_sync,
        v.core_version,
        v.control_number,
        v.outcome,
        v.reason_code,
        v.swept,
        v.decision,
        v.outputs_digest,
        v.state_digest,
    )


def write_audit_record_of(
    w: BytesWriter,
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
    """Append the body of the `audit_record` that has these fields."""
    write_long(w, lane)
    write_long(w, lane_sequence)
    write_bytes(w, previous_hash)
    write_string(w, source_topic)
    write_long(w, source_partition)
    write_long(w, source_offset)
    write_long(w, record_time)
    write_optional_bytes(w, key)
    write_optional_bytes(w, value)
    write_optional_long(w, oversized_length)
    write_optional_bytes(w, oversized_sha256)
    write_optional_string(w, traceparent)
    write_long(w, gate_time)
    w.append(1 if out_of_sync else 0)
    write_long(w, core_version)
    write_long(w, control_number)
    write_long(w, outcome)
    write_string(w, reason_code)
    swept_ = swept
    if swept_:
        write_long(w, len(swept_))
        for swept_item in swept_:
            write_bytes(w, swept_item)
    w.append(0)
    write_optional_bytes(w, decision)
    write_bytes(w, outputs_digest)
    write_bytes(w, state_digest)


def encode_audit_record(v: AuditRecord) -> bytes:
    """The body of a `audit_record`."""
    w = BytesWriter()
    write_audit_record(w, v)
    return w.getvalue()


def read_audit_record(r: Reader) -> AuditRecord:
    """A `audit_record` at the cursor."""
    lane = r.int32()
    lane_sequence = r.long()
    previous_hash = r.raw()
    source_topic = r.string()
    source_partition = r.int32()
    source_offset = r.long()
    record_time = r.long()
    key = r.optional_raw()
    value = r.optional_raw()
    oversized_length = r.optional_long()
    oversized_sha256 = r.optional_raw()
    traceparent = r.optional_string()
    gate_time = r.long()
    out_of_sync = r.boolean()
    core_version = r.int32()
    control_number = r.long()
    outcome = r.symbol(4)
    reason_code = r.string()
    swept: list[bytes] = []
    swept_count = r.block()
    while swept_count > 0:
        for _ in range(swept_count):
            swept_item = r.raw()
            swept.append(swept_item)
        swept_count = r.block()
        if swept_count:
            r.canonical = False
    decision = r.optional_raw()
    outputs_digest = r.raw()
    state_digest = r.raw()
    return AuditRecord(lane, lane_sequence, previous_hash, source_topic, source_partition, source_offset, record_time, key, value, oversized_length, oversized_sha256, traceparent, gate_time, out_of_sync, core_version, control_number, outcome, reason_code, swept, decision, outputs_digest, state_digest)


def decode_audit_record(data: bytes, position: int = 0) -> AuditRecord:
    """The `audit_record` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_audit_record(r)
    r.finish()
    return v


def write_regulatory_event(w: BytesWriter, v: RegulatoryEvent) -> None:
    """Append the body of a `regulatory_event`."""
    write_string(w, v.tenant_id)
    write_long(w, v.business_day)
    write_string(w, v.event_type)
    write_long(w, v.gate_time)
    write_long(w, v.event_time)
    write_optional_string(w, v.user_id)
    write_optional_string(w, v.order_id)
    write_optional_string(w, v.orig_order_id)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.side)
    write_optional_long(w, v.order_type)
    write_optional_long(w, v.time_in_force)
    write_long(w, v.quantity_lots)
    write_optional_long(w, v.price_e9)
    write_optional_string(w, v.trader_id)
    write_optional_string(w, v.algo_id)
    write_optional_string(w, v.desk_id)
    write_optional_string(w, v.counterparty_id)
    write_optional_string(w, v.exec_id)
    write_optional_string(w, v.venue)
    write_long(w, v.last_lots)
    write_optional_long(w, v.last_price_e9)
    write_optional_string(w, v.currency)
    write_optional_long(w, v.amount_minor)
    write_string(w, v.reason_code)
    write_long(w, v.lane)
    write_long(w, v.lane_sequence)
    write_string(w, v.source_topic)
    write_long(w, v.source_offset)
    write_bytes(w, v.input_hash)
    write_optional_long(w, v.lane_count)
    write_optional_long(w, v.day_event_count)


def encode_regulatory_event(v: RegulatoryEvent) -> bytes:
    """The body of a `regulatory_event`."""
    w = BytesWriter()
    write_regulatory_event(w, v)
    return w.getvalue()


def read_regulatory_event(r: Reader) -> RegulatoryEvent:
    """A `regulatory_event` at the cursor."""
    tenant_id = r.string()
    business_day = r.int32()
    event_type = r.string()
    gate_time = r.long()
    event_time = r.long()
    user_id = r.optional_string()
    order_id = r.optional_string()
    orig_order_id = r.optional_string()
    instrument_id = r.optional_string()
    side: int | None = None
    if r.present():
        side = r.symbol(2)
    order_type: int | None = None
    if r.present():
        order_type = r.symbol(2)
    time_in_force: int | None = None
    if r.present():
        time_in_force = r.symbol(4)
    quantity_lots = r.long()
    price_e9 = r.optional_long()
    trader_id = r.optional_string()
    algo_id = r.optional_string()
    desk_id = r.optional_string()
    counterparty_id = r.optional_string()
    exec_id = r.optional_string()
    venue = r.optional_string()
    last_lots = r.long()
    last_price_e9 = r.optional_long()
    currency = r.optional_string()
    amount_minor = r.optional_long()
    reason_code = r.string()
    lane = r.int32()
    lane_sequence = r.long()
    source_topic = r.string()
    source_offset = r.long()
    input_hash = r.raw()
    lane_count = r.optional_int32()
    day_event_count = r.optional_long()
    return RegulatoryEvent(tenant_id, business_day, event_type, gate_time, event_time, user_id, order_id, orig_order_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, trader_id, algo_id, desk_id, counterparty_id, exec_id, venue, last_lots, last_price_e9, currency, amount_minor, reason_code, lane, lane_sequence, source_topic, source_offset, input_hash, lane_count, day_event_count)


def decode_regulatory_event(data: bytes, position: int = 0) -> RegulatoryEvent:
    """The `regulatory_event` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_regulatory_event(r)
    r.finish()
    return v


def write_dead_letter(w: BytesWriter, v: DeadLetter) -> None:
    """Append the body of a `dead_letter`."""
    write_long(w, v.gate_time)
    write_string(w, v.reason_code)
    write_string(w, v.reason_text)
    write_string(w, v.source_topic)
    write_long(w, v.source_partition)
    write_long(w, v.source_offset)
    write_long(w, v.record_time)
    write_long(w, v.lane)
    write_long(w, v.lane_sequence)
    write_optional_bytes(w, v.key)
    write_optional_bytes(w, v.value)
    write_long(w, v.value_length)
    write_bytes(w, v.value_sha256)


def encode_dead_letter(v: DeadLetter) -> bytes:
    """The body of a `dead_letter`."""
    w = BytesWriter()
    write_dead_letter(w, v)
    return w.getvalue()


def read_dead_letter(r: Reader) -> DeadLetter:
    """A `dead_letter` at the cursor."""
    gate_time = r.long()
    reason_code = r.string()
    reason_text = r.string()
    source_topic = r.string()
    source_partition = r.int32()
    source_offset = r.long()
    record_time = r.long()
    lane = r.int32()
    lane_sequence = r.long()
    key = r.optional_raw()
    value = r.optional_raw()
    value_length = r.long()
    value_sha256 = r.raw()
    return DeadLetter(gate_time, reason_code, reason_text, source_topic, source_partition, source_offset, record_time, lane, lane_sequence, key, value, value_length, value_sha256)


def decode_dead_letter(data: bytes, position: int = 0) -> DeadLetter:
    """The `dead_letter` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_dead_letter(r)
    r.finish()
    return v


def write_regulatory_report(w: BytesWriter, v: RegulatoryReport) -> None:
    """Append the body of a `regulatory_report`."""
    write_string(w, v.report_id)
    write_string(w, v.kind)
    write_string(w, v.tenant_id)
    write_long(w, v.business_day)
    write_long(w, v.part)
    write_long(w, v.parts)
    write_long(w, v.event_count)
    write_string(w, v.content_type)
    write_bytes(w, v.content)
    write_bytes(w, v.content_sha256)


def encode_regulatory_report(v: RegulatoryReport) -> bytes:
    """The body of a `regulatory_report`."""
    w = BytesWriter()
    write_regulatory_report(w, v)
    return w.getvalue()


def read_regulatory_report(r: Reader) -> RegulatoryReport:
    """A `regulatory_report` at the cursor."""
    report_id = r.string()
    kind = r.string()
    tenant_id = r.string()
    business_day = r.int32()
    part = r.int32()
    parts = r.int32()
    event_count = r.long()
    content_type = r.string()
    content = r.raw()
    content_sha256 = r.raw()
    return RegulatoryReport(report_id, kind, tenant_id, business_day, part, parts, event_count, content_type, content, content_sha256)


def decode_regulatory_report(data: bytes, position: int = 0) -> RegulatoryReport:
    """The `regulatory_report` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_regulatory_report(r)
    r.finish()
    return v


def write_row_user(w: BytesWriter, v: RowUser) -> None:
    """Append the body of a `row_user`."""
    w.append(1 if v.registered else 0)
    write_string(w, v.account_tenant_id)
    write_string(w, v.tier_id)
    write_long(w, v.trading_state)
    write_long(w, v.version)
    write_long(w, v.orders_count)
    write_long(w, v.messages_count)
    write_long(w, v.open_orders_count)
    write_long(w, v.deficit_count)
    write_long(w, v.rate_bucket)
    rate_counts_ = v.rate_counts
    if rate_counts_:
        write_long(w, len(rate_counts_))
        for rate_counts_item in rate_counts_:
            write_long(w, rate_counts_item)
    w.append(0)
    write_long(w, v.activity_day)
    write_long(w, v.messages_today)
    write_long(w, v.trades_today)
    write_long(w, v.instant_cancels_today)
    write_long(w, v.pushes_today)
    write_long(w, v.message_bucket)
    message_counts_ = v.message_counts
    if message_counts_:
        write_long(w, len(message_counts_))
        for message_counts_item in message_counts_:
            write_long(w, message_counts_item)
    w.append(0)
    latched_ = v.latched
    if latched_:
        write_long(w, len(latched_))
        for latched_item in latched_:
            write_string(w, latched_item)
    w.append(0)
    halted_by_ = v.halted_by
    if halted_by_:
        write_long(w, len(halted_by_))
        for halted_by_item in halted_by_:
            write_string(w, halted_by_item)
    w.append(0)


def encode_row_user(v: RowUser) -> bytes:
    """The body of a `row_user`."""
    w = BytesWriter()
    write_row_user(w, v)
    return w.getvalue()


def read_row_user(r: Reader) -> RowUser:
    """A `row_user` at the cursor."""
    registered = r.boolean()
    account_tenant_id = r.string()
    tier_id = r.string()
    trading_state = r.symbol(3)
    version = r.long()
    orders_count = r.long()
    messages_count = r.long()
    open_orders_count = r.long()
    deficit_count = r.long()
    rate_bucket = r.long()
    rate_counts: list[int] = []
    rate_counts_count = r.block()
    while rate_counts_count > 0:
        for _ in range(rate_counts_count):
            rate_counts_item = r.int32()
            rate_counts.append(rate_counts_item)
        rate_counts_count = r.block()
        if rate_counts_count:
            r.canonical = False
    activity_day = r.int32()
    messages_today = r.long()
    trades_today = r.long()
    instant_cancels_today = r.long()
    pushes_today = r.long()
    message_bucket = r.long()
    message_counts: list[int] = []
    message_counts_count = r.block()
    while message_counts_count > 0:
        for _ in range(message_counts_count):
            message_counts_item = r.int32()
            message_counts.append(message_counts_item)
        message_counts_count = r.block()
        if message_counts_count:
            r.canonical = False
    latched: list[str] = []
    latched_count = r.block()
    while latched_count > 0:
        for _ in range(latched_count):
            latched_item = r.string()
            latched.append(latched_item)
        latched_count = r.block()
        if latched_count:
            r.canonical = False
    halted_by: list[str] = []
    halted_by_count = r.block()
    while halted_by_count > 0:
        for _ in range(halted_by_count):
            halted_by_item = r.string()
            halted_by.append(halted_by_item)
        halted_by_count = r.block()
        if halted_by_count:
            r.canonical = False
    return RowUser(registered, account_tenant_id, tier_id, trading_state, version, orders_count, messages_count, open_orders_count, deficit_count, rate_bucket, rate_counts, activity_day, messages_today, trades_today, instant_cancels_today, pushes_today, message_bucket, message_counts, latched, halted_by)


def decode_row_user(data: bytes, position: int = 0) -> RowUser:
    """The `row_user` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_user(r)
    r.finish()
    return v


def write_row_balance(w: BytesWriter, v: RowBalance) -> None:
    """Append the body of a `row_balance`."""
    write_long(w, v.cash_minor)
    write_long(w, v.held_minor)
    write_long(w, v.deposited_minor)
    write_long(w, v.withdrawn_minor)
    write_long(w, v.adjusted_minor)
    write_long(w, v.traded_minor)
    write_long(w, v.fees_minor)
    write_long(w, v.pending_withdrawals_minor)
    write_long(w, v.covered_minor)
    covered_by_ = v.covered_by
    if covered_by_:
        write_long(w, len(covered_by_))
        for covered_by_item in covered_by_:
            write_string(w, covered_by_item)
    w.append(0)
    write_long(w, v.pledged_minor)


def encode_row_balance(v: RowBalance) -> bytes:
    """The body of a `row_balance`."""
    w = BytesWriter()
    write_row_balance(w, v)
    return w.getvalue()


def read_row_balance(r: Reader) -> RowBalance:
    """A `row_balance` at the cursor."""
    cash_minor = r.long()
    held_minor = r.long()
    deposited_minor = r.long()
    withdrawn_minor = r.long()
    adjusted_minor = r.long()
    traded_minor = r.long()
    fees_minor = r.long()
    pending_withdrawals_minor = r.long()
    covered_minor = r.long()
    covered_by: list[str] = []
    covered_by_count = r.block()
    while covered_by_count > 0:
        for _ in range(covered_by_count):
            covered_by_item = r.string()
            covered_by.append(covered_by_item)
        covered_by_count = r.block()
        if covered_by_count:
            r.canonical = False
    pledged_minor = r.long()
    return RowBalance(cash_minor, held_minor, deposited_minor, withdrawn_minor, adjusted_minor, traded_minor, fees_minor, pending_withdrawals_minor, covered_minor, covered_by, pledged_minor)


def decode_row_balance(data: bytes, position: int = 0) -> RowBalance:
    """The `row_balance` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_balance(r)
    r.finish()
    return v


def write_row_position(w: BytesWriter, v: RowPosition) -> None:
    """Append the body of a `row_position`."""
    write_long(w, v.position_lots)
    write_long(w, v.working_buy_lots)
    write_long(w, v.working_sell_lots)
    write_long(w, v.margin_minor)
    write_string(w, v.margin_currency)
    write_long(w, v.open_cost_e9)
    write_long(w, v.settled_on)


def encode_row_position(v: RowPosition) -> bytes:
    """The body of a `row_position`."""
    w = BytesWriter()
    write_row_position(w, v)
    return w.getvalue()


def read_row_position(r: Reader) -> RowPosition:
    """A `row_position` at the cursor."""
    position_lots = r.long()
    working_buy_lots = r.long()
    working_sell_lots = r.long()
    margin_minor = r.long()
    margin_currency = r.string()
    open_cost_e9 = r.long()
    settled_on = r.int32()
    return RowPosition(position_lots, working_buy_lots, working_sell_lots, margin_minor, margin_currency, open_cost_e9, settled_on)


def decode_row_position(data: bytes, position: int = 0) -> RowPosition:
    """The `row_position` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_position(r)
    r.finish()
    return v


def write_row_order(w: BytesWriter, v: RowOrder) -> None:
    """Append the body of a `row_order`."""
    write_string(w, v.tenant_id)
    write_string(w, v.instrument_id)
    write_long(w, v.side)
    write_long(w, v.order_type)
    write_long(w, v.time_in_force)
    write_long(w, v.quantity_lots)
    write_long(w, v.price_e9)
    write_optional_long(w, v.expires_at)
    write_string(w, v.current_order_id)
    write_optional_string(w, v.pending_order_id)
    write_long(w, v.pending_quantity_lots)
    write_long(w, v.pending_price_e9)
    write_optional_string(w, v.trader_id)
    write_optional_string(w, v.algo_id)
    write_optional_string(w, v.desk_id)
    write_optional_string(w, v.counterparty_id)
    write_long(w, v.filled_lots)
    write_optional_long(w, v.final_lots)
    w.append(1 if v.acknowledged else 0)
    w.append(1 if v.cancel_requested else 0)
    write_long(w, v.hold_minor)
    write_string(w, v.hold_currency)
    write_long(w, v.lane_sequence)
    write_long(w, v.accepted_at)
    write_long(w, v.business_day)
    write_long(w, v.touched_at)
    write_bytes(w, v.content_hash)


def encode_row_order(v: RowOrder) -> bytes:
    """The body of a `row_order`."""
    w = BytesWriter()
    write_row_order(w, v)
    return w.getvalue()


def read_row_order(r: Reader) -> RowOrder:
    """A `row_order` at the cursor."""
    tenant_id = r.string()
    instrument_id = r.string()
    side = r.symbol(2)
    order_type = r.symbol(2)
    time_in_force = r.symbol(4)
    quantity_lots = r.long()
    price_e9 = r.long()
    expires_at = r.optional_long()
    current_order_id = r.string()
    pending_order_id = r.optional_string()
    pending_quantity_lots = r.long()
    pending_price_e9 = r.long()
    trader_id = r.optional_string()
    algo_id = r.optional_string()
    desk_id = r.optional_string()
    counterparty_id = r.optional_string()
    filled_lots = r.long()
    final_lots = r.optional_long()
    acknowledged = r.boolean()
    cancel_requested = r.boolean()
    hold_minor = r.long()
    hold_currency = r.string()
    lane_sequence = r.long()
    accepted_at = r.long()
    business_day = r.int32()
    touched_at = r.long()
    content_hash = r.raw()
    return RowOrder(tenant_id, instrument_id, side, order_type, time_in_force, quantity_lots, price_e9, expires_at, current_order_id, pending_order_id, pending_quantity_lots, pending_price_e9, trader_id, algo_id, desk_id, counterparty_id, filled_lots, final_lots, acknowledged, cancel_requested, hold_minor, hold_currency, lane_sequence, accepted_at, business_day, touched_at, content_hash)


def decode_row_order(data: bytes, position: int = 0) -> RowOrder:
    """The `row_order` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_order(r)
    r.finish()
    return v


def write_row_decision(w: BytesWriter, v: RowDecision) -> None:
    """Append the body of a `row_decision`."""
    write_long(w, v.verdict)
    write_string(w, v.reason_code)
    write_long(w, v.lane_sequence)
    write_long(w, v.touched_at)
    write_bytes(w, v.content_hash)
    write_optional_string(w, v.root_order_id)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.side)
    write_long(w, v.filled_lots)


def encode_row_decision(v: RowDecision) -> bytes:
    """The body of a `row_decision`."""
    w = BytesWriter()
    write_row_decision(w, v)
    return w.getvalue()


def read_row_decision(r: Reader) -> RowDecision:
    """A `row_decision` at the cursor."""
    verdict = r.symbol(2)
    reason_code = r.string()
    lane_sequence = r.long()
    touched_at = r.long()
    content_hash = r.raw()
    root_order_id = r.optional_string()
    instrument_id = r.optional_string()
    side: int | None = None
    if r.present():
        side = r.symbol(2)
    filled_lots = r.long()
    return RowDecision(verdict, reason_code, lane_sequence, touched_at, content_hash, root_order_id, instrument_id, side, filled_lots)


def decode_row_decision(data: bytes, position: int = 0) -> RowDecision:
    """The `row_decision` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_decision(r)
    r.finish()
    return v


def write_row_seen(w: BytesWriter, v: RowSeen) -> None:
    """Append the body of a `row_seen`."""
    write_long(w, v.touched_at)
    write_long(w, v.lane_sequence)
    write_optional_string(w, v.instrument_id)
    write_optional_long(w, v.side)
    write_long(w, v.lots)
    write_long(w, v.price_e9)
    write_long(w, v.fee_minor)
    w.append(1 if v.superseded else 0)


def encode_row_seen(v: RowSeen) -> bytes:
    """The body of a `row_seen`."""
    w = BytesWriter()
    write_row_seen(w, v)
    return w.getvalue()


def read_row_seen(r: Reader) -> RowSeen:
    """A `row_seen` at the cursor."""
    touched_at = r.long()
    lane_sequence = r.long()
    instrument_id = r.optional_string()
    side: int | None = None
    if r.present():
        side = r.symbol(2)
    lots = r.long()
    price_e9 = r.long()
    fee_minor = r.long()
    superseded = r.boolean()
    return RowSeen(touched_at, lane_sequence, instrument_id, side, lots, price_e9, fee_minor, superseded)


def decode_row_seen(data: bytes, position: int = 0) -> RowSeen:
    """The `row_seen` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_seen(r)
    r.finish()
    return v


def write_row_withdrawal(w: BytesWriter, v: RowWithdrawal) -> None:
    """Append the body of a `row_withdrawal`."""
    write_string(w, v.currency)
    write_long(w, v.amount_minor)
    write_long(w, v.gate_time)


def encode_row_withdrawal(v: RowWithdrawal) -> bytes:
    """The body of a `row_withdrawal`."""
    w = BytesWriter()
    write_row_withdrawal(w, v)
    return w.getvalue()


def read_row_withdrawal(r: Reader) -> RowWithdrawal:
    """A `row_withdrawal` at the cursor."""
    currency = r.string()
    amount_minor = r.long()
    gate_time = r.long()
    return RowWithdrawal(currency, amount_minor, gate_time)


def decode_row_withdrawal(data: bytes, position: int = 0) -> RowWithdrawal:
    """The `row_withdrawal` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_withdrawal(r)
    r.finish()
    return v


def write_row_pledge(w: BytesWriter, v: RowPledge) -> None:
    """Append the body of a `row_pledge`."""
    write_long(w, v.covered_minor)
    write_long(w, v.pledged_minor)


def encode_row_pledge(v: RowPledge) -> bytes:
    """The body of a `row_pledge`."""
    w = BytesWriter()
    write_row_pledge(w, v)
    return w.getvalue()


def read_row_pledge(r: Reader) -> RowPledge:
    """A `row_pledge` at the cursor."""
    covered_minor = r.long()
    pledged_minor = r.long()
    return RowPledge(covered_minor, pledged_minor)


def decode_row_pledge(data: bytes, position: int = 0) -> RowPledge:
    """The `row_pledge` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_pledge(r)
    r.finish()
    return v


def write_row_alias(w: BytesWriter, v: RowAlias) -> None:
    """Append the body of a `row_alias`."""
    write_string(w, v.root_order_id)


def encode_row_alias(v: RowAlias) -> bytes:
    """The body of a `row_alias`."""
    w = BytesWriter()
    write_row_alias(w, v)
    return w.getvalue()


def read_row_alias(r: Reader) -> RowAlias:
    """A `row_alias` at the cursor."""
    root_order_id = r.string()
    return RowAlias(root_order_id)


def decode_row_alias(data: bytes, position: int = 0) -> RowAlias:
    """The `row_alias` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_alias(r)
    r.finish()
    return v


def write_row_mark(w: BytesWriter, v: RowMark) -> None:
    """Append the body of a `row_mark`."""
    write_long(w, v.price_e9)
    write_long(w, v.as_of)


def encode_row_mark(v: RowMark) -> bytes:
    """The body of a `row_mark`."""
    w = BytesWriter()
    write_row_mark(w, v)
    return w.getvalue()


def read_row_mark(r: Reader) -> RowMark:
    """A `row_mark` at the cursor."""
    price_e9 = r.long()
    as_of = r.long()
    return RowMark(price_e9, as_of)


def decode_row_mark(data: bytes, position: int = 0) -> RowMark:
    """The `row_mark` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_mark(r)
    r.finish()
    return v


def write_row_algorithm(w: BytesWriter, v: RowAlgorithm) -> None:
    """Append the body of a `row_algorithm`."""
    write_long(w, v.executions_count)


def encode_row_algorithm(v: RowAlgorithm) -> bytes:
    """The body of a `row_algorithm`."""
    w = BytesWriter()
    write_row_algorithm(w, v)
    return w.getvalue()


def read_row_algorithm(r: Reader) -> RowAlgorithm:
    """A `row_algorithm` at the cursor."""
    executions_count = r.long()
    return RowAlgorithm(executions_count)


def decode_row_algorithm(data: bytes, position: int = 0) -> RowAlgorithm:
    """The `row_algorithm` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_algorithm(r)
    r.finish()
    return v


def write_row_recent(w: BytesWriter, v: RowRecent) -> None:
    """Append the body of a `row_recent`."""
    at_ = v.at
    if at_:
        write_long(w, len(at_))
        for at_item in at_:
            write_long(w, at_item)
    w.append(0)
    lots_ = v.lots
    if lots_:
        write_long(w, len(lots_))
        for lots_item in lots_:
            write_long(w, lots_item)
    w.append(0)
    price_e9_ = v.price_e9
    if price_e9_:
        write_long(w, len(price_e9_))
        for price_e9_item in price_e9_:
            write_long(w, price_e9_item)
    w.append(0)
    write_long(w, v.buy_price_e9)
    write_long(w, v.buy_at)
    write_long(w, v.sell_price_e9)
    write_long(w, v.sell_at)


def encode_row_recent(v: RowRecent) -> bytes:
    """The body of a `row_recent`."""
    w = BytesWriter()
    write_row_recent(w, v)
    return w.getvalue()


def read_row_recent(r: Reader) -> RowRecent:
    """A `row_recent` at the cursor."""
    at: list[int] = []
    at_count = r.block()
    while at_count > 0:
        for _ in range(at_count):
            at_item = r.long()
            at.append(at_item)
        at_count = r.block()
        if at_count:
            r.canonical = False
    lots: list[int] = []
    lots_count = r.block()
    while lots_count > 0:
        for _ in range(lots_count):
            lots_item = r.long()
            lots.append(lots_item)
        lots_count = r.block()
        if lots_count:
            r.canonical = False
    price_e9: list[int] = []
    price_e9_count = r.block()
    while price_e9_count > 0:
        for _ in range(price_e9_count):
            price_e9_item = r.long()
            price_e9.append(price_e9_item)
        price_e9_count = r.block()
        if price_e9_count:
            r.canonical = False
    buy_price_e9 = r.long()
    buy_at = r.long()
    sell_price_e9 = r.long()
    sell_at = r.long()
    return RowRecent(at, lots, price_e9, buy_price_e9, buy_at, sell_price_e9, sell_at)


def decode_row_recent(data: bytes, position: int = 0) -> RowRecent:
    """The `row_recent` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_recent(r)
    r.finish()
    return v


def write_row_band(w: BytesWriter, v: RowBand) -> None:
    """Append the body of a `row_band`."""
    write_long(w, v.width_us)
    write_long(w, v.bucket)
    low_e9_ = v.low_e9
    if low_e9_:
        write_long(w, len(low_e9_))
        for low_e9_item in low_e9_:
            write_long(w, low_e9_item)
    w.append(0)
    high_e9_ = v.high_e9
    if high_e9_:
        write_long(w, len(high_e9_))
        for high_e9_item in high_e9_:
            write_long(w, high_e9_item)
    w.append(0)


def encode_row_band(v: RowBand) -> bytes:
    """The body of a `row_band`."""
    w = BytesWriter()
    write_row_band(w, v)
    return w.getvalue()


def read_row_band(r: Reader) -> RowBand:
    """A `row_band` at the cursor."""
    width_us = r.long()
    bucket = r.long()
    low_e9: list[int] = []
    low_e9_count = r.block()
    while low_e9_count > 0:
        for _ in range(low_e9_count):
            low_e9_item = r.long()
            low_e9.append(low_e9_item)
        low_e9_count = r.block()
        if low_e9_count:
            r.canonical = False
    high_e9: list[int] = []
    high_e9_count = r.block()
    while high_e9_count > 0:
        for _ in range(high_e9_count):
            high_e9_item = r.long()
            high_e9.append(high_e9_item)
        high_e9_count = r.block()
        if high_e9_count:
            r.canonical = False
    return RowBand(width_us, bucket, low_e9, high_e9)


def decode_row_band(data: bytes, position: int = 0) -> RowBand:
    """The `row_band` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_band(r)
    r.finish()
    return v


def write_row_restriction(w: BytesWriter, v: RowRestriction) -> None:
    """Append the body of a `row_restriction`."""
    write_long(w, v.version)


def encode_row_restriction(v: RowRestriction) -> bytes:
    """The body of a `row_restriction`."""
    w = BytesWriter()
    write_row_restriction(w, v)
    return w.getvalue()


def read_row_restriction(r: Reader) -> RowRestriction:
    """A `row_restriction` at the cursor."""
    version = r.long()
    return RowRestriction(version)


def decode_row_restriction(data: bytes, position: int = 0) -> RowRestriction:
    """The `row_restriction` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_restriction(r)
    r.finish()
    return v


def write_row_result(w: BytesWriter, v: RowResult) -> None:
    """Append the body of a `row_result`."""
    write_long(w, v.trading_minor)
    write_long(w, v.day)
    write_long(w, v.opening_minor)
    write_long(w, v.last_minor)
    write_long(w, v.peak_minor)


def encode_row_result(v: RowResult) -> bytes:
    """The body of a `row_result`."""
    w = BytesWriter()
    write_row_result(w, v)
    return w.getvalue()


def read_row_result(r: Reader) -> RowResult:
    """A `row_result` at the cursor."""
    trading_minor = r.long()
    day = r.int32()
    opening_minor = r.long()
    last_minor = r.long()
    peak_minor = r.long()
    return RowResult(trading_minor, day, opening_minor, last_minor, peak_minor)


def decode_row_result(data: bytes, position: int = 0) -> RowResult:
    """The `row_result` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_result(r)
    r.finish()
    return v


def write_row_holdings(w: BytesWriter, v: RowHoldings) -> None:
    """Append the body of a `row_holdings`."""
    instrument_ids_ = v.instrument_ids
    if instrument_ids_:
        write_long(w, len(instrument_ids_))
        for instrument_ids_item in instrument_ids_:
            write_string(w, instrument_ids_item)
    w.append(0)


def encode_row_holdings(v: RowHoldings) -> bytes:
    """The body of a `row_holdings`."""
    w = BytesWriter()
    write_row_holdings(w, v)
    return w.getvalue()


def read_row_holdings(r: Reader) -> RowHoldings:
    """A `row_holdings` at the cursor."""
    instrument_ids: list[str] = []
    instrument_ids_count = r.block()
    while instrument_ids_count > 0:
        for _ in range(instrument_ids_count):
            instrument_ids_item = r.string()
            instrument_ids.append(instrument_ids_item)
        instrument_ids_count = r.block()
        if instrument_ids_count:
            r.canonical = False
    return RowHoldings(instrument_ids)


def decode_row_holdings(data: bytes, position: int = 0) -> RowHoldings:
    """The `row_holdings` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_holdings(r)
    r.finish()
    return v


def write_row_lane(w: BytesWriter, v: RowLane) -> None:
    """Append the body of a `row_lane`."""
    write_long(w, v.lane)
    write_long(w, v.state_format)
    applied_ = v.applied
    if applied_:
        write_long(w, len(applied_))
        for applied_key in sorted(applied_):
            write_string(w, applied_key)
            write_long(w, applied_[applied_key])
    w.append(0)


def encode_row_lane(v: RowLane) -> bytes:
    """The body of a `row_lane`."""
    w = BytesWriter()
    write_row_lane(w, v)
    return w.getvalue()


def read_row_lane(r: Reader) -> RowLane:
    """A `row_lane` at the cursor."""
    lane = r.int32()
    state_format = r.int32()
    applied: dict[str, int] = {}
    applied_last = ""
    applied_count = r.block()
    while applied_count > 0:
        for _ in range(applied_count):
            applied_key = r.string()
            if applied and applied_key <= applied_last:
                r.canonical = False
            applied_last = applied_key
            applied_item = r.long()
            applied[applied_key] = applied_item
        applied_count = r.block()
        if applied_count:
            r.canonical = False
    return RowLane(lane, state_format, applied)


def decode_row_lane(data: bytes, position: int = 0) -> RowLane:
    """The `row_lane` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_lane(r)
    r.finish()
    return v


def write_row_gate(w: BytesWriter, v: RowGate) -> None:
    """Append the body of a `row_gate`."""
    write_long(w, v.lane_sequence)
    write_long(w, v.gate_time)
    write_long(w, v.forgotten_before)
    remembered_until_ = v.remembered_until
    if remembered_until_:
        write_long(w, len(remembered_until_))
        for remembered_until_item in remembered_until_:
            write_long(w, remembered_until_item)
    w.append(0)
    remembered_counts_ = v.remembered_counts
    if remembered_counts_:
        write_long(w, len(remembered_counts_))
        for remembered_counts_item in remembered_counts_:
            write_long(w, remembered_counts_item)
    w.append(0)
    ahead_until_ = v.ahead_until
    if ahead_until_:
        write_long(w, len(ahead_until_))
        for ahead_until_item in ahead_until_:
            write_long(w, ahead_until_item)
    w.append(0)
    ahead_counts_ = v.ahead_counts
    if ahead_counts_:
        write_long(w, len(ahead_counts_))
        for ahead_counts_item in ahead_counts_:
            write_long(w, ahead_counts_item)
    w.append(0)
    write_bytes(w, v.chain_head)
    write_bytes(w, v.state_digest)
    write_long(w, v.control_number)
    write_long(w, v.core_version)
    write_long(w, v.business_day)
    day_event_counts_ = v.day_event_counts
    if day_event_counts_:
        write_long(w, len(day_event_counts_))
        for day_event_counts_key in sorted(day_event_counts_):
            write_string(w, day_event_counts_key)
            write_long(w, day_event_counts_[day_event_counts_key])
    w.append(0)


def encode_row_gate(v: RowGate) -> bytes:
    """The body of a `row_gate`."""
    w = BytesWriter()
    write_row_gate(w, v)
    return w.getvalue()


def read_row_gate(r: Reader) -> RowGate:
    """A `row_gate` at the cursor."""
    lane_sequence = r.long()
    gate_time = r.long()
    forgotten_before = r.long()
    remembered_until: list[int] = []
    remembered_until_count = r.block()
    while remembered_until_count > 0:
        for _ in range(remembered_until_count):
            remembered_until_item = r.long()
            remembered_until.append(remembered_until_item)
        remembered_until_count = r.block()
        if remembered_until_count:
            r.canonical = False
    remembered_counts: list[int] = []
    remembered_counts_count = r.block()
    while remembered_counts_count > 0:
        for _ in range(remembered_counts_count):
            remembered_counts_item = r.long()
            remembered_counts.append(remembered_counts_item)
        remembered_counts_count = r.block()
        if remembered_counts_count:
            r.canonical = False
    ahead_until: list[int] = []
    ahead_until_count = r.block()
    while ahead_until_count > 0:
        for _ in range(ahead_until_count):
            ahead_until_item = r.long()
            ahead_until.append(ahead_until_item)
        ahead_until_count = r.block()
        if ahead_until_count:
            r.canonical = False
    ahead_counts: list[int] = []
    ahead_counts_count = r.block()
    while ahead_counts_count > 0:
        for _ in range(ahead_counts_count):
            ahead_counts_item = r.long()
            ahead_counts.append(ahead_counts_item)
        ahead_counts_count = r.block()
        if ahead_counts_count:
            r.canonical = False
    chain_head = r.raw()
    state_digest = r.raw()
    control_number = r.long()
    core_version = r.int32()
    business_day = r.int32()
    day_event_counts: dict[str, int] = {}
    day_event_counts_last = ""
    day_event_counts_count = r.block()
    while day_event_counts_count > 0:
        for _ in range(day_event_counts_count):
            day_event_counts_key = r.string()
            if day_event_counts and day_event_counts_key <= day_event_counts_last:
                r.canonical = False
            day_event_counts_last = day_event_counts_key
            day_event_counts_item = r.long()
            day_event_counts[day_event_counts_key] = day_event_counts_item
        day_event_counts_count = r.block()
        if day_event_counts_count:
            r.canonical = False
    return RowGate(lane_sequence, gate_time, forgotten_before, remembered_until, remembered_counts, ahead_until, ahead_counts, chain_head, state_digest, control_number, core_version, business_day, day_event_counts)


def decode_row_gate(data: bytes, position: int = 0) -> RowGate:
    """The `row_gate` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_gate(r)
    r.finish()
    return v


def write_row_report_day(w: BytesWriter, v: RowReportDay) -> None:
    """Append the body of a `row_report_day`."""
    write_long(w, v.first_offset)
    write_long(w, v.last_offset)
    write_long(w, v.event_count)
    closed_ = v.closed
    if closed_:
        write_long(w, len(closed_))
        for closed_key in sorted(closed_):
            write_string(w, closed_key)
            write_long(w, closed_[closed_key])
    w.append(0)
    write_long(w, v.lane_count)
    w.append(1 if v.reported else 0)


def encode_row_report_day(v: RowReportDay) -> bytes:
    """The body of a `row_report_day`."""
    w = BytesWriter()
    write_row_report_day(w, v)
    return w.getvalue()


def read_row_report_day(r: Reader) -> RowReportDay:
    """A `row_report_day` at the cursor."""
    first_offset = r.long()
    last_offset = r.long()
    event_count = r.long()
    closed: dict[str, int] = {}
    closed_last = ""
    closed_count = r.block()
    while closed_count > 0:
        for _ in range(closed_count):
            closed_key = r.string()
            if closed and closed_key <= closed_last:
                r.canonical = False
            closed_last = closed_key
            closed_item = r.long()
            closed[closed_key] = closed_item
        closed_count = r.block()
        if closed_count:
            r.canonical = False
    lane_count = r.int32()
    reported = r.boolean()
    return RowReportDay(first_offset, last_offset, event_count, closed, lane_count, reported)


def decode_row_report_day(data: bytes, position: int = 0) -> RowReportDay:
    """The `row_report_day` that fills `data` from `position` on."""
    r = Reader(data, position)
    v = read_row_report_day(r)
    r.finish()
    return v

