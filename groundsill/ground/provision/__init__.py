"""Making the graph's resources exist in the AWS API of the ground, so that every reference has a value."""

from __future__ import annotations
