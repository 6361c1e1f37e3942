"""The synthetic orders of the benches, and what must be in force before them.

Owns the shape of the flow: new limit orders of one future, spread at random over the accounts of
config/replay.yaml, each with a fresh id and a price within a few ticks of the mark. The same seed
gives the same orders. Reads no clock: the caller says what time an order carries.
"""

import random
from dataclasses import replace
from typing import Final

from pipeline.market.accounts import Account, Accounts
from pipeline.market.config import ReplayConfig, load_replay_config
from pipeline.market.definitions import ReplayDefinitions
from pipeline.market.publisher import Publisher
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    ORDER_ACTION_NEW,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    Deposit,
    Mark,
    Order,
)
from pipeline.settings import PROJECT_ROOT, Settings

CONTROL_DIRECTORY: Final = PROJECT_ROOT / "benchmarks/control"
INSTRUMENT: Final = "ESH4"
# Time between two orders of a flow that carries made-up times: 1,000 orders a second.
INTERVAL_US: Final = 1_000

_SOURCE: Final = "tollgate-bench"
_TICK_E9: Final = 250_000_000
_MARK_E9: Final = 4_800_000_000_000
_TICKS_FROM_MARK_MAX: Final = 20
_LOTS_MAX: Final = 5
# Enough margin for every order of a run.
_DEPOSIT_MINOR: Final = 10**15
_SETUP_LEAD_US: Final = 5_000_000


class OrderFlow:
    """An endless flow of orders, each with the account that sends it."""

    def __init__(self, seed: int = 1) -> None:
        """Accounts, tenants and tiers are those of config/replay.yaml."""
        self.config: Final[ReplayConfig] = load_replay_config()
        self.accounts: Final[tuple[Account, ...]] = Accounts(
            self.config.accounts, self.config.tenants, self.config.tiers
        ).all
        self._random: Final = random.Random(seed)
        self._sent = 0

    def next(self, time_us: int) -> tuple[Order, Account]:
        """The next order; `time_us` is its event time."""
        draw = self._random.random
        account = self.accounts[int(draw() * len(self.accounts))]
        ticks = int(draw() * (2 * _TICKS_FROM_MARK_MAX + 1)) - _TICKS_FROM_MARK_MAX
        order = Order(
            event_time=time_us,
            source_system_id=_SOURCE,
            tenant_id=account.tenant_id,
            action=ORDER_ACTION_NEW,
            order_id=order_id(self._sent),
            orig_order_id=None,
            user_id=account.user_id,
            instrument_id=INSTRUMENT,
            side=SIDE_BUY if draw() < 0.5 else SIDE_SELL,
            order_type=ORDER_TYPE_LIMIT,
            time_in_force=TIME_IN_FORCE_DAY,
            quantity_lots=1 + int(draw() * _LOTS_MAX),
            price_e9=_MARK_E9 + ticks * _TICK_E9,
            trader_id=account.trader_id,
            algo_id=account.algo_id,
            desk_id=account.desk_id,
            counterparty_id=None,
            tags={},
        )
        self._sent += 1
        return order, account


def order_id(number: int) -> str:
    """The id of a flow's order by its number from 0."""
    return f"BENCH-{number:010d}"


def order_number(identity: str) -> int:
    """The number of a flow's order by its id."""
    return int(identity.removeprefix("BENCH-"))


def deposit(account: Account, config: ReplayConfig, time_us: int) -> Deposit:
    """The money an account starts with."""
    return Deposit(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=account.tenant_id,
        deposit_id=f"FUND-{account.user_id}",
        withdrawal_id=None,
        user_id=account.user_id,
        currency=config.deposit_currency,
        amount_minor=_DEPOSIT_MINOR,
        kind=DEPOSIT_KIND_DEPOSIT,
        channel="WIRE",
        counterparty=None,
        instrument_id=None,
        settlement_price_e9=None,
        session_date=None,
    )


def mark(config: ReplayConfig, time_us: int) -> Mark:
    """The reference price the orders' prices lie around."""
    return Mark(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=config.tenants[0],
        instrument_id=INSTRUMENT,
        price_e9=_MARK_E9,
        source_time=time_us,
    )


def publish_setup(settings: Settings, publisher: Publisher, flow: OrderFlow, first_us: int) -> None:
    """Definitions, accounts, money and the mark, all earlier than `first_us`.

    Raises ControlError or ReplayError when Kafka refuses.
    """
    config = replace(flow.config, opening_checks_exempt=())
    ReplayDefinitions(settings, config, flow.accounts, first_us).publish(CONTROL_DIRECTORY)
    time_us = first_us - _SETUP_LEAD_US
    for account in flow.accounts:
        publisher.deposit(deposit(account, config, time_us), account.key, time_us)
    publisher.mark(mark(config, time_us), time_us)
    publisher.flush()
