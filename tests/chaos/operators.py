"""Control changes while the gate runs: limits, users, the firm, instruments, fees, the policy.

What steers single checks is in `steering.py`. Owns the order in which all are published; the
sequence is a function of the seed alone. A writer that loses the broker is replaced by a new one,
as an operator would run the command again.
"""

import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from pipeline.control.definitions import Payload
from pipeline.control.history import ControlError
from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.risk.records import (
    Collateral,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import TopicError
from tests.chaos.gateway import now_us
from tests.chaos.orders import HOT_USERS, TICK_E9, USERS
from tests.chaos.steering import CHANGES, PATIENT_COLLAR
from tests.flow import TENANT
from tests.roomy import roomy

_US_PER_DAY: Final = 86_400_000_000
# Clocks jump by hours here: nothing may be too old for that alone.
_PATIENT_MS: Final = 48 * 3_600_000
# Not so an order that the venue says nothing about: a run lasts several times as long.
_ORPHAN_MS: Final = 10_000
_ACTIVE, _REDUCING, _HALTED = range(3)
_FUTURE, _SPOT, _EQUITY = range(3)
_TIER, _USER = range(2)
_SHORT_LOTS: Final = 30
_FIGURES: Final = (
    "order_rate_per_s_max",
    "order_quantity_lots_max",
    "order_notional_minor_max",
    "notional_currency",
    "position_lots_max",
    "price_collar_bps",
    "market_collar_bps",
    "short_lots_max",
    "locate_id",
)


def future(margin: int = 1_200_000, state: int = 0) -> Instrument:
    """The future everybody trades."""
    return Instrument("ESH4", _FUTURE, "USD", None, 0, TICK_E9, 1, 5_000, 1, margin, state)


def _limits(
    scope: int, scope_id: str, instrument_id: str | None = None, **figures: int | str | None
) -> Limits:
    """Limits that have these figures and no other."""
    shape: dict[str, Any] = dict.fromkeys(_FIGURES) | figures
    return Limits(scope, scope_id, instrument_id, **shape)


def _tier(collar_bps: int = 500, rate: int = 10**6) -> Limits:
    return _limits(
        _TIER,
        "standard",
        order_rate_per_s_max=rate,
        order_quantity_lots_max=100,
        order_notional_minor_max=10**12,
        position_lots_max=200,
        price_collar_bps=collar_bps,
        market_collar_bps=300,
    )


def _shorts(lots: int = _SHORT_LOTS) -> Limits:
    """Of shares; what an order of them may be worth is said in euros."""
    return _limits(
        _TIER,
        "standard",
        "ACME",
        short_lots_max=lots,
        locate_id="prime",
        order_notional_minor_max=10**9,
        notional_currency="EUR",
    )


def _policy(exempt: Sequence[str] = (), orphan_ms: int = _ORPHAN_MS) -> Policy:
    ages = (_PATIENT_MS, _PATIENT_MS, _PATIENT_MS)
    return Policy(*ages, 7 * 86_400_000, 10**7, 60, orphan_ms, list(exempt))


def first_definitions() -> list[ControlChange]:
    """What must be in force before the first order."""
    payloads: list[Payload] = [
        future(),
        Instrument("BTC-USD", _SPOT, "USD", "BTC", 10**6, 10**9, 1, 1, 100, None, 0),
        Instrument("EUR-USD", _SPOT, "USD", "EUR", 100_000, 10**5, 1, 100_000, 1, None, 0),
        Instrument("ACME", _EQUITY, "USD", None, 0, 10**7, 1, 100, 1, 5_000, 0),
        _tier(),
        _shorts(),
        Collateral("standard", "BTC", 5_000),
        Collateral("standard", "EUR", 300),
        FeeSchedule("standard", None, 250, 0),
        _policy(),
        FirmState(_ACTIVE),
        *roomy(["standard"], ["ESH4", "BTC-USD", "EUR-USD", "ACME"]),
        PATIENT_COLLAR,
        *(UserAccount(user, TENANT, "standard", _ACTIVE) for user in USERS),
    ]
    return [_change(payload) for payload in payloads]


def _change(payload: Payload, effective_from_us: int = 0) -> ControlChange:
    return ControlChange(
        payload, proposer="chaos", reason="a run", effective_from_us=effective_from_us
    )


class Operators:
    """Publishes a change now and then, in a thread of its own, until it is stopped."""

    def __init__(self, settings: Settings, seed: int) -> None:
        """Nothing happens before `start`."""
        self._settings: Final = settings
        self._random: Final = Random(f"operators {seed}")
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="operators", daemon=True)
        self._days_closed = 0
        self._changes: Final[tuple[Callable[[], list[ControlChange]], ...]] = (
            self._user_limits,
            self._user_state,
            self._firm_halt,
            self._collar,
            self._margin,
            self._instrument_halt,
            self._exemption,
            self._patience,
            self._short_allowance,
            self._haircut,
            self._later,
            self._close_day,
            *(self._steer(change) for change in CHANGES),
        )

    def start(self) -> None:
        """Publish the first definitions, then begin to change them."""
        with ControlWriter(self._settings) as writer:
            writer.publish(first_definitions())
        self._thread.start()

    def stop(self) -> None:
        """Publish no more; returns when nothing is on its way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._random.uniform(0.5, 2.0)):
            self._publish(self._random.choice(self._changes)())
        self._publish([_change(FirmState(_ACTIVE)), _change(future())])

    def _publish(self, changes: list[ControlChange]) -> None:
        """Once, or not at all while there is no broker: an operator who gives up."""
        try:
            with ControlWriter(self._settings) as writer:
                for change in changes:
                    writer.publish([change])
                    self._stop.wait(self._random.uniform(0, 0.5))
        except (ControlError, TopicError):
            self._stop.wait(1.0)

    def _steer(
        self, change: Callable[[Random], list[Payload]]
    ) -> Callable[[], list[ControlChange]]:
        return lambda: [_change(payload) for payload in change(self._random)]

    def _user_limits(self) -> list[ControlChange]:
        user = self._random.choice(HOT_USERS)
        lots = self._random.choice((5, 50, 150))
        figures: dict[str, Any] = {
            "order_quantity_lots_max": lots,
            "position_lots_max": lots * 2,
        }
        if self._random.random() < 0.5:
            # In euros: by the mark of the pair.
            figures |= {"order_notional_minor_max": 5 * 10**8, "notional_currency": "EUR"}
        return [_change(_limits(_USER, user, **figures))]

    def _user_state(self) -> list[ControlChange]:
        user = self._random.choice(HOT_USERS)
        state = self._random.choice((_REDUCING, _HALTED))
        return [_change(UserAccount(user, TENANT, "standard", s)) for s in (state, _ACTIVE)]

    def _firm_halt(self) -> list[ControlChange]:
        state = self._random.choice((_REDUCING, _HALTED))
        return [_change(FirmState(state)), _change(FirmState(_ACTIVE))]

    def _collar(self) -> list[ControlChange]:
        rate = self._random.choice((2, 10**6, 10**6))
        return [_change(_tier(self._random.choice((20, 100, 500)), rate)), _change(_tier())]

    def _margin(self) -> list[ControlChange]:
        return [_change(future(self._random.choice((900_000, 1_200_000, 1_500_000))))]

    def _instrument_halt(self) -> list[ControlChange]:
        return [_change(future(state=2)), _change(future())]

    def _exemption(self) -> list[ControlChange]:
        return [_change(_policy(["PRICE_COLLAR"])), _change(_policy())]

    def _patience(self) -> list[ControlChange]:
        return [_change(_policy(orphan_ms=1_000)), _change(_policy())]

    def _short_allowance(self) -> list[ControlChange]:
        return [_change(_shorts(0)), _change(_shorts())]

    def _haircut(self) -> list[ControlChange]:
        currency, usual = self._random.choice((("BTC", 5_000), ("EUR", 300)))
        other = self._random.choice((0, 2_000, 9_000, 10_000))
        return [_change(Collateral("standard", currency, bps)) for bps in (other, usual)]

    def _later(self) -> list[ControlChange]:
        fees = FeeSchedule("standard", None, self._random.choice((200, 300)), 0)
        return [_change(fees, now_us() + 2_000_000)]

    def _close_day(self) -> list[ControlChange]:
        """One day after the other, whatever the clock says: DAY orders end with each."""
        day = now_us() // _US_PER_DAY + self._days_closed
        self._days_closed += 1
        return [_change(DayClose(day))]
