"""The backend of ImageUnderstander."""
