"""What the venue is asked, and an order as it works there.

Owns the reading of a decision: which ones are requests at all. Owns what a REPLACE does to an order
and until when an order works. Pure.
"""

from typing import Final, NamedTuple

from pipeline.risk.records import (
    DECISION_ORIGIN_CLIENT,
    ORDER_ACTION_CANCEL,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_GTC,
    VERDICT_ACCEPTED,
    Decision,
)

# The venue's own account: no user has an id without a byte.
HOUSE: Final = ""
_DAY_US: Final = 86_400_000_000


class Request(NamedTuple):
    """An accepted decision as the venue needs it.

    price_e9: The limit; of a MARKET order its protection price; None of a CANCEL.
    instrument_id, side: None of the gate's own CANCEL.
    by_gate: The gate has ended the order already, and waits for no answer.
    """

    action: int
    user_id: str
    tenant_id: str
    order_id: str
    orig_order_id: str | None
    instrument_id: str | None
    side: int | None
    is_market: bool
    time_in_force: int
    quantity_lots: int
    price_e9: int | None
    expires_at: int | None
    gate_time: int
    by_gate: bool

    @property
    def key(self) -> tuple[str, str]:
        """What it is known under: an id is unique per user."""
        return self.user_id, self.order_id

    @property
    def orig_key(self) -> tuple[str, str]:
        """The same of the order that it refers to; an id that no order has without one."""
        return self.user_id, self.orig_order_id or ""


def request_of(decision: Decision) -> Request | None:
    """What a decision asks of the venue; None: nothing."""
    if decision.verdict != VERDICT_ACCEPTED or decision.duplicate_of is not None:
        return None
    order = decision.order
    if order is None:
        if decision.origin == DECISION_ORIGIN_CLIENT:
            return None
        return Request(
            action=ORDER_ACTION_CANCEL,
            user_id=decision.user_id,
            tenant_id=decision.tenant_id,
            order_id=decision.order_id,
            orig_order_id=decision.orig_order_id,
            instrument_id=None,
            side=None,
            is_market=False,
            time_in_force=TIME_IN_FORCE_GTC,
            quantity_lots=0,
            price_e9=None,
            expires_at=None,
            gate_time=decision.gate_time,
            by_gate=True,
        )
    is_market = order.order_type == ORDER_TYPE_MARKET
    return Request(
        action=decision.action,
        user_id=decision.user_id,
        tenant_id=decision.tenant_id,
        order_id=decision.order_id,
        orig_order_id=decision.orig_order_id,
        instrument_id=order.instrument_id,
        side=order.side,
        is_market=is_market,
        time_in_force=order.time_in_force,
        quantity_lots=order.quantity_lots,
        price_e9=decision.protection_price_e9 if is_market else order.price_e9,
        expires_at=order.expires_at,
        gate_time=decision.gate_time,
        by_gate=False,
    )


def other_side(side: int) -> int:
    """SELL for BUY, BUY for SELL."""
    return SIDE_SELL if side == SIDE_BUY else SIDE_BUY


class VenueOrder:
    """An order at the venue, or the house's own.

    number: Its own number, by which it entered.
    names: Every id under which requests may mean it.
    deadline: The microsecond from which it no longer works; None: it has no end of its own.
    """

    __slots__ = (
        "cum_lots",
        "current_id",
        "deadline",
        "instrument_id",
        "is_open",
        "is_silent",
        "names",
        "number",
        "price_e9",
        "quantity_lots",
        "rests",
        "side",
        "tenant_id",
        "time_in_force",
        "user_id",
    )

    def __init__(
        self,
        *,
        user_id: str,
        tenant_id: str,
        order_id: str,
        instrument_id: str,
        side: int,
        time_in_force: int,
        quantity_lots: int,
        price_e9: int,
        number: int,
        deadline: int | None = None,
        rests: bool = True,
    ) -> None:
        self.user_id: Final = user_id
        self.tenant_id: Final = tenant_id
        self.current_id = order_id
        self.names: Final = [order_id]
        self.instrument_id: Final = instrument_id
        self.side: Final = side
        self.time_in_force: Final = time_in_force
        self.rests: Final = rests
        self.deadline: Final = deadline
        self.number: Final = number
        self.quantity_lots = quantity_lots
        self.price_e9 = price_e9
        self.cum_lots = 0
        self.is_open = True
        self.is_silent = False

    @property
    def leaves_lots(self) -> int:
        """What may still be filled: nothing of an order that has ended."""
        return self.quantity_lots - self.cum_lots if self.is_open else 0

    @property
    def root_id(self) -> str:
        """The id of its NEW."""
        return self.names[0]

    def loses_place(self, request: Request) -> bool:
        """Whether a REPLACE sends it to the end of the queue."""
        return request.price_e9 != self.price_e9 or request.quantity_lots > self.quantity_lots

    def amend(self, request: Request) -> None:
        """Take what a REPLACE asks for."""
        self.quantity_lots = request.quantity_lots
        self.price_e9 = request.price_e9 or 0
        self.current_id = request.order_id


def order_of(request: Request, number: int) -> VenueOrder:
    """The order that a NEW asks for."""
    return VenueOrder(
        user_id=request.user_id,
        tenant_id=request.tenant_id,
        order_id=request.order_id,
        instrument_id=request.instrument_id or "",
        side=request.side or SIDE_BUY,
        time_in_force=request.time_in_force,
        quantity_lots=request.quantity_lots,
        price_e9=request.price_e9 or 0,
        number=number,
        deadline=_deadline(request),
        rests=not request.is_market
        and request.time_in_force in {TIME_IN_FORCE_GTC, TIME_IN_FORCE_DAY},
    )


def _deadline(request: Request) -> int | None:
    """Whichever comes first: expires_at, or of a DAY order the end of the UTC day of its gate."""
    if request.time_in_force != TIME_IN_FORCE_DAY:
        return request.expires_at
    day_end = (request.gate_time // _DAY_US + 1) * _DAY_US
    return day_end if request.expires_at is None else min(day_end, request.expires_at)
