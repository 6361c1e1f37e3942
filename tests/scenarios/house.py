"""What the house does: money, settlements, marks, definitions and states, as records.

Owns the acts of treasury and operations; `phrases.py` has the words for them.
"""

import re
from typing import Any

from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    INSTRUMENT_STATE_NAMES,
    LIMIT_SCOPE_TIER,
    TRADING_STATE_NAMES,
    CheckLimit,
    Collateral,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from tests.property.world import changed
from tests.scenarios.figures import FIGURE, day_of, lots_of, moment, money, price, session
from tests.scenarios.floor import Floor, Parts, PhraseError
from tests.scenarios.usual_desk import FEES, TENANT, TIER, USER

# Treasury


def deposit(floor: Floor, parts: Parts) -> LaneOutput:
    """Money comes, or is adjusted."""
    kind = DEPOSIT_KIND_DEPOSIT if parts["kind"] == "deposit" else DEPOSIT_KIND_ADJUSTMENT
    return floor.money(kind, parts["currency"], money(parts["amount"], parts["currency"]))


def withdraw(floor: Floor, parts: Parts) -> LaneOutput:
    """Money is asked for."""
    currency = parts["currency"]
    return floor.money(
        DEPOSIT_KIND_WITHDRAWAL_REQUEST,
        currency,
        money(parts["amount"], currency),
        withdrawal_id=parts["withdrawal"],
    )


def end_withdrawal(floor: Floor, parts: Parts) -> LaneOutput:
    """What was asked for is paid, or is not."""
    request = floor.withdrawals.get(parts["withdrawal"])
    if request is None:
        message = f"no withdrawal {parts['withdrawal']} was asked for above"
        raise PhraseError(message)
    settled = parts["end"] == "settled"
    kind = DEPOSIT_KIND_WITHDRAWAL_SETTLED if settled else DEPOSIT_KIND_WITHDRAWAL_FAILED
    return floor.money(
        kind, request.currency, request.amount_minor, withdrawal_id=request.withdrawal_id
    )


def settle(floor: Floor, parts: Parts) -> LaneOutput:
    """A session of a future is settled."""
    return floor.money(
        DEPOSIT_KIND_SETTLEMENT,
        floor.currency_of(parts["name"]),
        0,
        instrument_id=parts["name"],
        settlement_price_e9=price(parts["price"]),
        session_date=session(parts["day"]),
    )


# Operations


def mark(floor: Floor, parts: Parts) -> LaneOutput:
    """A reference price."""
    made = parts["made"]
    made_at = moment(made, day_of(floor.now_us)) if made else floor.now_us
    return floor.mark(parts["name"], price(parts["price"]), made_at)


def fields_of(record: object, text: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Changes such as "margin_minor_per_lot 5,000, state HALTED" of a record's own fields."""
    changes: dict[str, Any] = {}
    for part in re.split(r", ", text):
        name, _, value = part.strip().partition(" ")
        if not hasattr(record, name) or not value:
            message = f"{part.strip()!r} is no field and value of {type(record).__name__}"
            raise PhraseError(message)
        if value in names:
            changes[name] = names.index(value)
        elif value == "none":
            changes[name] = None
        else:
            is_figure = re.fullmatch(FIGURE, value) is not None
            changes[name] = lots_of(value) if is_figure else value
    return changes


def instrument(floor: Floor, parts: Parts) -> LaneOutput:
    """An instrument is changed."""
    before: Instrument | None = floor.instruments.get(parts["name"])
    if before is None:
        message = f"there is no instrument {parts['name']} at the usual desk"
        raise PhraseError(message)
    return floor.publish(
        changed(before, **fields_of(before, parts["fields"], INSTRUMENT_STATE_NAMES))
    )


def limits(floor: Floor, parts: Parts) -> LaneOutput:
    """Limits are changed, of everything or of an instrument."""
    before: Limits = floor.limits_of(parts["name"] or None)
    return floor.publish(changed(before, **fields_of(before, parts["fields"])))


def limit_in_money(floor: Floor, parts: Parts) -> LaneOutput:
    """The limit of a check in money is changed."""
    currency = parts["currency"]
    limit = CheckLimit(
        check=parts["check"],
        scope=LIMIT_SCOPE_TIER,
        scope_id=TIER,
        limit=money(parts["figure"], currency),
        currency=currency,
    )
    return floor.publish(limit)


def policy(floor: Floor, parts: Parts) -> LaneOutput:
    """The policy is changed."""
    before: Policy = floor.policy
    return floor.publish(changed(before, **fields_of(before, parts["fields"])))


def collateral(floor: Floor, parts: Parts) -> LaneOutput:
    """Money of a currency may cover others from now on, or not any more."""
    return floor.publish(Collateral(TIER, parts["currency"], lots_of(parts["haircut"])))


def fees(floor: Floor, parts: Parts) -> LaneOutput:
    """Fees are changed."""
    after: FeeSchedule = changed(FEES, **fields_of(FEES, parts["fields"]))
    return floor.publish(after)


def state(floor: Floor, parts: Parts) -> LaneOutput:
    """The user or the firm is halted, may only reduce, or trades again."""
    state = TRADING_STATE_NAMES.index(parts["state"])
    if parts["who"] == "firm":
        return floor.publish(FirmState(state))
    return floor.publish(UserAccount(USER, TENANT, TIER, state))


def close_day(floor: Floor, parts: Parts) -> LaneOutput:
    """The business day is closed."""
    return floor.publish(DayClose(session(parts["day"])))
