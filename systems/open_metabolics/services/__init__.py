"""The containers of OpenMetabolics."""
