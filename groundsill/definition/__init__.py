"""Systems, stages, tiers, settings and what components are made of."""
