"""Terraform's configuration worked out without Terraform: variables, locals, modules, instances and functions."""
