"""The ground: a system's resources, running for real on this machine."""
