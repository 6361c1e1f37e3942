"""From a rule's text to a `Program`: grammar, types and bounds.

Owns which texts are rules. One function a level of CEL's grammar (spec, "Syntax"); each gives back
the node of what it read, so types are checked where an operator is read. Whatever is wrong is a
`RuleProblem` at the token to look at; nothing else is raised.
"""

from sys import intern
from typing import Final

from pipeline.risk.expressions.nodes import (
    BOOL,
    FALSE,
    INT,
    STRING,
    TRUE,
    Among,
    AtMost,
    Choice,
    Connective,
    Constant,
    Difference,
    Equal,
    Field,
    Figure,
    Less,
    Negative,
    Node,
    Not,
    Product,
    Quotient,
    Remainder,
    Sum,
    Text,
    TextAmong,
    TextChoice,
    TextConstant,
    TextEqual,
    TextField,
    Unequal,
)
from pipeline.risk.expressions.problem import RuleProblem, quoted
from pipeline.risk.expressions.program import Program
from pipeline.risk.expressions.spelling import nearest_name
from pipeline.risk.expressions.tokens import (
    END,
    NAME,
    NUMBER,
    OPERATOR,
    Token,
    read_tokens,
)
from pipeline.risk.expressions.tokens import STRING as STRING_TOKEN

OPERATIONS_MAX: Final = 128
NESTING_MAX: Final = 16
LIST_VALUES_MAX: Final = 64
LIST_VALUES_OF_RULE_MAX: Final = 256

_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)
_KIND_NAMES: Final = {INT: "an integer", BOOL: "a boolean", STRING: "a string"}
_RELATIONS: Final = ("<", "<=", ">", ">=", "==", "!=", "in")


def compile_rule(text: str, fields: dict[str, int]) -> Program:
    """The rule's program; raises RuleProblem and nothing else.

    `fields` has the type of each field that a rule may use: INT, BOOL or STRING. A field's place in
    it is its slot (see `Program`). No field may have a name that CEL reserves (`in`, `null`, `if`).
    """
    return _Compiler(text, fields).program()


