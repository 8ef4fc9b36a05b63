"""For every test: hypothesis without a clock, and in CI no test skipped for want of a program or of the footage."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

NEEDED_IN_CI = {"broker", "browser", "rtsp", "footage"}  # make installs or fetches what they need

settings.register_profile("here", deadline=None)  # a busy machine is no fault of ours
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = NEEDED_IN_CI & {marker.name for marker in item.iter_markers()}
    if os.environ.get("CI") == "true" and report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where {', '.join(sorted(needed))} must work: {report.longrepr}"
    return report
