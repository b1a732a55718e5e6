"""The frontend of ImageUnderstander."""
