"""One Faust agent a step of topology.md: thin shells around the pure parts."""
