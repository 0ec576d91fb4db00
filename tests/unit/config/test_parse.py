"""The whole way; and that a start without a file stays cheap."""

import subprocess
import sys

from tests.unit.config.cases import Case


def test_a_reload_is_the_same_call(case: Case) -> None:
    first = case.parse("--asn=64513", yaml="metric: 5\n")
    assert case.parse("--asn=64513", "-c", "bgpd.yaml").spec == first.spec
    case.file("bgpd.yaml", "metric: 6\n")
    assert case.parse("--asn=64513", "-c", "bgpd.yaml").spec.speaker.kernel.metric == 6
    case.file("bgpd.yaml", "metrik: 6\n")
    assert case.errors("--asn=64513", "-c", "bgpd.yaml") == ["bgpd.yaml:1: metrik: unknown key; did you mean metric?"]


def test_a_flag_names_the_file_before_the_environment(case: Case) -> None:
    case.file("a.yaml", "metric: 1\n")
    case.file("b.yaml", "metric: 2\n")
    parsed = case.parse("-c", "a.yaml", BGPD_CONFIG="b.yaml")
    assert (parsed.path, parsed.spec.speaker.kernel.metric) == ("a.yaml", 1)
    assert case.parse().path is None


def test_nothing_heavy_is_imported_without_a_file() -> None:
    """Startup: exec to first OPEN has 400 ms, and configuration is the first in line."""
    code = (
        "import sys; from bgpd.config import parse; parse(['--router-id=1.2.3.4', '--peer=10.0.0.1'], {});"
        "print(*sorted({'yaml', 'asyncio', 'structlog', 'socket', 'difflib', 'pyroute2', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
