"""Restricted lists: ids from a file, and the records that make a list longer or shorter.

Owns cutting a long list into records that a lane takes, and leaving out what is on the list (or off
it) already, so that a command that broke off is simply run again. Publishes nothing.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TextIO

from pipeline.control.definitions import Subject, subject_of
from pipeline.control.history import ControlError, ControlHistory
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.check_rules import RESTRICTED_IDS_MAX
from pipeline.risk.records import Restriction

_COMMENT: Final = "#"


def read_ids(file: TextIO) -> Iterator[str]:
    """The ids of a file, one a line; empty lines and those that begin with # are none.

    Raises ControlError for a line that is no id.
    """
    try:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if text and not text.startswith(_COMMENT):
                yield _checked(text, f"{file.name}, line {number}")
    except UnicodeDecodeError as error:
        raise ControlError(f"{file.name} is not UTF-8 text: {error}") from error


def _checked(text: str, where: str) -> str:
    if is_id(text, ID_BYTES_MAX):
        return text
    shown = text if len(text) <= ID_BYTES_MAX else f"{text[:ID_BYTES_MAX]}..."
    raise ControlError(f"{where}: an id has 1 to {ID_BYTES_MAX} bytes of UTF-8, not {shown!r}")


def changes_of_list(
    history: ControlHistory,
    subject: int,
    ids: Iterable[str],
    instrument_id: str | None,
    *,
    restricted: bool,
) -> tuple[list[Restriction], int]:
    """(the records that put `ids` on a list or take them off it, how many need no record)."""
    known = listed(history, subject, instrument_id)
    needed: dict[str, None] = {}
    unchanged = 0
    for each in ids:
        if (each in known) == restricted or each in needed:
            unchanged += 1
        else:
            needed[each] = None
    remaining = iter(needed)
    records = []
    while part := list(islice(remaining, RESTRICTED_IDS_MAX)):
        records.append(Restriction(subject, part, instrument_id, restricted=restricted))
    return records, unchanged


def listed(history: ControlHistory, subject: int, instrument_id: str | None) -> dict[str, None]:
    """The ids that are on a list, in the order of listing."""
    return history.restricted.get(list_subject(subject, instrument_id), {})


def list_subject(subject: int, instrument_id: str | None) -> Subject:
    """Which list it is: of users, say, everywhere or in an instrument."""
    return subject_of(Restriction(subject, [], instrument_id, restricted=True))
