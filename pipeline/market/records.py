"""Market events as records of the contract.

Owns the ids that a replay gives: a NEW or a REPLACE `<venue order id>-<revision>`, the CANCEL of
that version `<venue order id>-<revision>-C`, execution `<sequence in the flow>`, deposit
`FUND-<account>`. They are the same in every run, so replaying twice asks the gate for nothing
twice. Pure.
"""

from dataclasses import dataclass
from typing import Final

from pipeline.market.accounts import Account
from pipeline.market.config import ReplayConfig
from pipeline.market.flow import EVENT_CANCEL, EVENT_NEW, EVENT_REPLACE, MarketEvent
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_FILL,
    EXEC_TYPE_PARTIAL_FILL,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    Deposit,
    Fill,
    Mark,
    Order,
)

_ACTIONS: Final = {
    EVENT_NEW: ORDER_ACTION_NEW,
    EVENT_REPLACE: ORDER_ACTION_REPLACE,
    EVENT_CANCEL: ORDER_ACTION_CANCEL,
}


def order_id(event: MarketEvent) -> str:
    """The id of the version of an order that an event is about."""
    return f"{event.venue_order_id}-{event.revision}"


def request_id(event: MarketEvent) -> str:
    """The id of a request: of a NEW or a REPLACE that of the version it asks for."""
    return f"{order_id(event)}-C" if event.kind == EVENT_CANCEL else order_id(event)


def _orig_order_id(event: MarketEvent) -> str | None:
    """The version that a CANCEL, a REPLACE or a REPLACED refers to."""
    if event.kind == EVENT_CANCEL:
        return order_id(event)
    return f"{event.venue_order_id}-{event.orig_revision}" if event.orig_revision else None


@dataclass(frozen=True)
class RecordMaker:
    """Makes the records of one recording."""

    config: ReplayConfig
    instrument_id: str

    def order(self, event: MarketEvent, account: Account) -> Order:
        """A NEW, a REPLACE or a CANCEL."""
        cancels: Final = event.kind == EVENT_CANCEL
        return Order(
            event_time=event.time_us,
            source_system_id=self.config.source_system_id,
            tenant_id=account.tenant_id,
            action=_ACTIONS[event.kind],
            order_id=request_id(event),
            orig_order_id=_orig_order_id(event),
            user_id=account.user_id,
            instrument_id=self.instrument_id,
            side=event.side,
            order_type=ORDER_TYPE_LIMIT,
            time_in_force=event.time_in_force,
            quantity_lots=event.lots,
            price_e9=None if cancels else event.price_e9,
            expires_at=None,
            trader_id=account.trader_id,
            algo_id=account.algo_id,
            desk_id=account.desk_id,
            counterparty_id=None,
            tags={},
        )

    def fill(self, event: MarketEvent, account: Account) -> Fill:
        """An execution report."""
        traded: Final = event.exec_type in {EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL}
        return Fill(
            event_time=event.time_us,
            source_system_id=self.config.source_system_id,
            tenant_id=account.tenant_id,
            exec_id=str(event.sequence),
            exec_ref_id=None,
            order_id=order_id(event),
            orig_order_id=_orig_order_id(event),
            user_id=account.user_id,
            instrument_id=self.instrument_id,
            side=event.side,
            exec_type=event.exec_type,
            last_lots=event.lots,
            last_price_e9=event.price_e9 if traded else None,
            cum_lots=event.cum_lots,
            leaves_lots=event.leaves_lots,
            fee_minor=event.lots * self.config.fee_per_lot_minor,
            trade_id=str(event.trade) if traded else None,
            venue=self.config.venue,
        )

    def mark(self, event: MarketEvent) -> Mark:
        """A reference price; it is nobody's, so its tenant is the first."""
        return Mark(
            event_time=event.time_us,
            source_system_id=self.config.source_system_id,
            tenant_id=self.config.tenants[0],
            instrument_id=self.instrument_id,
            price_e9=event.price_e9,
            source_time=event.time_us,
        )

    def deposit(self, account: Account, time_us: int) -> Deposit:
        """The money an account starts with."""
        return Deposit(
            event_time=time_us,
            source_system_id=self.config.source_system_id,
            tenant_id=account.tenant_id,
            deposit_id=f"FUND-{account.user_id}",
            withdrawal_id=None,
            user_id=account.user_id,
            currency=self.config.deposit_currency,
            amount_minor=self.config.deposit_minor,
            kind=DEPOSIT_KIND_DEPOSIT,
            channel="WIRE",
            counterparty=None,
            instrument_id=None,
            settlement_price_e9=None,
            session_date=None,
        )
