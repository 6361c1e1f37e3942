"""Which field an operator may have meant."""

from typing import Final

# A name that differs in more than every third letter was hardly meant.
_LETTERS_AN_EDIT: Final = 3


def nearest_name(word: str, names: list[str]) -> str | None:
    """The name that takes the fewest edits to write, the first of several; None if all are far.

    A name of which the word is the beginning, up to a `_`, is as near as one edit.
    """
    found: str | None = None
    fewest = len(word) // _LETTERS_AN_EDIT + 1
    for name in names:
        edits = 1 if name.startswith(f"{word}_") else _edits(word.lower(), name.lower())
        if edits < fewest:
            found = name
            fewest = edits
    return found


def _edits(left: str, right: str) -> int:
    """Letters to insert, delete or replace to make the one of the other (Levenshtein)."""
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            replaced = above[column - 1] + (0 if letter == other else 1)
            current.append(min(replaced, above[column] + 1, current[column - 1] + 1))
        above = current
    return above[-1]
