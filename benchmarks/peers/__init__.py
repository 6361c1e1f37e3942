"""The peers of `make bench`: separate programs that do the work of docs/bench-profile.md."""
