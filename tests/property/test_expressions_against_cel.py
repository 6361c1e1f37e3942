"""A rule means what it means in CEL: held to another implementation, which shares no code with it.

Rules are made with as few brackets as CEL's grammar needs, so that its precedence is tried too.
"""

from dataclasses import dataclass
from typing import Final

import cel
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.risk.expressions.compiling import compile_rule
from pipeline.risk.expressions.nodes import BOOL, FALSE, INT, NO_VALUE, STRING, TRUE
from pipeline.risk.expressions.problem import RuleProblem
from pipeline.risk.expressions.program import ERROR, Program
from pipeline.risk.expressions.tokens import TEXT_BYTES_MAX

pytestmark = pytest.mark.property

FIELDS: Final = {
    "m": INT,
    "n": INT,
    "in_lots": INT,
    "p": BOOL,
    "truely": BOOL,
    "s": STRING,
    "desk_id": STRING,
}
INT_FIELDS: Final = [name for name, kind in FIELDS.items() if kind == INT]
BOOL_FIELDS: Final = [name for name, kind in FIELDS.items() if kind == BOOL]
STRING_FIELDS: Final = [name for name, kind in FIELDS.items() if kind == STRING]

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
EDGES: Final = [
    edge + step
    for edge in (0, 2**31, -(2**31), 2**62, -(2**62), INT64_MAX - 1, INT64_MIN + 1)
    for step in (-1, 0, 1)
]
SMALL: Final = st.integers(-9, 9)
ALL_INTS: Final = SMALL | st.sampled_from(EDGES) | st.integers(INT64_MIN, INT64_MAX)
WORDS: Final = st.sampled_from(
    ["", "a", "A", "ab", "é", "\U0001f600", "in", "//", "\\", "'\"", "\n\t"]
)

# Levels of the grammar: what an operand must at least be, to stand without brackets.
CHOICE, ANY, ALL, RELATION, SUM, PRODUCT, UNARY, PRIMARY = range(8)
SPACES: Final = st.sampled_from([" ", " ", "", "\n", "\t ", " // a comment\n"])

Values = dict[str, int | str | bool | None]

# A rule is soon judged: ten for each history that goes through a lane.
MANY: Final = settings(max_examples=10 * settings().max_examples)


@dataclass(frozen=True)
class Expression:
    """The text of a rule, or of a part; and its twin, which means the same to the other one.

    The other implementation lets the negative of the lowest integer overflow unnoticed, where CEL
    has an error; its subtraction is right. So the twin has `(0 - a)` for `-a`.
    """

    text: str
    twin: str
    level: int

    def at(self, level: int) -> "Expression":
        """In brackets, if it binds weaker than the level."""
        if self.level >= level:
            return self
        return Expression(f"({self.text})", f"({self.twin})", PRIMARY)


def joined(draw: st.DrawFn, level: int, *parts: Expression | str) -> Expression:
    """Parts with white space of any kind between them."""
    text, twin = "", ""
    for part in parts:
        # A word needs space about it.
        space = " " if part == "in" or text.endswith(" in") else draw(SPACES)
        text += space + (part if isinstance(part, str) else part.text)
        twin += space + (part if isinstance(part, str) else part.twin)
    return Expression(text, twin, level)


def leaf(text: str, level: int = PRIMARY) -> Expression:
    return Expression(text, text, level)


def integer(value: int) -> Expression:
    return leaf(str(value), PRIMARY if value >= 0 else UNARY)


def literal_string(draw: st.DrawFn, content: str) -> str:
    """The content as a literal, its characters escaped or not as the draw has it."""
    quote = draw(st.sampled_from("'\""))
    written = ""
    for character in content:
        special = {"\n": r"\n", "\t": r"\t", "\\": r"\\", "'": r"\'", '"': r"\""}
        if character in special and (character not in "'\"" or character == quote):
            written += special[character]
        elif ord(character) < 2**16 and draw(st.booleans()):
            written += f"\\u{ord(character):04x}"
        else:
            written += character
    return f"{quote}{written}{quote}"


