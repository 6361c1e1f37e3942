"""Pledges: what of other currencies covers an order, and when that is given back.

Owns the search among a tier's collateral and the release. The pledges lie in the user's book. Must
never read `pipeline/risk` or `pipeline/lane`.
"""

from fractions import Fraction
from typing import NamedTuple

from tests.oracle.arithmetic import down, nearest, up
from tests.oracle.book import Book, Pledge
from tests.oracle.situation import BPS, Situation, fx_of


class Taken(NamedTuple):
    """What one currency gives, as the contract's `cover` shows it."""

    currency: str
    covered_minor: int
    pledged_minor: int
    haircut_bps: int
    collateral_version: int
    fx_instrument_id: str
    fx_price_e9: int
    fx_as_of: int


class Search(NamedTuple):
    """What was found for a shortfall. `problem`: why nothing can be said, "" without a policy."""

    left: int
    good_for: int = 0
    taken: tuple[Taken, ...] = ()
    problem: str | None = None


def search(short_of: str, shortfall: int, now: Situation) -> Search:
    """Go through the user's other money in order of currency."""
    found = Search(shortfall)
    tier = "" if now.account is None else now.account.tier_id
    for (whose, currency), (collateral, version) in sorted(now.collateral.items()):
        counts = whose == tier and currency != short_of and collateral.haircut_bps < BPS
        if not counts or now.book.available(currency) <= 0:
            continue
        if now.policy is None:
            return Search(shortfall, problem="")
        fx = fx_of(currency, short_of, now)
        if fx is None or now.is_stale(fx.as_of):
            if found.left == 0:
                continue
            return Search(shortfall, problem="FX_MISSING" if fx is None else "FX_STALE")
        value = fx.rate * Fraction(BPS - collateral.haircut_bps, BPS)
        good_for = down(now.book.available(currency) * value)
        covered = min(good_for, found.left)
        taken = Taken(
            currency,
            nearest(covered),
            up(covered / value),
            collateral.haircut_bps,
            version,
            fx.instrument_id,
            fx.price_e9,
            fx.as_of,
        )
        found = Search(
            found.left - covered,
            found.good_for + good_for,
            (*found.taken, taken) if covered else found.taken,
        )
    return found


def pledge(book: Book, covered: str, taken: tuple[Taken, ...]) -> None:
    """Add what an accepted order takes to the pledges there are."""
    for one in taken:
        key = (covered, one.currency)
        there = book.pledges.get(key, Pledge(0, 0))
        book.pledges[key] = Pledge(
            there.covered + one.covered_minor, there.pledged + one.pledged_minor
        )


def release(book: Book) -> None:
    """Give back what covers more than is needed, of each currency after all that it covers."""
    left = {covered for covered, _ in book.pledges}
    while left:
        turn = min(c for c in left if not any((other, c) in book.pledges for other in left))
        left.remove(turn)
        release_into(book, turn)


def release_into(book: Book, currency: str) -> None:
    """The pledges of one currency, the last one first."""
    excess = book.covered(currency) - max(0, book.needed(currency))
    for covered, covering in sorted(book.pledges, reverse=True):
        if covered != currency or excess <= 0:
            continue
        before = book.pledges.pop((covered, covering))
        after = max(0, before.covered - excess)
        excess -= before.covered - after
        if after > 0:
            share = Fraction(after, before.covered)
            book.pledges[covered, covering] = Pledge(after, up(before.pledged * share))
