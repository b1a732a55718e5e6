"""The processes of the system, one folder each."""
