"""The synthetic orders of the benches, and what must be in force before them.

Owns the shape of the flow: new limit orders of one future, spread at random over the accounts of
config/replay.yaml or those a bench names, each with a fresh id and a price within a few ticks of
the mark. The same seed gives the same orders. Reads no clock: the caller says what time an order
carries.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pipeline.codecs.avro import encode_control, encode_deposit, encode_mark
from pipeline.codecs.rendering import value_from_json, value_to_json
from pipeline.codecs.wire import SchemaIds
from pipeline.control.definitions import Payload
from pipeline.control.directory import read_directory
from pipeline.lane.processor import CONTROL, DEPOSITS, INPUT_SCHEMAS, MARKS
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
    TRADING_STATE_ACTIVE,
    Control,
    Deposit,
    Mark,
    Order,
    Policy,
    UserAccount,
)
from pipeline.settings import PROJECT_ROOT, Settings

CONTROL_DIRECTORY: Final = PROJECT_ROOT / "benchmarks/control"
INSTRUMENT: Final = "ESH4"
MARK_E9: Final = 4_800_000_000_000
TICK_E9: Final = 250_000_000
# Time between two orders of a flow that carries made-up times: 1,000 orders a second.
INTERVAL_US: Final = 1_000

_SOURCE: Final = "tollgate-bench"
_TICKS_FROM_MARK_MAX: Final = 20
_LOTS_MAX: Final = 5
# Enough margin for every order of a run.
_DEPOSIT_MINOR: Final = 10**15
_SETUP_LEAD_US: Final = 5_000_000


class OrderFlow:
    """An endless flow of orders, each with the account that sends it."""

    def __init__(self, seed: int = 1, first: int = 0) -> None:
        """Accounts, tenants and tiers are those of config/replay.yaml; ids count from `first`."""
        self.config: Final[ReplayConfig] = load_replay_config()
        self.accounts: tuple[Account, ...] = Accounts(
            self.config.accounts, self.config.tenants, self.config.tiers
        ).all
        # What the orders' prices lie around; a bench may change it.
        self.mark_e9 = MARK_E9
        # User -> what it starts with, of those who start with less than enough for every order.
        self.money_minor: Final[dict[str, int]] = {}
        self._random: Final = random.Random(seed)
        self._sent = first

    def next(
        self,
        time_us: int,
        account: Account | None = None,
        side: int | None = None,
        lots: int | None = None,
    ) -> tuple[Order, Account]:
        """The next order; what is not given is drawn. `time_us` is its event time."""
        draw = self._random.random
        account = account or self.accounts[int(draw() * len(self.accounts))]
        ticks = int(draw() * (2 * _TICKS_FROM_MARK_MAX + 1)) - _TICKS_FROM_MARK_MAX
        drawn_side = SIDE_BUY if draw() < 0.5 else SIDE_SELL
        drawn_lots = 1 + int(draw() * _LOTS_MAX)
        order = Order(
            event_time=time_us,
            source_system_id=_SOURCE,
            tenant_id=account.tenant_id,
            action=ORDER_ACTION_NEW,
            order_id=self.next_id(),
            orig_order_id=None,
            user_id=account.user_id,
            instrument_id=INSTRUMENT,
            side=drawn_side if side is None else side,
            order_type=ORDER_TYPE_LIMIT,
            time_in_force=TIME_IN_FORCE_DAY,
            quantity_lots=drawn_lots if lots is None else lots,
            price_e9=self.mark_e9 + ticks * TICK_E9,
            expires_at=None,
            trader_id=account.trader_id,
            algo_id=account.algo_id,
            desk_id=account.desk_id,
            counterparty_id=None,
            tags={},
        )
        return order, account

    def lend(self, count: int, tier_id: str, money_minor: int) -> tuple[Account, ...]:
        """Put the first `count` accounts into a tier and let them start with this money."""
        lent = tuple(account._replace(tier_id=tier_id) for account in self.accounts[:count])
        self.accounts = (*lent, *self.accounts[count:])
        self.money_minor.update((account.user_id, money_minor) for account in lent)
        return lent

    def next_id(self) -> str:
        """The id of the next request: an order takes one, and so does a cancel."""
        self._sent += 1
        return order_id(self._sent - 1)


class ManyAccounts:
    """Accounts made when asked for: a million of them would outweigh what is measured."""

    def __init__(self, count: int, config: ReplayConfig) -> None:
        """`count` accounts; tenants and tiers in turn."""
        self.count: Final = count
        self._random: Final = random.Random(count)
        self._tenants: Final = config.tenants
        self._tiers: Final = [tier for tier, weight in config.tiers for _ in range(weight)]

    def drawn(self, among: int | None = None) -> Account:
        """One at random of all, or of the first `among`."""
        return self.account(int(self._random.random() * (among or self.count)))

    def account(self, number: int) -> Account:
        """Account `number`, from 0."""
        user_id = f"USER-{number:07d}"
        tenant = self._tenants[number % len(self._tenants)]
        desk = f"{tenant}-DESK-{number % 4}"
        return Account(
            user_id=user_id,
            key=user_id.encode(),
            tenant_id=tenant,
            tier_id=self._tiers[number % len(self._tiers)],
            desk_id=desk,
            trader_id=f"{desk}-TRADER-{number % 20}",
            algo_id=f"ALGO-{number % 12:02d}",
        )


def order_id(number: int) -> str:
    """The id of a flow's order by its number from 0."""
    return f"BENCH-{number:010d}"


