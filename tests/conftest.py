"""For all tests: nothing is ever skipped. What a test needs and does not find makes it fail."""

import os
from collections.abc import Generator
from pathlib import Path

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

#: The suites of the second part (`--part world`): those that wait for clocks and daemons, and those that keep both
#: processors busy by themselves. The first part (`--part own`) is all the others.
WORLD = frozenset(["interop", "lab", "netns", "hostile", "etcd", "conformance", "fuzz", "sim"])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=["own", "world"], help="only this half of the tests (tools/tests runs both)")


def _other_part(path: Path, config: pytest.Config) -> bool:
    """Whether this file or directory belongs to the part that is not asked for."""
    part, inside = config.getoption("--part"), path.relative_to(Path(__file__).parent).parts
    return bool(part and inside) and (part == "world") != (inside[0] in WORLD)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if collection_path.is_dir() and _other_part(collection_path, config) else None


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    wanted = [item for item in items if not _other_part(item.path, config)]
    if len(wanted) < len(items):  # a file that is named on the command line is collected in any case
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted
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
