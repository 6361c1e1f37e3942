"""The release after this one, made by a small patch, so that an upgrade to it can be tried."""
