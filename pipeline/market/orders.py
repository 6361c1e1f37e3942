"""An order of the recording as far as the gate lets the venue have it.

Owns what becomes of each recorded event of one order, given the decisions on what was asked for it
before. Pure. Where the gate rejects a request, the venue has another version of the order than the
recording, or none:

- A rejected NEW: the venue has no order. The next recorded change is asked as a NEW of what the
  recording displays then.
- A rejected REPLACE: the version before it goes on working, under its own id. A recorded fill is
  one of it as far as it could have been: at a price within its limit, for no more than it has open.
  The next change is asked of that version; its total is what that version filled and what the
  recording displays.
- A rejected CANCEL: the venue confirms nothing.
"""

from typing import Final

from pipeline.market.flow import EVENT_CANCEL, EVENT_NEW, EVENT_REPLACE, MarketEvent
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    SIDE_BUY,
)

# Why a recorded fill is no fill of what the venue has.
REJECTED_ORDER: Final = "rejected_order"
REJECTED_REPLACE: Final = "rejected_replace"
UNMATCHED_REASONS: Final = (REJECTED_ORDER, REJECTED_REPLACE)

TRADES: Final = frozenset({EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL})

_CONFIRMATIONS: Final = {
    EVENT_NEW: EXEC_TYPE_NEW,
    EVENT_REPLACE: EXEC_TYPE_REPLACED,
    EVENT_CANCEL: EXEC_TYPE_CANCELED,
}


class VenueOrder:
    """One order. Its events are given in recorded order, none while a request is undecided."""

    __slots__ = (
        "_confirmation",
        "_cum_lots",
        "_lots",
        "_orig_revision",
        "_price_e9",
        "_revision",
        "_works",
        "asked",
        "unmatched_reason",
    )

    def __init__(self) -> None:
        """Nothing has been asked for it."""
        # The request without a decision.
        self.asked: MarketEvent | None = None
        self.unmatched_reason = REJECTED_ORDER
        self._revision = 0
        self._orig_revision = 0
        self._price_e9 = 0
        self._lots = 0
        self._cum_lots = 0
        self._works = False
        # How the venue answers the last request; None where it never got one.
        self._confirmation: int | None = None

    @property
    def open_lots(self) -> int:
        """What may still trade at the venue."""
        return self._lots - self._cum_lots if self._works else 0

    def request(self, event: MarketEvent) -> MarketEvent | None:
        """A recorded request as it is asked; None for a CANCEL of what does not work."""
        self._confirmation = None
        if event.kind == EVENT_CANCEL:
            self.asked = event._replace(revision=self._revision) if self._works else None
        elif event.kind == EVENT_REPLACE and self._works:
            total_lots = self._cum_lots + event.leaves_lots
            self.asked = event._replace(orig_revision=self._revision, lots=total_lots)
        else:
            self.asked = event._replace(kind=EVENT_NEW, orig_revision=0, lots=event.leaves_lots)
        return self.asked

    def decide(self, asked: MarketEvent, *, accepted: bool) -> None:
        """The gate's answer to what `request` returned."""
        self.asked = None
        if accepted:
            self._confirmation = _CONFIRMATIONS[asked.kind]
        if asked.kind == EVENT_CANCEL:
            return
        if accepted:
            self._revision, self._orig_revision = asked.revision, asked.orig_revision
            self._lots, self._price_e9 = asked.lots, asked.price_e9
            if asked.kind == EVENT_NEW:
                self._cum_lots = 0
            self._works = True
        elif asked.kind == EVENT_NEW:
            self.unmatched_reason = REJECTED_ORDER
        else:
            self.unmatched_reason = REJECTED_REPLACE

    def report(self, event: MarketEvent) -> MarketEvent | None:
        """A recorded report as the venue gives it; None where it has nothing to report."""
        if event.exec_type in TRADES:
            return self._traded(event)
        if self._confirmation is None:
            return None
        if self._confirmation == EXEC_TYPE_CANCELED:
            self._works = False
        replaced = self._confirmation == EXEC_TYPE_REPLACED
        return event._replace(
            revision=self._revision,
            orig_revision=self._orig_revision if replaced else 0,
            exec_type=self._confirmation,
            cum_lots=self._cum_lots,
            leaves_lots=self.open_lots,
        )

    def _traded(self, event: MarketEvent) -> MarketEvent | None:
        lots = min(event.lots, self.open_lots) if self._allows(event) else 0
        if not lots:
            return None
        self._cum_lots += lots
        self._works = self._cum_lots < self._lots
        return event._replace(
            revision=self._revision,
            lots=lots,
            exec_type=EXEC_TYPE_PARTIAL_FILL if self._works else EXEC_TYPE_FILL,
            cum_lots=self._cum_lots,
            leaves_lots=self.open_lots,
        )

    def _allows(self, event: MarketEvent) -> bool:
        if event.side == SIDE_BUY:
            return event.price_e9 <= self._price_e9
        return event.price_e9 >= self._price_e9