@st.composite
def ints(draw: st.DrawFn, depth: int, literals: st.SearchStrategy[int]) -> Expression:
    """An integer expression."""
    form = draw(
        st.sampled_from(["literal", "field", "field"] + ["binary", "minus", "choice"] * (depth > 0))
    )
    if form == "literal":
        return integer(draw(literals))
    if form == "field":
        return leaf(draw(st.sampled_from(INT_FIELDS)))
    operands = ints(depth - 1, literals)
    if form == "choice":
        return draw(choices(depth, literals, operands))
    if form == "minus":
        operand = draw(operands).at(PRIMARY)
        return Expression(f"-{operand.text}", f"(0 - {operand.twin})", UNARY)
    operator = draw(st.sampled_from("+-*/%"))
    level = SUM if operator in "+-" else PRODUCT
    return joined(draw, level, draw(operands).at(level), operator, draw(operands).at(level + 1))


@st.composite
def strings(draw: st.DrawFn, depth: int, literals: st.SearchStrategy[int]) -> Expression:
    """A string expression."""
    form = draw(st.sampled_from(["literal", "field", "field"] + ["choice"] * (depth > 0)))
    if form == "literal":
        return leaf(literal_string(draw, draw(WORDS)))
    if form == "field":
        return leaf(draw(st.sampled_from(STRING_FIELDS)))
    return draw(choices(depth, literals, strings(depth - 1, literals)))


@st.composite
def choices(
    draw: st.DrawFn,
    depth: int,
    literals: st.SearchStrategy[int],
    sides: st.SearchStrategy[Expression],
) -> Expression:
    """`c ? a : b`."""
    condition = draw(bools(depth - 1, literals)).at(ANY)
    then, otherwise = draw(sides).at(ANY), draw(sides).at(CHOICE)
    return joined(draw, CHOICE, condition, "?", then, ":", otherwise)


@st.composite
def bools(draw: st.DrawFn, depth: int, literals: st.SearchStrategy[int]) -> Expression:
    """A boolean expression."""
    if depth <= 0:
        return leaf(draw(st.sampled_from([*BOOL_FIELDS, "true", "false"])))
    form = draw(
        st.sampled_from(["not", "&&", "||", "choice", "relation", "relation", "in", "in", "equal"])
    )
    operands = bools(depth - 1, literals)
    if form == "not":
        return joined(draw, UNARY, "!" * draw(st.integers(1, 3)), draw(operands).at(PRIMARY))
    if form == "choice":
        return draw(choices(depth, literals, operands))
    if form in {"&&", "||"}:
        level = ALL if form == "&&" else ANY
        return joined(draw, level, draw(operands).at(level), form, draw(operands).at(level + 1))
    if form == "in":
        return draw(memberships(depth, literals))
    figures = ints(depth - 1, literals)
    if form == "relation":
        operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    else:
        operator = draw(st.sampled_from(["==", "!="]))
        figures = draw(st.sampled_from([operands, strings(depth - 1, literals)]))
    left, right = draw(figures).at(RELATION), draw(figures).at(SUM)
    return joined(draw, RELATION, left, operator, right)


@st.composite
def memberships(draw: st.DrawFn, depth: int, literals: st.SearchStrategy[int]) -> Expression:
    """`a in [...]`."""
    if draw(st.booleans()):
        left = draw(ints(depth - 1, literals)).at(RELATION)
        members = [str(value) for value in draw(st.lists(literals, min_size=1, max_size=4))]
    else:
        left = draw(strings(depth - 1, literals)).at(RELATION)
        words = draw(st.lists(WORDS, min_size=1, max_size=4))
        members = [literal_string(draw, word) for word in words]
    listed = joined(draw, PRIMARY, "[", leaf(" ,".join(members)), "]")
    return joined(draw, RELATION, left, "in", listed)


def values(figures: st.SearchStrategy[int]) -> st.SearchStrategy[Values]:
    """What the fields of an order are; None is no value."""
    kinds: dict[int, st.SearchStrategy[int | str | bool | None]] = {
        INT: figures,
        BOOL: st.booleans(),
        STRING: WORDS,
    }
    none = st.none()
    # One in ten, so that what a rule makes of the others is seen as well.
    return st.fixed_dictionaries(
        {name: st.one_of(*[kinds[kind]] * 9, none) for name, kind in FIELDS.items()}
    )


