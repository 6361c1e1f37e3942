"""What can be changed in a module, one thing at a time.

Owns the list of changes. Annotations, docstrings, exceptions and other sentences for people stay:
nobody's money depends on them. A mutant is named by its function and by its statement before and
after, not by a line, so that what is said of it in docs/mutation.md stays true while the file
around it moves.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Final, NamedTuple

_COMPARISONS: Final[dict[type, tuple[type, ...]]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: Final[dict[type, tuple[type, ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_FUNCTIONS: Final = {"max": "min", "min": "max"}
# What is not the product's behaviour: types.
_LEFT_ALONE: Final = ("annotation", "returns", "decorator_list", "bases")


class Mutant(NamedTuple):
    """One change of `module`, in `function` (empty: outside of any) at `line`.

    `lines`: where the statement around it stands, up to the change; a test that has run none of
    them has not met it.
    """

    module: str
    function: str
    line: int
    lines: range
    before: str
    after: str
    code: CodeType

    @property
    def row(self) -> str:
        """How a row of docs/mutation.md about it begins."""
        return f"| `{self.function or self.module}` | `{self.before}` | `{self.after}` |"


class _Place(NamedTuple):
    """Where a node stands in its tree: `holder[key]`."""

    holder: Any
    key: Any
    function: str
    statement: ast.stmt


def mutants(root: Path, file: str) -> Iterator[Mutant]:
    """Every mutant of a module, compiled."""
    tree = ast.parse((root / file).read_text(), file)
    for place in list(_places(tree, "", None)):
        node = place.holder[place.key]
        before = _first_line(place.statement)
        for other in _instead(node, place.key):
            ast.fix_missing_locations(ast.copy_location(other, node))
            place.holder[place.key] = other
            after = _first_line(other if node is place.statement else place.statement)
            lines = range(place.statement.lineno, node.end_lineno + 1)
            code = compile(tree, file, "exec")
            yield Mutant(file, place.function, node.lineno, lines, before, after, code)
        place.holder[place.key] = node


def _first_line(statement: ast.AST) -> str:
    return ast.unparse(statement).splitlines()[0]


def _places(node: ast.AST, function: str, statement: ast.stmt | None) -> Iterator[_Place]:
    if isinstance(node, ast.Raise) or _is_docstring(node):
        return
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        function = f"{function}.{node.name}".lstrip(".")
    for field, value in ast.iter_fields(node):
        if field in _LEFT_ALONE:
            continue
        inside: list[tuple[Any, Any]] = [(vars(node), field)]
        if isinstance(value, list):
            inside = [(value, index) for index in range(len(value))]
        for holder, key in inside:
            child = holder[key]
            if not isinstance(child, ast.stmt | ast.expr | ast.arguments):
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            if inner is not None and not isinstance(child, ast.arguments):
                yield _Place(holder, key, function, inner)
            yield from _places(child, function, inner)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _instead(node: ast.AST, key: object) -> Iterator[ast.AST]:
    """What could stand in a node's place."""
    if key == "test":
        yield from (ast.Constant(value=True), ast.Constant(value=False))
    yield from _another_operation(node)
    yield from _another_value(node)
    yield from _another_statement(node)


def _another_operation(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for place, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], right)
        case ast.BinOp(left=left, op=op, right=right):
            yield from (ast.BinOp(left, other(), right) for other in _OPERATORS.get(type(op), ()))
        case ast.BoolOp(op=op, values=values):
            yield from (ast.BoolOp(other(), values) for other in _OPERATORS[type(op)])
            yield from values
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand


def _another_value(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(value=str(value)) if " " not in value:
            yield ast.Constant(value + "?")
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=args):
            yield ast.Call(ast.Name(_FUNCTIONS[name], ast.Load()), args, [])
        case ast.Call(func=ast.Name(id="abs"), args=[value]):
            yield value


def _another_statement(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.AugAssign(target=target, op=op, value=value):
            yield from (ast.AugAssign(target, other(), value) for other in _OPERATORS[type(op)])
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Raise() | ast.Continue():
            yield ast.Pass()
        case ast.Expr() if not _is_docstring(node):
            yield ast.Pass()
