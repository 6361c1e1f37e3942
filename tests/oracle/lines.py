"""Lines of a decision vector, and the bounds of what a record may say.

Owns how a check shows what it saw. Knows no rule of any single check.
"""

from typing import Final, NamedTuple

from tests.oracle.arithmetic import nearest

ID_BYTES_MAX: Final = 64
CURRENCY_BYTES_MAX: Final = 16
PRICE_E9_MAX: Final = 10**18
LOTS_MAX: Final = 10**12


class Check(NamedTuple):
    """One line of a decision vector, as the contract's `check_result` shows it."""

    check: str
    result: str
    reason: str | None = None
    observed: int | None = None
    limit: int | None = None
    limit_version: int | None = None
    headroom: int | None = None


class Figure(NamedTuple):
    """A limit in force, the version of its record, and the currency that the record names."""

    value: int
    version: int | None
    currency: str | None = None


def bad_id(text: str | None, longest: int = ID_BYTES_MAX) -> bool:
    """Whether an id that is there is empty or too long; what is absent is not bad."""
    return text is not None and not 1 <= len(text.encode()) <= longest


def is_price(price_e9: int | None) -> bool:
    """Whether it is there and within bounds."""
    return price_e9 is not None and 0 < price_e9 <= PRICE_E9_MAX


def line(check: str, reason: str | None, observed: int, limit: int, version: int | None) -> Check:
    """A check with figures, each as near to its true value as int64 comes."""
    result = "PASS" if reason is None else "FAIL"
    shown = (nearest(observed), nearest(limit), version, nearest(limit - observed))
    return Check(check, result, reason, *shown)


def passed(check: str) -> Check:
    """A check without figures that holds."""
    return Check(check, "PASS")


def failed(check: str, reason: str) -> Check:
    """A check without figures that does not."""
    return Check(check, "FAIL", reason)


def blind(check: str, reason: str, limit: Figure) -> Check:
    """A check that cannot see what it would compare with its limit."""
    return Check(check, "FAIL", reason, limit=limit.value, limit_version=limit.version)


def skipped(check: str) -> Check:
    """A check that lacks something another check fails for."""
    return Check(check, "NOT_EVALUATED")


def compared(check: str, observed: int, limit: Figure | None) -> Check:
    """At most the limit passes; no limit fails."""
    if limit is None:
        return failed(check, "LIMIT_MISSING")
    reason = None if observed <= limit.value else check
    return line(check, reason, observed, limit.value, limit.version)
