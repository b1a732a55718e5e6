"""The energy estimate."""
