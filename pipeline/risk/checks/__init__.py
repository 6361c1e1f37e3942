"""The checks an order must pass: one function each, registered in order of precedence.

`registry.py` has the order; `context.py` what a check may look at. A check reads, compares and
returns a `CheckResult`; it changes nothing. docs/rules.md has the contract, docs/controls.md the
regulation behind each. To add one: write the function, register it, test it, document it.
"""
