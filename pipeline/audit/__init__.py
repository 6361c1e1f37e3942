"""Proof: re-reading the audit topic, checking its chains, replaying it bit for bit."""