def order_number(identity: str) -> int:
    """The number of a flow's order by its id."""
    return int(identity.removeprefix("BENCH-"))


def deposit(
    account: Account,
    config: ReplayConfig,
    time_us: int,
    amount_minor: int = _DEPOSIT_MINOR,
    cause: str = "FUND",
) -> Deposit:
    """The money an account starts with, or is sent later for another `cause`."""
    return Deposit(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=account.tenant_id,
        deposit_id=f"{cause}-{account.user_id}",
        withdrawal_id=None,
        user_id=account.user_id,
        currency=config.deposit_currency,
        amount_minor=amount_minor,
        kind=DEPOSIT_KIND_DEPOSIT,
        channel="WIRE",
        counterparty=None,
        instrument_id=None,
        settlement_price_e9=None,
        session_date=None,
    )


def mark(config: ReplayConfig, time_us: int, price_e9: int = MARK_E9) -> Mark:
    """The reference price the orders' prices lie around."""
    return Mark(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=config.tenants[0],
        instrument_id=INSTRUMENT,
        price_e9=price_e9,
        source_time=time_us,
    )


def definitions(exempt: frozenset[str] = frozenset()) -> list[Payload]:
    """What control puts in force for the flow, without its accounts; `exempt`: by the policy."""
    payloads = [definition.payload for definition in read_directory(CONTROL_DIRECTORY)]
    return [
        _exempting(payload, exempt) if isinstance(payload, Policy) else payload
        for payload in payloads
    ]


def _exempting(policy: Policy, exempt: frozenset[str]) -> Policy:
    names = sorted({*policy.checks_exempt, *exempt})
    changed: Policy = value_from_json(
        "policy", value_to_json("policy", policy) | {"checks_exempt": names}
    )
    return changed


class FirstInputs:
    """The first inputs of a lane that is fed without Kafka: (topic, key, framed value) of each.

    Control records are numbered by lane here: a lane is told of the accounts it is given only.
    """

    def __init__(
        self,
        ids: SchemaIds,
        config: ReplayConfig,
        time_us: int,
        exempt: frozenset[str] = frozenset(),
    ) -> None:
        """`time_us`: what each of them carries; `exempt`: checks that are switched off."""
        self._frames: Final = [ids.frame(name) for name in INPUT_SCHEMAS]
        self._config: Final = config
        self._time_us: Final = time_us
        self._exempt: Final = exempt
        self._number = 0

    def definitions(self) -> list[tuple[int, bytes | None, bytes]]:
        """The definitions, then the mark."""
        framed = [self._control(payload) for payload in definitions(self._exempt)]
        body = encode_mark(mark(self._config, self._time_us))
        return [*framed, (MARKS, None, self._frames[MARKS] + body)]

    def accounts(self, accounts: Sequence[Account]) -> list[tuple[int, bytes | None, bytes]]:
        """Each account, then its money."""
        inputs: list[tuple[int, bytes | None, bytes]] = []
        for account in accounts:
            user = UserAccount(
                account.user_id, account.tenant_id, account.tier_id, TRADING_STATE_ACTIVE
            )
            money = encode_deposit(deposit(account, self._config, self._time_us))
            inputs.append(self._control(user))
            inputs.append((DEPOSITS, account.key, self._frames[DEPOSITS] + money))
        return inputs

    def _control(self, payload: Payload) -> tuple[int, bytes | None, bytes]:
        self._number += 1
        record = Control(
            event_time=self._time_us,
            source_system_id=_SOURCE,
            tenant_id=self._config.tenants[0],
            number=self._number,
            version=1,
            proposer=_SOURCE,
            approver=None,
            reason=_SOURCE,
            effective_from=self._time_us,
            signature=None,
            payload=payload,
        )
        return CONTROL, None, self._frames[CONTROL] + encode_control(record)


def publish_setup(settings: Settings, publisher: Publisher, flow: OrderFlow, first_us: int) -> None:
    """Definitions, accounts, money and the mark, all earlier than `first_us`.

    Raises ControlError or ReplayError when Kafka refuses.
    """
    config = replace(flow.config, opening_checks_exempt=())
    ReplayDefinitions(settings, config, flow.accounts, first_us).publish(CONTROL_DIRECTORY)
    time_us = first_us - _SETUP_LEAD_US
    for account in flow.accounts:
        amount = flow.money_minor.get(account.user_id, _DEPOSIT_MINOR)
        publisher.deposit(deposit(account, config, time_us, amount), account.key, time_us)
    publisher.mark(mark(config, time_us), time_us)
    publisher.flush()
