"""Regulatory events of the current input, and the business day they are filed under.

Owns the day's roll, the count of events a tenant has had in the lane today (which lets a reader
know when it has them all) and the lineage fields every event carries. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64

from pipeline.risk.effects import InputContext
from pipeline.risk.money import nearest
from pipeline.risk.reasons import APPLIED
from pipeline.risk.records import Deposit, Fill, Order, RegulatoryEvent, RowGate, RowOrder
from pipeline.risk.rules_in_force import UNKNOWN_TENANT, RulesInForce

DAY_US: Final = 86_400_000_000
# Of an input that has none yet: never changed.
_NO_EVENTS: Final[list[RegulatoryEvent]] = []


class Journal:
    """Collects the events of one input at a time."""

    def __init__(self, head: RowGate, rules: RulesInForce) -> None:
        self.head: Final = head
        self.rules: Final = rules
        self.events = _NO_EVENTS

    def begin_input(self) -> None:
        """Forget the previous input's events."""
        self.events = _NO_EVENTS

    def _add(self, event: RegulatoryEvent) -> None:
        # Most inputs have one.
        if self.events:
            self.events.append(event)
        else:
            self.events = [event]

    def roll_day(self, context: InputContext) -> None:
        """Close the open day when gate time has passed into a later one."""
        day = i64(context.gate_time) // DAY_US
        if self.head.business_day < 0:
            self.head.business_day = day
        elif day > self.head.business_day:
            self._close_day(context, day)

    def close_day(self, context: InputContext, business_day: int) -> None:
        """Close the open day by control; nothing if `business_day` is closed already."""
        if business_day >= self.head.business_day:
            self._close_day(context, business_day + 1)

    def _close_day(self, context: InputContext, next_day: int) -> None:
        counts = self.head.day_event_counts
        for tenant in [*sorted(self.rules.tenants - {UNKNOWN_TENANT}), UNKNOWN_TENANT]:
            event = self._event(context, tenant, "DAY_CLOSE", context.gate_time, APPLIED)
            event.lane_count = self.rules.lane_count
            event.day_event_count = counts.get(tenant, 0)
            self._add(event)
        self.head.business_day = next_day
        self.head.day_event_counts = {}

    def _event(
        self,
        context: InputContext,
        tenant: str,
        event_type: str,
        event_time: int,
        reason_code: str,
    ) -> RegulatoryEvent:
        return RegulatoryEvent(
            tenant_id=tenant,
            business_day=self.head.business_day,
            event_type=event_type,
            gate_time=context.gate_time,
            event_time=event_time,
            user_id=None,
            order_id=None,
            orig_order_id=None,
            instrument_id=None,
            side=None,
            order_type=None,
            time_in_force=None,
            quantity_lots=0,
            price_e9=None,
            trader_id=None,
            algo_id=None,
            desk_id=None,
            counterparty_id=None,
            exec_id=None,
            venue=None,
            last_lots=0,
            last_price_e9=None,
            currency=None,
            amount_minor=None,
            reason_code=reason_code,
            lane=context.lane,
            lane_sequence=context.lane_sequence,
            source_topic=context.topic,
            source_offset=context.offset,
            input_hash=context.input_hash,
            lane_count=None,
            day_event_count=None,
        )

    def _filed(
        self,
        context: InputContext,
        tenant_id: str,
        event_type: str,
        event_time: int,
        reason_code: str,
    ) -> RegulatoryEvent:
        tenant = self._counted_for(tenant_id)
        event = self._event(context, tenant, event_type, event_time, reason_code)
        self._add(event)
        return event

    def _counted_for(self, tenant_id: str) -> str:
        """Under which tenant an event of today is filed."""
        counts = self.head.day_event_counts
        count = counts.get(tenant_id)
        if count is not None:
            # What was counted under before is known, and stays so.
            counts[tenant_id] = count + 1
            return tenant_id
        tenant = tenant_id if tenant_id in self.rules.tenants else UNKNOWN_TENANT
        counts[tenant] = counts.get(tenant, 0) + 1
        return tenant

    def of_order(
        self, context: InputContext, order: Order, event_type: str, reason_code: str
    ) -> None:
        """An order record was decided."""
        event = self._filed(context, order.tenant_id, event_type, order.event_time, reason_code)
        event.user_id = order.user_id
        event.order_id = order.order_id
        event.orig_order_id = order.orig_order_id
        event.instrument_id = order.instrument_id
        event.side = order.side
        event.order_type = order.order_type
        event.time_in_force = order.time_in_force
        event.quantity_lots = order.quantity_lots
        event.price_e9 = order.price_e9
        event.trader_id = order.trader_id
        event.algo_id = order.algo_id
        event.desk_id = order.desk_id
        event.counterparty_id = order.counterparty_id

    def of_fill(
        self,
        context: InputContext,
        fill: Fill,
        order: RowOrder | None,
        instrument_id: str,
        side: int,
        event_type: str,
        reason_code: str,
    ) -> None:
        """An execution report was applied."""
        event = self._filed(context, fill.tenant_id, event_type, fill.event_time, reason_code)
        event.user_id = fill.user_id
        event.order_id = fill.order_id
        event.instrument_id = instrument_id
        event.side = side
        event.exec_id = fill.exec_id
        event.venue = fill.venue
        event.last_lots = fill.last_lots
        event.last_price_e9 = fill.last_price_e9
        if order is not None:
            _describe(event, order)

    def of_swept(
        self,
        context: InputContext,
        order: RowOrder,
        user_id: str,
        order_id: str,
        event_type: str,
        reason_code: str,
    ) -> None:
        """Gate time ended an order. `order_id`: its current one."""
        event = self._filed(context, order.tenant_id, event_type, context.gate_time, reason_code)
        event.user_id = user_id
        event.order_id = order_id
        event.instrument_id = order.instrument_id
        event.side = order.side
        _describe(event, order)

    def of_deposit(
        self, context: InputContext, deposit: Deposit, event_type: str, reason_code: str
    ) -> None:
        """Money was moved, or a withdrawal refused."""
        event = self._filed(context, deposit.tenant_id, event_type, deposit.event_time, reason_code)
        event.user_id = deposit.user_id
        event.currency = deposit.currency
        event.amount_minor = deposit.amount_minor
        event.counterparty_id = deposit.counterparty

    def of_deficit(
        self,
        context: InputContext,
        tenant_id: str,
        event_time: int,
        user_id: str,
        currency: str,
        short_minor: int,
    ) -> None:
        """A user went short of a currency (short_minor > 0) or is covered again."""
        event_type = "DEFICIT" if short_minor > 0 else "DEFICIT_CURED"
        event = self._filed(context, tenant_id, event_type, event_time, APPLIED)
        event.user_id = user_id
        event.currency = currency
        event.amount_minor = nearest(max(short_minor, 0))


def _describe(event: RegulatoryEvent, order: RowOrder) -> None:
    event.order_type = order.order_type
    event.time_in_force = order.time_in_force
    event.quantity_lots = order.quantity_lots
    event.price_e9 = order.price_e9
    event.trader_id = order.trader_id
    event.algo_id = order.algo_id
    event.desk_id = order.desk_id
    event.counterparty_id = order.counterparty_id
