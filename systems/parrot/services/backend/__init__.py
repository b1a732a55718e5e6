"""The backend of Parrot."""
