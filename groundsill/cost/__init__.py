"""What a system costs in a month, and from which traffic."""
