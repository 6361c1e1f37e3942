"""Who and what is restricted: users, desks, instruments, counterparties, algorithms, by id.

Owns the lists in force, in memory whole, because every order looks into them: a dictionary a
subject, so that an id costs its own entry and nothing else, and a lookup no key of its own. Their
rows are `check_rules.py`'s. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.records import RESTRICTION_SUBJECT_NAMES


class Restrictions:
    """The versions of the restrictions in force."""

    def __init__(self) -> None:
        self.count = 0
        # By subject, id -> version: everywhere; and instrument -> id -> version.
        self._everywhere: Final[list[dict[str, int]]] = [{} for _ in RESTRICTION_SUBJECT_NAMES]
        self._within: Final[list[dict[str, dict[str, int]]]] = [
            {} for _ in RESTRICTION_SUBJECT_NAMES
        ]

    def add(self, subject: int, each: str, instrument_id: str, version: int) -> None:
        """Restrict an id in an instrument, or ("") everywhere."""
        ids = self._everywhere[subject]
        if instrument_id:
            ids = self._within[subject].setdefault(instrument_id, {})
        if each not in ids:
            self.count += 1
        ids[each] = version

    def remove(self, subject: int, each: str, instrument_id: str) -> bool:
        """Restrict it no longer; whether it was."""
        within = self._within[subject]
        ids = within.get(instrument_id) if instrument_id else self._everywhere[subject]
        if ids is None or ids.pop(each, None) is None:
            return False
        self.count -= 1
        if instrument_id and not ids:
            del within[instrument_id]
        return True

    def version_of(self, subject: int, each: str, instrument_id: str) -> int | None:
        """The version of what restricts an id everywhere, else of what does in an instrument."""
        found = self._everywhere[subject].get(each)
        if found is not None:
            return found
        within = self._within[subject]
        if not within:
            return None
        ids = within.get(instrument_id)
        return None if ids is None else ids.get(each)
