"""Situations that a risk officer can read, run through the real lane."""
