"""A rule's text as tokens: the lexical part of CEL that rules have.

Owns what a number, a string, a name, an operator and a comment look like. Knows no types and no
fields. Anything else that CEL has (other numbers, other strings, other escapes) is a `RuleProblem`,
never read as something different.
"""

from typing import Final

from pipeline.risk.expressions.problem import RuleProblem, quoted

TEXT_BYTES_MAX: Final = 1_024

END: Final = 0
NUMBER: Final = 1
STRING: Final = 2
NAME: Final = 3
OPERATOR: Final = 4

_SPACE: Final = " \t\n\r\f"
_DIGITS: Final = "0123456789"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_HEX: Final = "0123456789abcdefABCDEF"
_PAIRS: Final = ("==", "!=", "<=", ">=", "&&", "||")
_SINGLES: Final = "+-*/%<>!?:()[],"
_ESCAPES: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_INSTEAD: Final = {
    "=": "Write `==` to compare.",
    "&": "Write `&&` for and.",
    "|": "Write `||` for or.",
    ".": "Write a field's name or a whole number: there are no members, methods or decimals.",
    "{": "Write a list in square brackets: there are no maps.",
}
_UNICODE_DIGITS: Final = 4
_SURROGATE_MIN: Final = 0xD800
_SURROGATE_MAX: Final = 0xDFFF


class Token:
    """A piece of the text.

    `text` is as it was written, `content` what a string says, `position` as in `RuleProblem`.
    """

    def __init__(self, kind: int, text: str, position: int, content: str = "") -> None:
        self.kind: Final = kind
        self.text: Final = text
        self.position: Final = position
        self.content: Final = content


def read_tokens(text: str) -> list[Token]:
    """The tokens in order, the last one END; raises RuleProblem."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > TEXT_BYTES_MAX:
        raise RuleProblem(
            1, f"Write at most {TEXT_BYTES_MAX} bytes; the rule has {size}. Make two rules of it."
        )
    tokens: list[Token] = []
    at = _after_space(text, 0)
    while at < len(text):
        token = _token(text, at)
        tokens.append(token)
        at = _after_space(text, at + len(token.text))
    tokens.append(Token(END, "", len(text) + 1))
    return tokens


def _after_space(text: str, at: int) -> int:
    """Where the next token begins: after white space and comments."""
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
        elif text.startswith("//", at):
            line_end = text.find("\n", at)
            at = len(text) if line_end < 0 else line_end
        else:
            break
    return at


def _token(text: str, at: int) -> Token:
    character = text[at]
    if character in _LETTERS:
        return Token(NAME, _word(text, at), at + 1)
    if character in _DIGITS:
        return _number(text, at)
    if character in {"'", '"'}:
        return _string(text, at)
    if text[at : at + 2] in _PAIRS:
        return Token(OPERATOR, text[at : at + 2], at + 1)
    if character in _SINGLES:
        return Token(OPERATOR, character, at + 1)
    advice = _INSTEAD.get(character)
    if advice is None:
        advice = f"Delete the character {character!a}; a rule has no use for it."
    raise RuleProblem(at + 1, advice)


def _word(text: str, start: int) -> str:
    at = start
    while at < len(text) and (text[at] in _LETTERS or text[at] in _DIGITS):
        at += 1
    return text[start:at]


def _number(text: str, start: int) -> Token:
    word = _word(text, start)
    end = start + len(word)
    fraction = text.startswith(".", end)
    for character in word:
        if character not in _DIGITS:
            fraction = True
    if fraction:
        raise RuleProblem(
            start + 1, f"Write a whole number in decimal digits where {quoted(word)} begins."
        )
    return Token(NUMBER, word, start + 1)


def _string(text: str, start: int) -> Token:
    quote = text[start]
    content: list[str] = []
    at = start + 1
    while at < len(text) and text[at] not in "\r\n":
        character = text[at]
        if character == quote:
            return Token(STRING, text[start : at + 1], start + 1, "".join(content))
        if character == "\\":
            at += 1
            content.append(_escaped(text, at))
            at += _UNICODE_DIGITS + 1 if text[at] == "u" else 1
        else:
            content.append(_character(ord(character), at))
            at += 1
    raise RuleProblem(start + 1, f"Close this string with {quote} on the same line.")


def _escaped(text: str, at: int) -> str:
    """What a backslash and the letter at `at` stand for."""
    letter = text[at : at + 1]
    if letter == "u":
        digits = text[at + 1 : at + 1 + _UNICODE_DIGITS]
        if len(digits) == _UNICODE_DIGITS and all(digit in _HEX for digit in digits):
            return _character(int(digits, 16), at - 1)
    content = _ESCAPES.get(letter)
    if content is None:
        raise RuleProblem(
            at, r"""Write an escape as one of \\ \' \" \n \r \t or \u with four hex digits."""
        )
    return content


def _character(code: int, at: int) -> str:
    """The character, unless it is half of one: no text on the wire can hold that."""
    if _SURROGATE_MIN <= code <= _SURROGATE_MAX:
        raise RuleProblem(at + 1, "Write the whole character instead of half a surrogate pair.")
    return chr(code)
