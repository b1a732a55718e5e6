"""Side-by-side measurements against peers. Run one with ``python -m benchmarks synth`` (or ``up``, ``http``, ``energy``)."""
