"""Keys of the risk-contexts table's rows: a kind byte, then each part as a length byte and UTF-8.

Owns the layout; a prefix of a key is a prefix of its parts, so one user's rows of a kind lie
together. Parts are at most 255 bytes; the checks bound ids to 64 before a key is made of one.
Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

USER: Final = b"U"
BALANCE: Final = b"B"
POSITION: Final = b"P"
ORDER: Final = b"O"
ALIAS: Final = b"A"
DECISION: Final = b"D"
EXECUTION: Final = b"X"
TRANSFER: Final = b"T"
WITHDRAWAL: Final = b"W"
PLEDGE: Final = b"S"
MARK: Final = b"M"
CONTROL: Final = b"C"
LANE: Final = b"L"
GATE: Final = b"G"
REPORT_DAY: Final = b"R"
ALGORITHM: Final = b"J"
RECENT: Final = b"E"
BAND: Final = b"H"
RESTRICTION: Final = b"N"
RESULT: Final = b"Y"
HOLDINGS: Final = b"I"

_LENGTHS: Final = [bytes([length]) for length in range(256)]
# Longer than any part.
_NOT_ASKED: Final = "-" * 256


def part(text: str) -> bytes:
    """One part of a key. Raises IndexError for more than 255 bytes: the caller has checked."""
    data = text.encode("utf-8")
    return _LENGTHS[len(data)] + data


def user_key(user_id: str) -> bytes:
    """Row of a user."""
    return USER + part(user_id)


def balance_key(user_id: str, currency: str) -> bytes:
    """Row of a user's money in one currency."""
    return BALANCE + part(user_id) + part(currency)


def position_key(user_id: str, instrument_id: str) -> bytes:
    """Row of a user's position in one instrument."""
    return POSITION + part(user_id) + part(instrument_id)


def order_key(user_id: str, order_id: str) -> bytes:
    """Row of an order that holds something."""
    return ORDER + part(user_id) + part(order_id)


def alias_key(user_id: str, order_id: str) -> bytes:
    """Row of another id of an order that holds something."""
    return ALIAS + part(user_id) + part(order_id)


def decision_key(user_id: str, order_id: str) -> bytes:
    """Row of a remembered decision whose order holds nothing."""
    return DECISION + part(user_id) + part(order_id)


def execution_key(user_id: str, order_id: str, venue: str, exec_id: str) -> bytes:
    """Row of an execution report that was applied."""
    return EXECUTION + part(user_id) + part(order_id) + part(venue) + part(exec_id)


def transfer_key(user_id: str, deposit_id: str) -> bytes:
    """Row of a money movement that was applied."""
    return TRANSFER + part(user_id) + part(deposit_id)


def withdrawal_key(user_id: str, withdrawal_id: str) -> bytes:
    """Row of a pending withdrawal."""
    return WITHDRAWAL + part(user_id) + part(withdrawal_id)


def pledge_key(user_id: str, covered: str, covering: str) -> bytes:
    """Row of a user's money of one currency that covers what is needed in another."""
    return PLEDGE + part(user_id) + part(covered) + part(covering)


def mark_key(instrument_id: str) -> bytes:
    """Row of an instrument's latest mark."""
    return MARK + part(instrument_id)


def algorithm_key(user_id: str, algo_id: str) -> bytes:
    """Row of what an algorithm has traded for a user."""
    return ALGORITHM + part(user_id) + part(algo_id)


def recent_key(user_id: str, instrument_id: str) -> bytes:
    """Row of a user's last accepted orders in an instrument."""
    return RECENT + part(user_id) + part(instrument_id)


def band_key(instrument_id: str) -> bytes:
    """Row of the range of an instrument's marks."""
    return BAND + part(instrument_id)


def restriction_key(subject: str, each: str, instrument_id: str) -> bytes:
    """Row of a restriction in force, in one instrument or ("") everywhere."""
    return RESTRICTION + part(subject) + part(each) + part(instrument_id)


def result_key(user_id: str, currency: str) -> bytes:
    """Row of what trading has brought a user in a currency."""
    return RESULT + part(user_id) + part(currency)


def holdings_key(user_id: str) -> bytes:
    """Row of where a user has a position or working orders."""
    return HOLDINGS + part(user_id)


