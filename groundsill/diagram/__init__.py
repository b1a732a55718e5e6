"""The picture of a system."""
