"""The language of an operator's own rules: what it accepts, what it answers, what it refuses.

That the answers are CEL's is tests/property/test_expressions_against_cel.py's to show.
"""

import re

import pytest

from pipeline.risk import rule_fields
from pipeline.risk.expressions.compiling import (
    LIST_VALUES_MAX,
    LIST_VALUES_OF_RULE_MAX,
    NESTING_MAX,
    OPERATIONS_MAX,
    compile_rule,
)
from pipeline.risk.expressions.nodes import BOOL, FALSE, INT, NO_VALUE, STRING, TRUE
from pipeline.risk.expressions.problem import RuleProblem
from pipeline.risk.expressions.program import ERROR
from pipeline.risk.expressions.tokens import TEXT_BYTES_MAX
from pipeline.settings import PROJECT_ROOT

FIELDS = {
    "quantity_lots": INT,
    "price_e9": INT,
    "side": STRING,
    "desk_id": STRING,
    "reduces": BOOL,
    "a": INT,
    "b": INT,
}
VALUES: dict[str, int | str | None] = {
    "quantity_lots": 5,
    "price_e9": 5_120_250_000_000,
    "side": "BUY",
    "desk_id": "desk-7",
    "reduces": TRUE,
    "a": 7,
    "b": -2,
}
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
DOCUMENT = PROJECT_ROOT / "docs/rule-language.md"


def result(text: str, **changed: int | str | None) -> int:
    """What the rule says of VALUES with some of them changed."""
    values = VALUES | changed
    ints = [value if isinstance(value, int) else 0 for value in values.values()]
    strings = [value if isinstance(value, str) else None for value in values.values()]
    return compile_rule(text, FIELDS).evaluate(ints, strings)


def problem(text: str, fields: dict[str, int] | None = None) -> RuleProblem:
    """What is wrong with the rule."""
    with pytest.raises(RuleProblem) as caught:
        compile_rule(text, FIELDS if fields is None else fields)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "!false",
        "!!reduces",
        "reduces",
        "quantity_lots <= 5",
        "quantity_lots >= 5",
        "quantity_lots < 6",
        "quantity_lots > 4",
        "quantity_lots == 5",
        "quantity_lots != 6",
        "reduces == true",
        "reduces != false",
        "side == 'BUY'",
        'side != "SELL"',
        "desk_id in ['desk-6', \"desk-7\"]",
        "quantity_lots in [-5, 5]",
        "quantity_lots in [5]",
        "!(quantity_lots in [-5, 6])",
        "!(desk_id in ['DESK-7'])",
        "-b == 2",
        "-(-b) == b",
        "a - -1 == 8",
        "(reduces ? quantity_lots : 0) == 5",
        "(reduces ? side : desk_id) == 'BUY'",
        "(!reduces ? side : desk_id) == 'desk-7'",
        "(!reduces ? side : desk_id) in ['desk-7']",
        "reduces ? true : false",
        "!reduces ? false : quantity_lots > 100 ? false : true",
        "\t quantity_lots\r\n  ==\f5 // a comment",
        "// a comment\ntrue",
        "true//",
        "007 == 7",
    ],
)
def test_a_rule_that_holds_is_true_and_its_opposite_false(text: str) -> None:
    assert result(text) == TRUE
    assert result(f"({text}\n) == false") == FALSE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("100 / 10 / 5", 2),
        ("100 / 10 * 5", 50),
        ("-2 * 3", -6),
        ("17 % 5 + 1", 3),
        ("2 * (a - 3) % 5", 3),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, value: int) -> None:
    assert result(f"{text} == {value}") == TRUE


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("true || false && false", TRUE),
        ("(true || false) && false", FALSE),
        ("!false && true", TRUE),
        ("1 < 2 == true", TRUE),
        ("a in [7] == true", TRUE),
        ("a + 1 in [8]", TRUE),
        ("false ? false : true || true", TRUE),
        ("true || true ? false : true", FALSE),
    ],
)
def test_logic_binds_weaker_than_relations_and_they_weaker_than_arithmetic(
    text: str, truth: int
) -> None:
    assert result(text) == truth


