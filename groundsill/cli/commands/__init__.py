"""One module a command: its arguments and what it does. Only the module of the command that was given is imported."""
