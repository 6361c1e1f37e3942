"""One lane's serial line of work on bytes: decode, core, encode, digest, chain.

What the worker, the verifier and the benches share, so that all three do the very same thing.
"""