def ours(program: Program, order: Values) -> int:
    """Our answer, of an order with those values."""
    slots = [order[name] for name in FIELDS]
    figures = [value if isinstance(value, int) else NO_VALUE for value in slots]
    words = [value if isinstance(value, str) else None for value in slots]
    return program.evaluate(figures, words)


def theirs(text: str, order: Values) -> int:
    """The other implementation's answer; what is no answer of an evaluation fails the test."""
    known = {name: value for name, value in order.items() if value is not None}
    try:
        answer = cel.evaluate(text, known)
    except (OverflowError, ZeroDivisionError):
        return ERROR
    except RuntimeError:
        # For it a field without a value does not exist.
        assert None in order.values()
        return ERROR
    assert isinstance(answer, bool)
    return TRUE if answer else FALSE


@MANY
@given(bools(4, ALL_INTS), values(ALL_INTS))
def test_a_rule_answers_as_cel_does(rule: Expression, order: Values) -> None:
    assume(len(rule.text.encode()) <= TEXT_BYTES_MAX)
    assert ours(compile_rule(rule.text, FIELDS), order) == theirs(rule.twin, order)


@MANY
@given(bools(4, SMALL), values(SMALL))
def test_the_very_text_of_a_rule_is_cel(rule: Expression, order: Values) -> None:
    assume(len(rule.text.encode()) <= TEXT_BYTES_MAX)
    assert ours(compile_rule(rule.text, FIELDS), order) == theirs(rule.text, order)


PIECES: Final = st.sampled_from(
    [
        *(*FIELDS, "true", "false", "null", "size", "u", "0", "1", "7", "'a'", '"é"', "1.5", "0x1"),
        *("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "!", "?", ":"),
        *("(", ")", "[", "]", ",", ".", "'", "//", "\n", "\\", "in", "[1, 2]", "['a', 'b']"),
        *("", "m == 1", "s != 'a'", "p ? m : n", "m, n", "r", "b", "''", "--", "!-"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A rule in which some characters are replaced by a piece of another."""
    rule = draw(bools(draw(st.integers(1, 3)), SMALL)).text
    first = draw(st.integers(0, len(rule)))
    return rule[:first] + draw(PIECES) + rule[first + draw(st.integers(0, 8)) :]


@MANY
@given(damaged(), values(SMALL))
def test_what_is_taken_for_a_rule_is_one_in_cel(text: str, order: Values) -> None:
    program = compiled(text)
    if program is not None:
        assert ours(program, order) == theirs(text, order)


@MANY
@given(st.text() | st.text("()[]!-?:'\\\"u0dn&|= ", max_size=60), values(ALL_INTS))
def test_any_text_is_a_rule_or_a_problem(text: str, order: Values) -> None:
    program = compiled(text)
    if program is not None:
        assert ours(program, order) in {FALSE, TRUE, ERROR}


@given(
    st.sampled_from(
        ["(", "!", "-", "[", "1+", "true?", "true?1:", "true||", "m in[", "'a", "1,", "m"]
    ),
    st.integers(1, 2_000),
    st.sampled_from(["", "true", "1", "1==1"]),
    values(ALL_INTS),
)
def test_what_is_long_or_deep_is_a_rule_or_a_problem(
    piece: str, times: int, end: str, order: Values
) -> None:
    program = compiled(piece * times + end)
    if program is not None:
        assert ours(program, order) in {FALSE, TRUE, ERROR}


def compiled(text: str) -> Program | None:
    """The program, unless there is a problem, which is within the text and of bounded length."""
    found: RuleProblem | None = None
    try:
        program = compile_rule(text, FIELDS)
    except RuleProblem as problem:
        found = problem
    if found is None:
        assert len(text.encode()) <= TEXT_BYTES_MAX
        return program
    assert 1 <= found.position <= len(text) + 1
    assert found.advice.endswith(".")
    assert len(str(found)) < 300
    return None
