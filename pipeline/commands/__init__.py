"""One module a command of the command line; each has a click command named `command`."""