def control_key(*parts: str) -> bytes:
    """Row of what is in force (or pending) of one subject of control."""
    return CONTROL + b"".join([part(text) for text in parts])


def report_day_key(tenant_id: str, business_day: int) -> bytes:
    """Row of the reporting step: a tenant's business day."""
    return REPORT_DAY + part(tenant_id) + part(str(business_day))


@mypyc_attr(acyclic=True)
class InstrumentKeys:
    """The keys of one instrument's rows that are no user's."""

    def __init__(self, instrument_id: str) -> None:
        own = part(instrument_id)
        self.mark: Final = MARK + own
        self.band: Final = BAND + own


@mypyc_attr(acyclic=True)
class UserKeys:
    """The keys of one user's rows, each made once while the same id or currency is asked for."""

    def __init__(self, user_id: str) -> None:
        own = part(user_id)
        # The key of the user's records on topics, and whether they belong into this lane for sure.
        self.utf8: Final = own[1:]
        self.is_of_lane = False
        self.user: Final = USER + own
        self.holdings: Final = HOLDINGS + own
        self._own: Final = own
        self._currency = _NOT_ASKED
        self._balance = b""
        self._result_currency = _NOT_ASKED
        self._result = b""
        self._algo_id = _NOT_ASKED
        self._algorithm = b""
        self._instrument_id = _NOT_ASKED
        self._position = b""
        self._recent = b""
        self._order_id = _NOT_ASKED
        self._order_utf8 = b""
        self._order = b""
        # What comes before the ids of orders, which mostly are of one length.
        self._order_bytes: i64 = -1
        self._before_order = b""
        self._before_alias = b""
        self._before_decision = b""

    def balance(self, currency: str) -> bytes:
        """As `balance_key`."""
        if currency != self._currency:
            self._currency = currency
            self._balance = BALANCE + self._own + part(currency)
        return self._balance

    def result(self, currency: str) -> bytes:
        """As `result_key`."""
        if currency != self._result_currency:
            self._result_currency = currency
            self._result = RESULT + self._own + part(currency)
        return self._result

    def algorithm(self, algo_id: str) -> bytes:
        """As `algorithm_key`."""
        if algo_id != self._algo_id:
            self._algo_id = algo_id
            self._algorithm = ALGORITHM + self._own + part(algo_id)
        return self._algorithm

    def position(self, instrument_id: str) -> bytes:
        """As `position_key`."""
        if instrument_id != self._instrument_id:
            self._take_instrument(instrument_id)
        return self._position

    def recent(self, instrument_id: str) -> bytes:
        """As `recent_key`."""
        if instrument_id != self._instrument_id:
            self._take_instrument(instrument_id)
        return self._recent

    def order(self, order_id: str) -> bytes:
        """As `order_key`."""
        if order_id != self._order_id:
            self._take_order(order_id)
        return self._order

    def alias(self, order_id: str) -> bytes:
        """As `alias_key`."""
        if order_id != self._order_id:
            self._take_order(order_id)
        return self._before_alias + self._order_utf8

    def decision(self, order_id: str) -> bytes:
        """As `decision_key`."""
        if order_id != self._order_id:
            self._take_order(order_id)
        return self._before_decision + self._order_utf8

    def _take_instrument(self, instrument_id: str) -> None:
        parts = self._own + part(instrument_id)
        self._instrument_id = instrument_id
        self._position = POSITION + parts
        self._recent = RECENT + parts

    def _take_order(self, order_id: str) -> None:
        data = order_id.encode("utf-8")
        length: i64 = len(data)
        if length != self._order_bytes:
            before = self._own + _LENGTHS[length]
            self._order_bytes = length
            self._before_order = ORDER + before
            self._before_alias = ALIAS + before
            self._before_decision = DECISION + before
        self._order_id = order_id
        self._order_utf8 = data
        self._order = self._before_order + data


def of_aliased(key: bytes) -> bytes:
    """The key that an order would have under the id of which `key` is the alias row's."""
    return ORDER + key[1:]


def text_part(key: bytes, index: int) -> str:
    """The index-th part of a key."""
    at = 1
    for _ in range(index):
        at += 1 + key[at]
    return key[at + 1 : at + 1 + key[at]].decode("utf-8")
