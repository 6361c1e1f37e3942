"""What control may say about a check: whether it has a limit, looks back, can be switched off.

Owns `CheckTraits`, the shape of that knowledge, apart from the checks themselves: the rules in
force judge control records by it and must not know how a check decides. The catalogue is made in
`checks/registry.py`. Compiled with mypyc.
"""

from typing import Final

# Of a check that looks back: the longest window.
WINDOW_MS_MAX: Final = 86_400_000


class CheckTraits:
    """One check, as control sees it.

    `exemptible`: a policy may switch it off, and a severity NOTIFY let what fails it pass.
    `limited`: it has a limit by `check_limit`, at most `limit_max`; `in_money`: which may be in a
    currency; `has_allowance`: and which an allowance is added to. `window_ms`: how far it looks
    back by default, 0 if it does not.
    """

    def __init__(
        self,
        name: str,
        *,
        exemptible: bool = False,
        limited: bool = False,
        limit_max: int = 10**18,
        in_money: bool = False,
        has_allowance: bool = False,
        window_ms: int = 0,
    ) -> None:
        self.name: Final = name
        self.exemptible: Final = exemptible
        self.limited: Final = limited
        self.limit_max: Final = limit_max
        self.in_money: Final = in_money
        self.has_allowance: Final = has_allowance
        self.window_ms: Final = window_ms


class CheckCatalog:
    """The traits of every check by its name."""

    def __init__(self, traits: list[CheckTraits]) -> None:
        self.by_name: Final[dict[str, CheckTraits]] = {each.name: each for each in traits}
        self.limited: Final = [each.name for each in traits if each.limited]
        self.exemptible: Final = frozenset([each.name for each in traits if each.exemptible])
