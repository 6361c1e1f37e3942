"""A rule that has been compiled, ready for the hot path."""

from typing import Final

from pipeline.risk.expressions.nodes import NO_VALUE, Figure

# The third result of a rule, beside FALSE (0) and TRUE (1).
ERROR: Final = 2


class Program:
    """A condition over the fields that `compile_rule` was given.

    A field's *slot* is its place among those fields, in the order of the dictionary, whatever its
    type; `fields_used` has the slots that the rule looks at, ascending. All programs of one
    dictionary share their slots, so a caller keeps two lists of that length for all of its rules,
    and for each order sets the slots that some rule uses, once.
    """

    def __init__(self, text: str, condition: Figure, fields_used: list[int]) -> None:
        self.text: Final = text
        self.fields_used: Final = fields_used
        self._condition: Final = condition

    def evaluate(self, ints: list[int], strings: list[str | None]) -> int:
        """TRUE, FALSE or ERROR; never raises, and changes neither list.

        `ints[slot]` is the value of an integer field, within 64 bits, or of a boolean one as 0 or
        1; `strings[slot]` that of a string field. NO_VALUE, or None, says that the field has no
        value: the result is ERROR, unless it does not depend on it. The lists are as long as the
        fields; what stands in slots that are not used does not matter.

        ERROR is a division by zero, an integer beyond 64 bits, or a field without a value.
        """
        result = self._condition.value(ints, strings)
        return ERROR if result == NO_VALUE else result
