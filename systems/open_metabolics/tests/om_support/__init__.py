"""Help for the tests of OpenMetabolics."""