class _Compiler:
    """Reads one rule. A method that reads a level leaves `_next` at the first token after it."""

    def __init__(self, text: str, fields: dict[str, int]) -> None:
        self._text: Final = text
        self._fields: Final = fields
        self._slots: Final = {name: slot for slot, name in enumerate(fields)}
        self._used: Final[set[int]] = set()
        self._tokens: Final = read_tokens(text)
        self._next = 0
        self._operations = 0
        self._nesting = 0
        self._list_values = 0

    def program(self) -> Program:
        """The whole rule."""
        if self._tokens[0].kind == END:
            raise RuleProblem(1, "Write a condition, such as `quantity_lots <= 100`.")
        condition = self._expression()
        left_over = self._tokens[self._next]
        if left_over.kind != END:
            raise _unexpected(left_over)
        if not isinstance(condition, Figure) or condition.kind != BOOL:
            raise RuleProblem(
                1, f"Compare it with something: the rule gives {_kind(condition)}, not a boolean."
            )
        return Program(self._text, condition, sorted(self._used))

    def _take(self) -> Token:
        token = self._tokens[self._next]
        # END is never taken: whoever reads asks for an operator or a value, which it is not.
        self._next += 1
        return token

    def _sees(self, operator: str) -> bool:
        token = self._tokens[self._next]
        return token.kind == OPERATOR and token.text == operator

    def _take_operation(self) -> Token:
        token = self._take()
        self._operations += 1
        if self._operations > OPERATIONS_MAX:
            raise RuleProblem(
                token.position,
                f"Make two rules of it: a rule has at most {OPERATIONS_MAX} operations.",
            )
        return token

    def _nested(self, opening: Token) -> Node:
        """An expression within brackets, or behind the colon of a choice."""
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            raise RuleProblem(
                opening.position,
                f"Simplify the rule: brackets and choices go at most {NESTING_MAX} deep.",
            )
        node = self._expression()
        self._nesting -= 1
        return node

    def _expression(self) -> Node:
        condition = self._any()
        if not self._sees("?"):
            return condition
        question = self._take_operation()
        decided = _figure(condition, BOOL, question, "on its left")
        then = self._any()
        if not self._sees(":"):
            raise RuleProblem(
                question.position,
                "Write a choice as `c ? a : b`, and one that is its `c` or `a` in brackets.",
            )
        otherwise = self._nested(self._take())
        if isinstance(then, Text) and isinstance(otherwise, Text):
            return TextChoice(decided, then, otherwise)
        if (
            isinstance(then, Figure)
            and isinstance(otherwise, Figure)
            and then.kind == otherwise.kind
        ):
            return Choice(decided, then, otherwise)
        raise RuleProblem(
            question.position,
            "Give both sides of `:` the same type; "
            f"these are {_kind(then)} and {_kind(otherwise)}.",
        )

    def _any(self) -> Node:
        left = self._all()
        while self._sees("||"):
            operator = self._take_operation()
            left = _connected(left, operator, self._all(), TRUE)
        return left

    def _all(self) -> Node:
        left = self._relation()
        while self._sees("&&"):
            operator = self._take_operation()
            left = _connected(left, operator, self._relation(), FALSE)
        return left

    def _relation(self) -> Node:
        left = self._sum()
        # The text of a string begins with its quote.
        while self._tokens[self._next].text in _RELATIONS:
            operator = self._take_operation()
            if operator.text == "in":
                left = self._membership(left, operator)
            else:
                left = _compared(left, operator, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self._sees("+") or self._sees("-"):
            operator = self._take_operation()
            left = _calculated(left, operator, self._product())
        return left

    def _product(self) -> Node:
        left = self._unary()
        while self._sees("*") or self._sees("/") or self._sees("%"):
            operator = self._take_operation()
            left = _calculated(left, operator, self._unary())
        return left

    def _unary(self) -> Node:
        if self._sees("-"):
            return self._negative()
        negations: list[Token] = []
        while self._sees("!"):
            negations.append(self._take_operation())
        node = self._primary()
        for negation in reversed(negations):
            node = Not(_figure(node, BOOL, negation, "on its right"))
        return node

    def _negative(self) -> Node:
        if self._tokens[self._next + 1].kind == NUMBER:
            return self._number()
        minus = self._take_operation()
        # CEL's implementations differ on what `--a` is for the lowest integer.
        if self._sees("-"):
            raise RuleProblem(minus.position, "Write one `-`, or brackets as in `-(-a)`.")
        return Negative(_figure(self._primary(), INT, minus, "on its right"))

    def _primary(self) -> Node:
        token = self._tokens[self._next]
        if token.kind == NUMBER:
            return self._number()
        if token.kind == STRING_TOKEN:
            return TextConstant(intern(self._take().content))
        if token.kind == NAME and token.text != "in":
            return self._name()
        if self._sees("("):
            return self._bracketed()
        if self._sees("["):
            raise RuleProblem(token.position, "Write a list only behind `in`.")
        raise RuleProblem(token.position, f"Write a value {_before(token)}; one is missing.")

    def _number(self) -> Constant:
        """An integer literal; its minus sign belongs to it, as the lowest integer needs it."""
        return Constant(INT, self._literal())

    def _literal(self) -> int:
        first = self._take()
        digits = first.text if first.kind == NUMBER else self._take().text
        value = int(digits) if first.kind == NUMBER else -int(digits)
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise RuleProblem(
                first.position, f"Write an integer between {_INT64_MIN} and {_INT64_MAX}."
            )
        return value

    def _name(self) -> Node:
        token = self._take()
        if token.text in {"true", "false"}:
            return Constant(BOOL, TRUE if token.text == "true" else FALSE)
        if self._sees("("):
            raise RuleProblem(
                token.position,
                f"Write {quoted(token.text)} without a call: there are no functions.",
            )
        slot = self._slots.get(token.text)
        if slot is None:
            raise self._unknown(token)
        self._used.add(slot)
        kind = self._fields[token.text]
        return TextField(slot) if kind == STRING else Field(kind, slot)

    def _unknown(self, token: Token) -> RuleProblem:
        names = list(self._fields)
        meant = nearest_name(token.text, names)
        advice = f"Use one of the fields {', '.join(names)}" if meant is None else f"Use `{meant}`"
        return RuleProblem(token.position, f"{advice}; there is no field {quoted(token.text)}.")

    def _bracketed(self) -> Node:
        opening = self._take()
        node = self._nested(opening)
        closing = self._tokens[self._next]
        if self._sees(")"):
            self._take()
            return node
        if closing.kind == END:
            raise RuleProblem(opening.position, "Close this `(` with `)`.")
        raise _unexpected(closing)

    def _membership(self, left: Node, operator: Token) -> Node:
        opening = self._tokens[self._next]
        if not self._sees("["):
            raise RuleProblem(
                opening.position, "Write a list such as `[1, 2]` or `['a', 'b']` behind `in`."
            )
        self._take()
        if self._tokens[self._next].kind == STRING_TOKEN:
            words = frozenset(self._strings(opening))
            return TextAmong(_text(left, operator), words)
        numbers = frozenset(self._numbers(opening))
        return Among(_figure(left, INT, operator, "on its left"), numbers)

    def _strings(self, opening: Token) -> list[str]:
        values: list[str] = []
        more = True
        while more:
            token = self._take()
            if token.kind != STRING_TOKEN:
                raise RuleProblem(
                    token.position, f"Write a string {_before(token)}: the list began with one."
                )
            values.append(intern(token.content))
            more = self._listed(opening, len(values))
        return values

    def _numbers(self, opening: Token) -> list[int]:
        values: list[int] = []
        more = True
        while more:
            sign = 1 if self._sees("-") else 0
            token = self._tokens[self._next]
            if self._tokens[self._next + sign].kind != NUMBER:
                raise RuleProblem(
                    token.position,
                    f"Write an integer {_before(token)}: a list has literal integers, "
                    "or literal strings, and at least one.",
                )
            values.append(self._literal())
            more = self._listed(opening, len(values))
        return values

    def _listed(self, opening: Token, values: int) -> bool:
        """Counts a value of a list, reads what is behind it; whether that is a comma."""
        self._list_values += 1
        if values > LIST_VALUES_MAX or self._list_values > LIST_VALUES_OF_RULE_MAX:
            raise RuleProblem(
                opening.position,
                f"Write at most {LIST_VALUES_MAX} values in a list, "
                f"and {LIST_VALUES_OF_RULE_MAX} in all lists of a rule.",
            )
        behind = self._tokens[self._next]
        if self._sees(",") or self._sees("]"):
            self._take()
            return behind.text == ","
        if behind.kind == END:
            raise RuleProblem(opening.position, "Close this `[` with `]`.")
        raise RuleProblem(behind.position, f"Write a comma or `]` {_before(behind)}.")


def _connected(left: Node, operator: Token, right: Node, decisive: int) -> Node:
    return Connective(
        _figure(left, BOOL, operator, "on its left"),
        _figure(right, BOOL, operator, "on its right"),
        decisive,
    )


def _compared(left: Node, operator: Token, right: Node) -> Node:
    if operator.text in {"==", "!="}:
        return _equated(left, operator, right)
    lower = _figure(left, INT, operator, "on its left")
    upper = _figure(right, INT, operator, "on its right")
    if operator.text in {">", ">="}:
        lower, upper = upper, lower
    if operator.text in {"<", ">"}:
        return Less(BOOL, lower, upper)
    return AtMost(BOOL, lower, upper)


def _equated(left: Node, operator: Token, right: Node) -> Node:
    equal = operator.text == "=="
    if isinstance(left, Text) and isinstance(right, Text):
        return TextEqual(left, right, TRUE if equal else FALSE)
    if isinstance(left, Figure) and isinstance(right, Figure) and left.kind == right.kind:
        return Equal(BOOL, left, right) if equal else Unequal(BOOL, left, right)
    raise RuleProblem(
        operator.position,
        f"Give `{operator.text}` two values of one type; "
        f"these are {_kind(left)} and {_kind(right)}.",
    )


def _calculated(left: Node, operator: Token, right: Node) -> Node:
    first = _figure(left, INT, operator, "on its left")
    second = _figure(right, INT, operator, "on its right")
    if operator.text == "+":
        return Sum(INT, first, second)
    if operator.text == "-":
        return Difference(INT, first, second)
    if operator.text == "*":
        return Product(INT, first, second)
    if operator.text == "/":
        return Quotient(INT, first, second)
    return Remainder(INT, first, second)


def _figure(node: Node, kind: int, operator: Token, side: str) -> Figure:
    """The node as what the operator needs on that side."""
    if isinstance(node, Figure) and node.kind == kind:
        return node
    advice = f"Give `{operator.text}` {_KIND_NAMES[kind]} {side}; this is {_kind(node)}."
    if node.kind == STRING and kind == INT:
        advice += " Strings have only `==`, `!=` and `in`."
    raise RuleProblem(operator.position, advice)


def _text(node: Node, operator: Token) -> Text:
    if isinstance(node, Text):
        return node
    raise RuleProblem(
        operator.position,
        f"Give `in` a string on its left, as its list has strings; this is {_kind(node)}.",
    )


def _kind(node: Node) -> str:
    return _KIND_NAMES[node.kind]


def _before(token: Token) -> str:
    return "at the end" if token.kind == END else f"before {quoted(token.text)}"


def _unexpected(token: Token) -> RuleProblem:
    return RuleProblem(
        token.position,
        f"Delete {quoted(token.text)}, or write an operator such as `&&` before it.",
    )
