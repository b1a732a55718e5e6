"""Help for the tests of Multitask."""
