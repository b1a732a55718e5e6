"""A walk to play through the system: the recorded one where it is at hand, else a simulated one."""
