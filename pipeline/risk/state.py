"""Lane state: rows by key, loaded when asked for, and which of them the current input changed.

Owns the cache of decoded rows of one lane. Rows are changed in place by the core, which says so
with `put`; the shell takes `changed` after each input, encodes it and makes it durable. Never
reads or writes anything itself: what is not cached comes from the `RowLoader` the shell gives.
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.keys import (
    ALIAS,
    InstrumentKeys,
    UserKeys,
    of_aliased,
    pledge_key,
)
from pipeline.risk.own_prices import OwnPrices
from pipeline.risk.records import (
    TRADING_STATE_ACTIVE,
    Control,
    RowAlgorithm,
    RowAlias,
    RowBalance,
    RowBand,
    RowDecision,
    RowHoldings,
    RowMark,
    RowOrder,
    RowPledge,
    RowPosition,
    RowRecent,
    RowRestriction,
    RowResult,
    RowSeen,
    RowUser,
    RowWithdrawal,
)

# What checks remember beyond the user's own row.
CheckRow = RowAlgorithm | RowRecent | RowBand | RowRestriction | RowResult | RowHoldings
Row = (
    RowUser
    | RowBalance
    | RowPosition
    | RowOrder
    | RowAlias
    | RowDecision
    | RowSeen
    | RowWithdrawal
    | RowPledge
    | RowMark
    | CheckRow
    | Control
)

FREED_AT_ONCE: Final = 2_000
# Users, and instruments, whose keys are kept.
KNOWN_KEYS_MAX: Final = 1_000
# Gate time is cut into buckets of 125 ms; a window of one second is the newest and 8 before it.
RATE_BUCKET_US: Final = 125_000
RATE_BUCKETS: Final = 9


class InvariantViolated(Exception):
    """What only a bug or a broken disk can cause: the worker must stop with nothing committed."""


class RowLoader:
    """Reads a row that is not cached. The shell provides the one that knows bytes."""

    def load(self, key: bytes) -> Row | None:
        """The row stored under `key`, or None."""
        raise NotImplementedError

    def may_hold(self, key: bytes) -> bool:
        """False: nothing that is remembered for a time was left under `key`, stored or not."""
        del key
        return True

    def note(self, key: bytes) -> None:
        """What is remembered for a time is left under `key`."""


class LaneState:
    """The rows of one lane as the core sees them."""

    def __init__(self, loader: RowLoader) -> None:
        self.loader: Final = loader
        # An index over the order rows, followed by whoever changes one.
        self.own_prices: Final = OwnPrices()
        # Rows used since the last trim that found it half full; those used before; those to free.
        self.cache: dict[bytes, Row] = {}
        self.older: dict[bytes, Row] = {}
        self.dropped: dict[bytes, Row] = {}
        # Key -> row, None when deleted, in order of first change by the current input.
        self.changed: dict[bytes, Row | None] = {}
        # Keys of every order that works, and those that orders under their aliases would have: an
        # id that is in neither, as nearly every new one is, need not be looked for in the store.
        self.working: Final[set[bytes]] = set()
        self.aliased: Final[set[bytes]] = set()
        # By user, of those asked for since they were too many; and of the one asked for last.
        self.known_keys: dict[str, UserKeys] = {}
        self._last_user = ""
        self._last_keys = UserKeys("")
        self.known_instrument_keys: dict[str, InstrumentKeys] = {}
        self._last_instrument = ""
        self._last_instrument_keys = InstrumentKeys("")

    def begin_input(self) -> None:
        """Forget what the previous input changed."""
        self.changed = {}

    def trim(self, rows_max: int) -> None:
        """Keep the cache within its bound; only between inputs.

        What has not been used for as long as it took to fill half of it goes, a few rows at a
        time: freeing all at once would make every order of the lane wait.
        """
        for _ in range(min(len(self.dropped), FREED_AT_ONCE)):
            self.dropped.popitem()
        if 2 * len(self.cache) > rows_max:
            self.dropped = self.older
            self.older = self.cache
            self.cache = {}

    def get(self, key: bytes) -> Row | None:
        """The row under `key`, cached or loaded."""
        row = self.cache.get(key)
        if row is not None:
            return row
        row = self.older.get(key)
        if row is not None:
            del self.older[key]
        elif key in self.changed:
            # Deleted by an input that is not stored yet: it must not come back from the loader.
            return None
        else:
            row = self.loader.load(key)
            if row is None:
                return None
        self.cache[key] = row
        return row

    def put(self, key: bytes, row: Row) -> None:
        """Note that `row` under `key` is new or was changed."""
        self.cache[key] = row
        if len(self.older) > 0 and key in self.older:
            del self.older[key]
        self.changed[key] = row
        if isinstance(row, RowOrder):
            self.working.add(key)
        elif isinstance(row, RowAlias):
            self.aliased.add(of_aliased(key))
        elif isinstance(row, (RowDecision, RowSeen)):
            self.loader.note(key)

    def put_back(self, key: bytes, row: Row) -> None:
        """Note that `row`, which the current input has got under `key`, was changed."""
        self.changed[key] = row

    def delete(self, key: bytes) -> None:
        """Remove the row under `key`."""
        self.cache.pop(key, None)
        self.older.pop(key, None)
        self.changed[key] = None
        self.working.discard(key)
        if key.startswith(ALIAS):
            self.aliased.discard(of_aliased(key))

    def keys(self, user_id: str) -> UserKeys:
        """The keys of a user's rows, of which one order asks for the same ones again and again."""
        if user_id == self._last_user:
            return self._last_keys
        keys = self.known_keys.get(user_id)
        if keys is None:
            if len(self.known_keys) >= KNOWN_KEYS_MAX:
                self.known_keys = {}
            keys = UserKeys(user_id)
            self.known_keys[user_id] = keys
        self._last_user = user_id
        self._last_keys = keys
        return keys

    def instrument_keys(self, instrument_id: str) -> InstrumentKeys:
        """The keys of an instrument's mark and of the range of its marks."""
        if instrument_id == self._last_instrument:
            return self._last_instrument_keys
        keys = self.known_instrument_keys.get(instrument_id)
        if keys is None:
            if len(self.known_instrument_keys) >= KNOWN_KEYS_MAX:
                self.known_instrument_keys = {}
            keys = InstrumentKeys(instrument_id)
            self.known_instrument_keys[instrument_id] = keys
        self._last_instrument = instrument_id
        self._last_instrument_keys = keys
        return keys

    def user(self, user_id: str) -> RowUser | None:
        """The user's row."""
        row = self.get(self.keys(user_id).user)
        if row is None:
            return None
        if not isinstance(row, RowUser):
            raise InvariantViolated("row of another kind under a user key")
        return row

    def user_or_new(self, user_id: str) -> RowUser:
        """The user's row, or one for a user whom no control record has registered."""
        row = self.user(user_id)
        if row is None:
            row = RowUser(
                registered=False,
                account_tenant_id="",
                tier_id="",
                trading_state=TRADING_STATE_ACTIVE,
                version=0,
                orders_count=0,
                messages_count=0,
                open_orders_count=0,
                deficit_count=0,
                rate_bucket=0,
                rate_counts=[0] * RATE_BUCKETS,
                activity_day=-1,
                messages_today=0,
                trades_today=0,
                instant_cancels_today=0,
                pushes_today=0,
                message_bucket=0,
                message_counts=[0] * RATE_BUCKETS,
                latched=[],
                halted_by=[],
            )
            self.put(self.keys(user_id).user, row)
        return row

    def balance(self, user_id: str, currency: str) -> RowBalance | None:
        """The user's money in a currency."""
        return self.balance_at(self.keys(user_id).balance(currency))

    def balance_at(self, key: bytes) -> RowBalance | None:
        """The money under a key."""
        row = self.get(key)
        if row is None:
            return None
        if not isinstance(row, RowBalance):
            raise InvariantViolated("row of another kind under a balance key")
        return row

    def position(self, user_id: str, instrument_id: str) -> RowPosition | None:
        """The user's position in an instrument."""
        return self.position_at(self.keys(user_id).position(instrument_id))

    def position_at(self, key: bytes) -> RowPosition | None:
        """The position under a key."""
        row = self.get(key)
        if row is None:
            return None
        if not isinstance(row, RowPosition):
            raise InvariantViolated("row of another kind under a position key")
        return row

    def order(self, user_id: str, order_id: str) -> RowOrder | None:
        """An order that still holds something."""
        key = self.keys(user_id).order(order_id)
        row = self.get(key) if key in self.working else None
        if row is None:
            return None
        if not isinstance(row, RowOrder):
            raise InvariantViolated("row of another kind under an order key")
        return row

    def root_of(self, user_id: str, order_id: str) -> str | None:
        """The root of the working order that `order_id` is an alias of."""
        if len(self.aliased) == 0:
            return None
        keys = self.keys(user_id)
        if keys.order(order_id) not in self.aliased:
            return None
        row = self.get(keys.alias(order_id))
        if not isinstance(row, RowAlias):
            raise InvariantViolated("row of another kind under an alias key")
        return row.root_order_id

    def decision(self, user_id: str, order_id: str, forgotten_before: int) -> RowDecision | None:
        """A decision that is still remembered."""
        key = self.keys(user_id).decision(order_id)
        # Nearly every id is a new one.
        row = self.get(key) if self.loader.may_hold(key) else None
        if row is None:
            return None
        if not isinstance(row, RowDecision):
            raise InvariantViolated("row of another kind under a decision key")
        return row if row.touched_at >= forgotten_before else None

    def seen(self, key: bytes, forgotten_before: int) -> RowSeen | None:
        """An applied execution or transfer that is still remembered."""
        row = self.get(key) if self.loader.may_hold(key) else None
        if row is None:
            return None
        if not isinstance(row, RowSeen):
            raise InvariantViolated("row of another kind under a seen key")
        return row if row.touched_at >= forgotten_before else None

    def withdrawal(self, key: bytes) -> RowWithdrawal | None:
        """A pending withdrawal."""
        row = self.get(key)
        if row is None:
            return None
        if not isinstance(row, RowWithdrawal):
            raise InvariantViolated("row of another kind under a withdrawal key")
        return row

    def pledge(self, user_id: str, covered: str, covering: str) -> RowPledge | None:
        """What of one currency covers what is needed in another."""
        row = self.get(pledge_key(user_id, covered, covering))
        if row is None:
            return None
        if not isinstance(row, RowPledge):
            raise InvariantViolated("row of another kind under a pledge key")
        return row

    def mark(self, instrument_id: str) -> RowMark | None:
        """The latest mark of an instrument."""
        row = self.get(self.instrument_keys(instrument_id).mark)
        if row is None:
            return None
        if not isinstance(row, RowMark):
            raise InvariantViolated("row of another kind under a mark key")
        return row

    def algorithm(self, user_id: str, algo_id: str) -> RowAlgorithm | None:
        """What an algorithm has traded for a user."""
        row = self.get(self.keys(user_id).algorithm(algo_id))
        if row is None:
            return None
        if not isinstance(row, RowAlgorithm):
            raise InvariantViolated("row of another kind under a key of kind algorithm")
        return row

    def recent_at(self, key: bytes) -> RowRecent | None:
        """A user's last accepted orders in an instrument, under their key."""
        row = self.get(key)
        if row is None:
            return None
        if not isinstance(row, RowRecent):
            raise InvariantViolated("row of another kind under a key of kind recent")
        return row

    def band(self, instrument_id: str) -> RowBand | None:
        """The range of an instrument's marks."""
        row = self.get(self.instrument_keys(instrument_id).band)
        if row is None:
            return None
        if not isinstance(row, RowBand):
            raise InvariantViolated("row of another kind under a key of kind band")
        return row

    def result(self, user_id: str, currency: str) -> RowResult | None:
        """What trading has brought the user in a currency."""
        row = self.get(self.keys(user_id).result(currency))
        if row is None:
            return None
        if not isinstance(row, RowResult):
            raise InvariantViolated("row of another kind under a key of kind result")
        return row

    def holdings(self, user_id: str) -> RowHoldings | None:
        """Where the user has a position or working orders."""
        row = self.get(self.keys(user_id).holdings)
        if row is None:
            return None
        if not isinstance(row, RowHoldings):
            raise InvariantViolated("row of another kind under a key of kind holdings")
        return row
