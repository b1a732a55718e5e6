"""Runs the functions of a system: real handlers, in warm worker processes, with Lambda's contract and limits.

Start at :class:`~groundsill.ground.functions.runner.FunctionRunner`.
"""
