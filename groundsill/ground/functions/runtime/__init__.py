"""What runs inside a function's own interpreter: the fork server and the workers that it forks.

These modules use the standard library alone, since the interpreter of a function need not have Groundsill
installed. The supervisor loads them by path under the name ``_groundsill_runtime``, so that no user module
can be shadowed.
"""
