"""What is wrong with a rule's text, said to the operator who wrote it."""

from typing import Final

_SHOWN_MAX: Final = 40


class RuleProblem(Exception):
    """A rule that cannot be compiled.

    `position` counts characters from the start of the text, the first is 1. `advice` is a sentence
    or two that say what to do. Both depend on the text and the fields alone.
    """

    def __init__(self, position: int, advice: str) -> None:
        super().__init__(f"At character {position}: {advice}")
        self.position = position
        self.advice = advice


def quoted(text: str) -> str:
    """A piece of the rule for a message, cut short where it is long."""
    if len(text) > _SHOWN_MAX:
        return f"`{text[:_SHOWN_MAX]}...`"
    return f"`{text}`"
