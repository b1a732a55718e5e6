"""The command line. One module a command in `commands`, what they show in `views`; nothing imports this package."""
