"""The money code changed one thing at a time: the tests must notice each change."""