@pytest.mark.parametrize(
    ("left", "right", "quotient", "remainder"),
    [(7, 2, 3, 1), (-7, 2, -3, -1), (7, -2, -3, 1), (-7, -2, 3, -1), (1, -2, 0, 1), (6, -2, -3, 0)],
)
def test_division_truncates_towards_zero_and_the_remainder_has_the_sign_of_the_dividend(
    left: int, right: int, quotient: int, remainder: int
) -> None:
    assert result(f"a / b == {quotient}", a=left, b=right) == TRUE
    assert result(f"a % b == {remainder}", a=left, b=right) == TRUE


@pytest.mark.parametrize("text", ["a / 0 == 1", "a % 0 == 1", "a / (a - a) > 0"])
def test_division_by_zero_is_an_error(text: str) -> None:
    assert result(text) == ERROR


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("a + b == 0", INT64_MAX, 1),
        ("a - b == 0", INT64_MIN, 1),
        ("a * b == 0", 2**32, 2**31),
        ("a / b == 0", INT64_MIN, -1),
        ("a % b == 0", INT64_MIN, -1),
        ("-a == 0", INT64_MIN, 0),
        ("a + b - b == a", INT64_MAX, 1),
        ("-(a + b) < 0", INT64_MAX, 1),
        ("0 < a + b", INT64_MAX, 1),
        ("a + b in [1]", INT64_MAX, 1),
        ("!(a + b > 0)", INT64_MAX, 1),
        ("a + b > 0 ? true : false", INT64_MAX, 1),
        ("(a + b > 0 ? 'x' : 'y') == side", INT64_MAX, 1),
        ("side != (a + b > 0 ? 'x' : 'y')", INT64_MAX, 1),
        ("(a + b > 0 ? 'x' : 'y') in ['x']", INT64_MAX, 1),
    ],
)
def test_an_integer_beyond_64_bits_is_an_error_however_it_is_used(
    text: str, a: int, b: int
) -> None:
    assert result(text, a=a, b=b) == ERROR


def test_the_ends_of_64_bits_are_integers_like_others() -> None:
    assert result(f"a == {INT64_MAX} && b == {INT64_MIN}", a=INT64_MAX, b=INT64_MIN) == TRUE
    assert result("a + 1 == 0 - b - 1", a=2**62, b=-(2**62) - 2) == TRUE
    assert result("a + b == -1", a=INT64_MAX, b=INT64_MIN) == TRUE
    assert result("a - 1 - b == -1", a=INT64_MIN + 1, b=INT64_MIN + 1) == TRUE
    assert result("a % 10 == -8 && a / 10 == -922337203685477580", a=INT64_MIN) == TRUE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{error} && false", FALSE),
        ("false && {error}", FALSE),
        ("{error} && true", ERROR),
        ("true && {error}", ERROR),
        ("{error} || true", TRUE),
        ("true || {error}", TRUE),
        ("{error} || false", ERROR),
        ("false || {error}", ERROR),
        ("{error} && {error}", ERROR),
        ("{error} || {error}", ERROR),
        ("true && true", TRUE),
        ("true && false", FALSE),
        ("false || true", TRUE),
        ("false || false", FALSE),
        ("true ? true : {error}", TRUE),
        ("false ? {error} : true", TRUE),
        ("true ? {error} : true", ERROR),
    ],
)
def test_an_error_is_the_result_only_where_the_rest_does_not_decide(
    text: str, expected: int
) -> None:
    assert result(text.format(error="1 / 0 == 1")) == expected


