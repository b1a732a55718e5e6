"""Functions of Multitask, one module a service."""
