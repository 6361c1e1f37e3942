"""The reference venue: a small price-time matching engine that answers accepted orders.

A part for tests and demonstrations; the gate never depends on it.
"""
