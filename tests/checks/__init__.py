"""Rules of `groundsill check`: each finds the fault that it is named for, and is silent without it."""
