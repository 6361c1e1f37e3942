"""Pledges: money of one currency that covers what is needed in another.

Owns what may cover an order's shortfall (valued once, by the mark of that moment), the pledges that
an acceptance makes, and their release; and the invariants
  covered = what all pledges into a currency cover
  pledged = what all pledges out of a currency take
  covered is never above what is needed: held + pledged - cash, at least 0
for each user and currency, after each input. Nothing but `find` looks at a rate (docs/rules.md,
"Pledges"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import MS
from pipeline.risk.collateral import VersionedCollateral
from pipeline.risk.fx import Rate, find_rate
from pipeline.risk.keys import pledge_key
from pipeline.risk.ledger import Ledger, available_of
from pipeline.risk.money import BPS, divide_up, nearest
from pipeline.risk.records import Cover, RowBalance, RowPledge
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState


class Found:
    """What was found to cover a shortfall, for as far as it went where there is a problem.

    `left`: what of the shortfall is not covered; `good_for`: what all that may cover is worth, in
    minor units of the currency that is short. `problem`: why it cannot be told, "" without a
    policy.
    """

    def __init__(self, shortfall: int) -> None:
        self.left = shortfall
        self.good_for = 0
        self.cover: list[Cover] = []
        self.problem: str | None = None

    def add(self, known: VersionedCollateral, own: int, rate: Rate) -> None:
        """Count `own` minor units of a currency, and take of them what is needed."""
        collateral = known.collateral
        numerator = rate.numerator * (BPS - collateral.haircut_bps)
        denominator = rate.denominator * BPS
        worth = own * numerator // denominator
        self.good_for += worth
        covered = min(worth, self.left)
        if covered == 0:
            return
        self.left -= covered
        self.cover.append(
            Cover(
                currency=collateral.currency,
                covered_minor=nearest(covered),
                pledged_minor=divide_up(covered * denominator, numerator),
                haircut_bps=collateral.haircut_bps,
                collateral_version=known.version,
                fx_instrument_id=rate.pair.instrument_id,
                fx_price_e9=rate.mark.price_e9,
                fx_as_of=rate.mark.as_of,
            )
        )


def find(
    rules: RulesInForce,
    state: LaneState,
    gate_time: int,
    user_id: str,
    tier_id: str,
    currency: str,
    shortfall: int,
) -> Found:
    """What of the user's money may cover `shortfall` minor units of `currency`; changes nothing."""
    found = Found(shortfall)
    for known in rules.collaterals.of_tier(tier_id):
        collateral = known.collateral
        balance = state.balance(user_id, collateral.currency)
        own = 0 if balance is None else available_of(balance)
        if own <= 0 or collateral.currency == currency or collateral.haircut_bps == BPS:
            continue
        policy = rules.policy
        if policy is None:
            found.problem = ""
            return found
        rate = find_rate(rules, state, collateral.currency, currency)
        if rate is not None and gate_time - rate.mark.as_of <= policy.mark_age_ms_max * MS:
            found.add(known, own, rate)
        elif found.left > 0:
            # It is needed, and nobody can say what it is worth.
            found.problem = "FX_MISSING" if rate is None else "FX_STALE"
            return found
    return found


def excess_of(balance: RowBalance | None) -> int:
    """By how much more is covered than is needed."""
    if balance is None or balance.covered_minor == 0:
        return 0
    needed = balance.held_minor + balance.pledged_minor - balance.cash_minor
    return balance.covered_minor - max(0, needed)


class Pledges:
    """The pledges of the lane's users."""

    def __init__(self, state: LaneState, ledger: Ledger) -> None:
        self.state: Final = state
        self.ledger: Final = ledger

    def take(self, user_id: str, currency: str, cover: list[Cover]) -> None:
        """Pledge what an accepted order needs; the check has seen that it fits."""
        for taken in cover:
            change = (taken.covered_minor, taken.pledged_minor)
            self._change(user_id, currency, taken.currency, *change)

    def release(self, user_id: str) -> None:
        """Give back what covers more than is needed, of the user at hand."""
        for touched in self.ledger.touched():
            if self.excess(user_id, touched) > 0:
                break
        else:
            return
        for currency in self._in_turn(user_id):
            self._give_back(user_id, currency)

    def excess(self, user_id: str, currency: str) -> int:
        """The excess of the user at hand."""
        return excess_of(self.ledger.known_balance(user_id, currency))

    def _in_turn(self, user_id: str) -> list[str]:
        """What was touched and all that covers it, each after all that it covers itself."""
        begun: set[str] = set()
        found: list[str] = []
        for currency in self.ledger.touched():
            self._visit(user_id, currency, begun, found)
        found.reverse()
        return found

    def _visit(self, user_id: str, currency: str, begun: set[str], found: list[str]) -> None:
        if currency in begun:
            return
        begun.add(currency)
        for covering in self.ledger.balance(user_id, currency).covered_by:
            self._visit(user_id, covering, begun, found)
        found.append(currency)

    def _give_back(self, user_id: str, currency: str) -> None:
        excess = self.excess(user_id, currency)
        covered_by = list(self.ledger.balance(user_id, currency).covered_by)
        while excess > 0:
            covering = covered_by.pop()
            pledge = self.state.pledge(user_id, currency, covering)
            if pledge is None:
                raise InvariantViolated("a pledge is gone")
            given = min(excess, pledge.covered_minor)
            covered = pledge.covered_minor - given
            pledged = divide_up(pledge.pledged_minor * covered, pledge.covered_minor)
            change = (-given, pledged - pledge.pledged_minor)
            self._change(user_id, currency, covering, *change)
            excess -= given

    def _change(
        self, user_id: str, currency: str, covering: str, covered: int, pledged: int
    ) -> None:
        """Change the pledge of one currency for another, and both balances with it."""
        pledge = self.state.pledge(user_id, currency, covering) or RowPledge(0, 0)
        pledge.covered_minor += covered
        pledge.pledged_minor += pledged
        balance = self.ledger.balance(user_id, currency)
        balance.covered_minor += covered
        self.ledger.balance(user_id, covering).pledged_minor += pledged
        key = pledge_key(user_id, currency, covering)
        if pledge.covered_minor == 0:
            balance.covered_by.remove(covering)
            self.state.delete(key)
            return
        if covering not in balance.covered_by:
            balance.covered_by = sorted([*balance.covered_by, covering])
        self.state.put(key, pledge)
