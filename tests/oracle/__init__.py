"""A second, simpler gate, written from docs/rules.md alone, that judges the first."""
