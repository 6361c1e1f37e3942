"""Figures and times as people write them, to the integers of the records and back.

Owns how many decimals a currency has, and the day on which scenarios begin. Integers only: a text
with more decimals than there are is an error, never rounded.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

DECIMALS: Final = {"USD": 2, "EUR": 2, "BTC": 8}
PRICE_DECIMALS: Final = 9
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY: Final = date(2024, 3, 4)
# A figure within a phrase.
FIGURE: Final = r"-?[\d,]+(?:\.\d+)?"
_FIGURE: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?")
_TIME: Final = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?")


class FigureError(ValueError):
    """A text that is no figure or time."""


def scaled(text: str, decimals: int) -> int:
    """A figure in units of its last decimal: "1,000.50" with 2 decimals is 100050."""
    found = _FIGURE.fullmatch(text.replace(",", ""))
    if found is None or len(found[3] or "") > decimals:
        message = f"{text!r} is no figure of at most {decimals} decimals"
        raise FigureError(message)
    amount = int(found[2] + (found[3] or "").ljust(decimals, "0"))
    return -amount if found[1] else amount


def shown(amount: int, decimals: int) -> str:
    """The same for people: 100050 with 2 decimals is "1,000.50"."""
    whole, part = divmod(abs(amount), 10**decimals)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}" + (f".{part:0{decimals}}" if decimals else "")


def lots_of(text: str) -> int:
    """A whole number."""
    return scaled(text, 0)


def money(text: str, currency: str) -> int:
    """An amount in minor units."""
    return scaled(text, DECIMALS.get(currency, 0))


def shown_money(amount: int, currency: str) -> str:
    """An amount of minor units, for people."""
    return shown(amount, DECIMALS.get(currency, 0))


def price(text: str) -> int:
    """A price in 1e-9 units."""
    return scaled(text, PRICE_DECIMALS)


def shown_price(price_e9: int) -> str:
    """A price with two decimals, or with all it has if those are more."""
    whole, part = shown(price_e9, PRICE_DECIMALS).split(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def moment(text: str, today: date) -> int:
    """Microseconds since 1970 of "09:00:00.5" of a day, or of "2024-03-05 09:00:00"."""
    found = _TIME.fullmatch(text)
    if found is None:
        message = f"{text!r} is no time as 09:00:00, 09:00:00.000001 or 2024-03-05 09:00:00"
        raise FigureError(message)
    try:
        instant = datetime.fromisoformat(f"{found[1] or today.isoformat()}T{found[2]}+00:00")
    except ValueError as error:
        message = f"{text!r}: {error}"
        raise FigureError(message) from error
    return (instant - EPOCH) // timedelta(microseconds=1) + int((found[3] or "").ljust(6, "0"))


def day_of(now_us: int) -> date:
    """The UTC day of a time."""
    return (EPOCH + timedelta(microseconds=now_us)).date()


def session(text: str) -> int:
    """Days since 1970 of "2024-03-04"."""
    try:
        return (date.fromisoformat(text) - EPOCH.date()).days
    except ValueError as error:
        message = f"{text!r} is no day as 2024-03-04"
        raise FigureError(message) from error
