"""Conflation: how many of the recorded reference prices a gate gets to see.

Owns one rule: at most one mark in an interval of recorded time, and of several the last. Pure.
"""

from typing import Final

from pipeline.market.flow import MarketEvent


class MarkConflater:
    """Holds back a mark until its interval is over. Times in microseconds of recorded time."""

    def __init__(self, interval_us: int) -> None:
        """The first mark goes out at once."""
        self._interval_us: Final = interval_us
        self._held: MarketEvent | None = None
        self._open_until_us = -1

    def offer(self, mark: MarketEvent) -> MarketEvent | None:
        """Take a mark; the one to publish now, if any. Call `due` for its time first."""
        if mark.time_us < self._open_until_us:
            self._held = mark
            return None
        self._open_until_us = mark.time_us + self._interval_us
        return mark

    def due(self, time_us: int) -> MarketEvent | None:
        """The mark that was held back and whose interval is over at `time_us`, if any."""
        if self._held is None or time_us < self._open_until_us:
            return None
        self._open_until_us += self._interval_us
        return self.rest()

    def rest(self) -> MarketEvent | None:
        """The mark still held back, at the end of a recording."""
        held, self._held = self._held, None
        return held