def test_a_field_without_a_value_is_an_error_where_the_rule_depends_on_it() -> None:
    assert result("a > 1 || true", a=NO_VALUE) == TRUE
    assert result("a > 1", a=NO_VALUE) == ERROR
    assert result("1 > a", a=NO_VALUE) == ERROR
    assert result("-a > 1", a=NO_VALUE) == ERROR
    assert result("a in [1]", a=NO_VALUE) == ERROR
    assert result("reduces", reduces=NO_VALUE) == ERROR
    assert result("!reduces", reduces=NO_VALUE) == ERROR
    assert result("desk_id == side", desk_id=None) == ERROR
    assert result("side != desk_id", desk_id=None) == ERROR
    assert result("desk_id in ['x']", desk_id=None) == ERROR
    assert result("desk_id in ['x'] || side == 'BUY'", desk_id=None) == TRUE


def test_the_fields_used_are_slots_in_the_order_of_the_fields() -> None:
    program = compile_rule("b > 1 && side == 'BUY' || b < quantity_lots", FIELDS)
    assert program.fields_used == [0, 2, 6]
    assert [list(FIELDS)[slot] for slot in program.fields_used] == ["quantity_lots", "side", "b"]
    assert compile_rule("true", FIELDS).fields_used == []


def test_a_program_keeps_the_text_it_was_made_of() -> None:
    assert compile_rule(" a>1 ", FIELDS).text == " a>1 "


@pytest.mark.parametrize(
    ("literal", "content"),
    [
        (r"'it\'s'", "it's"),
        (r'"say \"so\""', 'say "so"'),
        (r"""'a"b'""", 'a"b'),
        (r"'\\'", "\\"),
        (r"'\n\r\t'", "\n\r\t"),
        (r"'\u00e9'", "é"),
        (r"'\u00E9t\u00e9'", "été"),
        ("'é\U0001f600'", "é\U0001f600"),
        ("''", ""),
        ("'// no comment'", "// no comment"),
    ],
)
def test_a_string_says_what_cel_says_it_says(literal: str, content: str) -> None:
    assert result(f"side == {literal}", side=content) == TRUE
    assert result(f"side in [{literal}]", side=content) == TRUE
    assert result(f"side == {literal}", side=content + "x") == FALSE


A_NUMBER_HERE = (
    "Write an integer {}: a list has literal integers, or literal strings, and at least one."
)
ESCAPES = r"""Write an escape as one of \\ \' \" \n \r \t or \u with four hex digits."""
TOO_BIG = f"Write an integer between {INT64_MIN} and {INT64_MAX}."
A_CHOICE = "Write a choice as `c ? a : b`, and one that is its `c` or `a` in brackets."


