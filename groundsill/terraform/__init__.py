"""Terraform: from the graph to its configuration, and the engine that applies it."""
