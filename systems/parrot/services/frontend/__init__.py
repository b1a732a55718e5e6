"""The frontend of Parrot."""