@pytest.mark.parametrize(
    ("text", "position", "advice"),
    [
        # Characters
        ("a = 1", 3, "Write `==` to compare."),
        ("a > 1 & b > 1", 7, "Write `&&` for and."),
        ("a > 1 | b > 1", 7, "Write `||` for or."),
        (
            "order.a > 1",
            6,
            "Write a field's name or a whole number: there are no members, methods or decimals.",
        ),
        ("{} == a", 1, "Write a list in square brackets: there are no maps."),
        ("a > 1;", 6, "Delete the character ';'; a rule has no use for it."),
        ("a > \u0661", 5, r"Delete the character '\u0661'; a rule has no use for it."),
        ("\ud800", 1, r"Delete the character '\ud800'; a rule has no use for it."),
        # Numbers
        ("a > 1.5", 5, "Write a whole number in decimal digits where `1` begins."),
        ("a > 1e9", 5, "Write a whole number in decimal digits where `1e9` begins."),
        ("a > 0x1F", 5, "Write a whole number in decimal digits where `0x1F` begins."),
        ("a > 5u", 5, "Write a whole number in decimal digits where `5u` begins."),
        ("a > 1_000", 5, "Write a whole number in decimal digits where `1_000` begins."),
        ("a < 9223372036854775808", 5, TOO_BIG),
        ("a > -9223372036854775809", 5, TOO_BIG),
        ("a in [1, 9223372036854775808]", 10, TOO_BIG),
        ("a in [-9223372036854775809]", 7, TOO_BIG),
        # Strings
        ("side == 'BUY", 9, "Close this string with ' on the same line."),
        ('side == "BUY\n"', 9, 'Close this string with " on the same line.'),
        ("side == 'BUY\r'", 9, "Close this string with ' on the same line."),
        (r"side == '\x41'", 10, ESCAPES),
        (r"side == 'A\101'", 11, ESCAPES),
        (r"side == '\u12g4'", 10, ESCAPES),
        (r"side == '\u12'", 10, ESCAPES),
        ("side == '\\", 10, ESCAPES),
        (
            r"side == 'x\ud800'",
            11,
            "Write the whole character instead of half a surrogate pair.",
        ),
        (
            "side == '\udfff'",
            10,
            "Write the whole character instead of half a surrogate pair.",
        ),
        # Values
        ("", 1, "Write a condition, such as `quantity_lots <= 100`."),
        (" // nothing", 1, "Write a condition, such as `quantity_lots <= 100`."),
        ("a >", 4, "Write a value at the end; one is missing."),
        ("a > && b", 5, "Write a value before `&&`; one is missing."),
        ("() == a", 2, "Write a value before `)`; one is missing."),
        ("in [1]", 1, "Write a value before `in`; one is missing."),
        ("!-a", 2, "Write a value before `-`; one is missing."),
        ("[1] == a", 1, "Write a list only behind `in`."),
        ("--a > 1", 1, "Write one `-`, or brackets as in `-(-a)`."),
        ("- -1 > 1", 1, "Write one `-`, or brackets as in `-(-a)`."),
        # Names
        ("quantity_lot > 1", 1, "Use `quantity_lots`; there is no field `quantity_lot`."),
        ("true && DESK_ID == 'x'", 9, "Use `desk_id`; there is no field `DESK_ID`."),
        (
            "qty > 1",
            1,
            (
                "Use one of the fields quantity_lots, price_e9, side, desk_id, reduces, a, b; "
                "there is no field `qty`."
            ),
        ),
        (
            "null == a",
            1,
            (
                "Use one of the fields quantity_lots, price_e9, side, desk_id, reduces, a, b; "
                "there is no field `null`."
            ),
        ),
        ("size(side) > 1", 1, "Write `size` without a call: there are no functions."),
        ("a(1) > 1", 1, "Write `a` without a call: there are no functions."),
        # Brackets and what is left over
        ("(a > 1", 1, "Close this `(` with `)`."),
        ("a > 1 && ((a > b) || (b > 1)", 10, "Close this `(` with `)`."),
        ("(a > 1]", 7, "Delete `]`, or write an operator such as `&&` before it."),
        ("a > 1)", 6, "Delete `)`, or write an operator such as `&&` before it."),
        ("a > 1 b > 1", 7, "Delete `b`, or write an operator such as `&&` before it."),
        ("a > 1 : b > 1", 7, "Delete `:`, or write an operator such as `&&` before it."),
        ("side == '''x'''", 11, "Delete `'x'`, or write an operator such as `&&` before it."),
        ("a !b", 3, "Delete `!`, or write an operator such as `&&` before it."),
        # Lists
        ("a in b", 6, "Write a list such as `[1, 2]` or `['a', 'b']` behind `in`."),
        ("a in", 5, "Write a list such as `[1, 2]` or `['a', 'b']` behind `in`."),
        ("a in []", 7, A_NUMBER_HERE.format("before `]`")),
        ("a in [1, b]", 10, A_NUMBER_HERE.format("before `b`")),
        ("a in [1, 'x']", 10, A_NUMBER_HERE.format("before `'x'`")),
        ("a in [1, -b]", 10, A_NUMBER_HERE.format("before `-`")),
        ("a in [1,", 9, A_NUMBER_HERE.format("at the end")),
        ("side in ['x', 1]", 15, "Write a string before `1`: the list began with one."),
        ("side in ['x',", 14, "Write a string at the end: the list began with one."),
        ("side in ['x', -1]", 15, "Write a string before `-`: the list began with one."),
        ("a in [1, 2", 6, "Close this `[` with `]`."),
        ("a in [1 2]", 9, "Write a comma or `]` before `2`."),
        ("a in [1 + 2]", 9, "Write a comma or `]` before `+`."),
        # Choices
        ("reduces ? true", 9, A_CHOICE),
        ("true ? true ? true : false : false", 6, A_CHOICE),
        ("a ? true : false", 3, "Give `?` a boolean on its left; this is an integer."),
        (
            "reduces ? 1 : false",
            9,
            "Give both sides of `:` the same type; these are an integer and a boolean.",
        ),
        (
            "reduces ? side : 1",
            9,
            "Give both sides of `:` the same type; these are a string and an integer.",
        ),
        # Types
        ("a", 1, "Compare it with something: the rule gives an integer, not a boolean."),
        ("side", 1, "Compare it with something: the rule gives a string, not a boolean."),
        ("a && true", 3, "Give `&&` a boolean on its left; this is an integer."),
        ("true && a", 6, "Give `&&` a boolean on its right; this is an integer."),
        ("side || true", 6, "Give `||` a boolean on its left; this is a string."),
        ("!a", 1, "Give `!` a boolean on its right; this is an integer."),
        ("!a in [1]", 1, "Give `!` a boolean on its right; this is an integer."),
        ("-reduces == 1", 1, "Give `-` an integer on its right; this is a boolean."),
        ("a + reduces > 1", 3, "Give `+` an integer on its right; this is a boolean."),
        ("true < false", 6, "Give `<` an integer on its left; this is a boolean."),
        ("1 < a < 5", 7, "Give `<` an integer on its left; this is a boolean."),
        (
            "a <= side",
            3,
            (
                "Give `<=` an integer on its right; this is a string. "
                "Strings have only `==`, `!=` and `in`."
            ),
        ),
        (
            "side + 'x' == 'BUYx'",
            6,
            (
                "Give `+` an integer on its left; this is a string. "
                "Strings have only `==`, `!=` and `in`."
            ),
        ),
        ("side == 1", 6, "Give `==` two values of one type; these are a string and an integer."),
        (
            "reduces != 1",
            9,
            "Give `!=` two values of one type; these are a boolean and an integer.",
        ),
        (
            "side in [1]",
            6,
            (
                "Give `in` an integer on its left; this is a string. "
                "Strings have only `==`, `!=` and `in`."
            ),
        ),
        (
            "a in ['x']",
            3,
            ("Give `in` a string on its left, as its list has strings; this is an integer."),
        ),
    ],
)
def test_a_rule_that_is_refused_says_where_and_what_to_do(
    text: str, position: int, advice: str
) -> None:
    found = problem(text)
    assert (found.position, found.advice) == (position, advice)
    assert str(found) == f"At character {position}: {advice}"


