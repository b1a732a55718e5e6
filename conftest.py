"""Settings of every test run: requirement rows, and how hard properties are tried."""

from __future__ import annotations

import os

import hypothesis

pytest_plugins = ["tests.requirement_rows"]

# A machine that is busy with other tests is no reason for a property to fail.
hypothesis.settings.register_profile("default", deadline=None, max_examples=60)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
