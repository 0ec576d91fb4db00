"""For all tests: nothing is ever skipped. What a test needs and does not find makes it fail."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

#: Property tests play the same cases each time, so that a failure is of the change at hand; `make test-long` looks
#: for new ones (PROPERTIES=new), and what it finds becomes an @example.
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("new", max_examples=2000)
settings.load_profile(os.environ.get("PROPERTIES", "same"))

#: Minutes of work and a gigabyte: `make test-long` sets the variable.
collect_ignore = [] if os.environ.get("BGPD_LONG") else ["netns/test_kernel_million.py"]

#: Suites with other people's daemons, kernels and clocks. One of them may be late for a reason of its own: a test that
#: fails there runs once more, and is listed as RERUN at the end, to be looked at. Our own logic gets no second chance.
REAL_WORLD = ("tests/interop/", "tests/lab/", "tests/netns/", "tests/hostile/", "tests/etcd/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(REAL_WORLD):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip would hide a missing daemon, privilege or engine behind a green line: it is a failure here."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed: {report.longrepr}"
    return report
