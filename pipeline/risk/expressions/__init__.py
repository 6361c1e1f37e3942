"""The language of an operator's own rules: a strict subset of CEL, typed when it is compiled.

`compiling.py` has `compile_rule`; `program.py` what it returns; `nodes.py` evaluates; `tokens.py`
reads; `problem.py` is the only thing that a rule's text can raise. Knows nothing of orders: a
caller names the fields and gives their values. docs/rule-language.md is the operator's side.

What this accepts, CEL accepts with the same result (https://github.com/google/cel-spec); the tests
hold it to that. A rule costs at most `OPERATIONS_MAX` operations, and evaluating never raises.
"""
