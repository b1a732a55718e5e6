"""The model service of ImageUnderstander."""
