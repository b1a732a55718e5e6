"""Settings of every test run: requirement rows, and how hard properties are tried."""

from __future__ import annotations

import os

import hypothesis
import pytest

pytest_plugins = ["tests.requirement_rows"]

# A machine that is busy with other tests is no reason for a property to fail.
hypothesis.settings.register_profile("default", deadline=None, max_examples=60)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that mostly wait for Terraform begin first, so that the others' work fills the time; the longest leads."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.stem != "test_rehearsal_systems", item.path not in slow))