def test_a_long_word_is_cut_short_in_the_message() -> None:
    assert problem("x" * 1_000, {"a": INT}).advice == (
        f"Use one of the fields a; there is no field `{'x' * 40}...`."
    )


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("quantity_lost", "quantity_lots"),
        ("quantitylots", "quantity_lots"),
        ("price_e8", "price_e9"),
        ("priced", None),
        ("desk", "desk_id"),
        ("quantity", "quantity_lots"),
        ("deskid", "desk_id"),
        ("Price_E9", "price_e9"),
        ("sides", "side"),
        ("q", None),
    ],
)
def test_a_misspelt_field_is_guessed_only_where_it_is_near(word: str, meant: str | None) -> None:
    advice = problem(f"{word} == 1").advice
    expected = "Use one of the fields " if meant is None else f"Use `{meant}`; "
    assert advice.startswith(expected)


def test_the_first_of_the_fields_that_are_equally_near_is_guessed() -> None:
    assert problem("cat > 1", {"car": INT, "bat": INT}).advice.startswith("Use `car`; ")


def test_a_rule_has_so_many_bytes() -> None:
    longest = "true //" + "é" * ((TEXT_BYTES_MAX - 8) // 2) + "x"
    assert len(longest.encode()) == TEXT_BYTES_MAX
    assert result(longest) == TRUE
    assert problem(longest + "x").advice == (
        "Write at most 1024 bytes; the rule has 1025. Make two rules of it."
    )


def test_a_rule_has_so_many_operations() -> None:
    longest = "+".join("1" * OPERATIONS_MAX)
    assert result(f"{longest} == {OPERATIONS_MAX}") == TRUE
    found = problem(f"{longest} + 1 == {OPERATIONS_MAX}")
    assert found.advice == "Make two rules of it: a rule has at most 128 operations."
    assert found.position == len(longest) + len(" + 1 =")


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("true", 0),
        ("-1<1", 1),
        ("-a<1", 2),
        ("a+b-a*b/a%b==1", 6),
        ("a in[1,2]", 1),
        ("true&&true||true", 2),
        ("true?true:true", 1),
    ],
)
def test_every_operator_counts(text: str, operations: int) -> None:
    spare = OPERATIONS_MAX - operations
    assert result(f"{'!' * spare}({text})") in {TRUE, FALSE}
    assert "128 operations" in problem(f"{'!' * (spare + 1)}({text})").advice


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("false ? false : ", "")])
def test_brackets_and_choices_are_nested_so_deep(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "true" + closing * depth

    assert result(nested(NESTING_MAX)) == TRUE
    found = problem(nested(NESTING_MAX + 1))
    assert found.advice == "Simplify the rule: brackets and choices go at most 16 deep."
    assert found.position == NESTING_MAX * len(opening) + opening.rindex(opening.strip()[-1]) + 1


def test_brackets_side_by_side_are_not_nested() -> None:
    assert result("&&".join(["(true)"] * (NESTING_MAX * 2))) == TRUE


@pytest.mark.parametrize(("field", "value"), [("a", "1"), ("side", "'x'")])
def test_lists_have_so_many_values(field: str, value: str) -> None:
    def lists(*sizes: int) -> str:
        return "||".join(f"{field} in[{','.join([value] * size)}]" for size in sizes)

    full = [LIST_VALUES_MAX] * (LIST_VALUES_OF_RULE_MAX // LIST_VALUES_MAX)
    advice = "Write at most 64 values in a list, and 256 in all lists of a rule."
    if field == "a":
        assert result(lists(*full)) == FALSE
        assert problem(lists(*full, 1)).advice == advice
    assert result(lists(LIST_VALUES_MAX)) == FALSE
    found = problem(lists(LIST_VALUES_MAX + 1))
    assert (found.advice, found.position) == (advice, len(field) + 4)


def test_the_examples_of_the_document_are_rules_that_say_what_it_says() -> None:
    text = DOCUMENT.read_text()
    values = [example for _, example, _ in rule_fields.FIELDS.values()]
    ints = [int(value) if value.isdecimal() else 0 for value in values]
    strings = [value.strip('"') for value in values]
    examples = re.findall(
        r"^```cel\n(.*?)^```\n\nOf this order: \*\*(true|false)\*\*", text, re.MULTILINE | re.DOTALL
    )
    assert len(examples) == text.count("```cel") == 10
    for rule, truth in examples:
        due = TRUE if truth == "true" else FALSE
        assert rule_fields.compiled(rule).evaluate(ints, list(strings)) == due, rule


def test_the_bounds_of_the_document_are_those_of_the_code() -> None:
    bounds = re.findall(r"^\| ([\d,]+) \| ", DOCUMENT.read_text(), re.MULTILINE)
    assert [int(bound.replace(",", "")) for bound in bounds] == [
        TEXT_BYTES_MAX,
        OPERATIONS_MAX,
        NESTING_MAX,
        LIST_VALUES_MAX,
        LIST_VALUES_OF_RULE_MAX,
    ]
