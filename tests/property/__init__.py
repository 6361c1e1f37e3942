"""Random histories: the gate against the auditor, and invariants against its rows."""
