"""Help of this system's tests."""
