"""Operating a system: what is done with it around and after a deployment, its dress rehearsal first."""
