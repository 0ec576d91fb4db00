"""Settings of restarts, shutdowns and silence: what they become, and what contradicts what."""

import pytest

from bgpd.config import ConfigError
from bgpd.model import GracefulRestart, NeighborSpec
from bgpd.wire.family import IPV4, IPV6
from tests.unit.config.cases import Case


def neighbor(case: Case, keys: str) -> NeighborSpec:
    (spec,) = case.parse("--peer", f"192.168.1.11{',' * bool(keys)}{keys}").spec.speaker.neighbors
    return spec


def test_defaults_keep_routes_at_both_ends(case: Case) -> None:
    spec = neighbor(case, "")
    assert spec.graceful_restart is GracefulRestart.FULL
    assert (spec.restart_time, spec.long_lived_stale_time, spec.send_hold_time) == (120, (), None)
    assert not spec.graceful_shutdown
    assert not spec.accept_blackhole


def test_every_key(case: Case) -> None:
    spec = neighbor(
        case, "restart-time=60,long-lived-stale-time=ipv6:600,send-hold-time=0,graceful-shutdown,accept-blackhole"
    )
    assert (spec.restart_time, spec.long_lived_stale_time, spec.send_hold_time) == (60, ((IPV6, 600),), 0)
    assert spec.graceful_shutdown
    assert spec.accept_blackhole
    assert neighbor(case, "long-lived-stale-time=5").long_lived_stale_time == ((IPV4, 5), (IPV6, 5))
    assert neighbor(case, "graceful-restart=helper").graceful_restart is GracefulRestart.HELPER
    assert neighbor(case, "").long_lived_stale_limit == 86400
    assert neighbor(case, "long-lived-stale-limit=0").long_lived_stale_limit == 0


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("graceful-restart=yes", "expected off, helper or full, got 'yes'"),
        ("restart-time=4096", "4096 is not between 1 and 4095"),
        ("restart-time=0", "0 is not between 1 and 4095"),
        ("graceful-restart=off,restart-time=60", "graceful-restart=off does not"),
        ("graceful-restart=helper,long-lived-stale-time=60", "graceful-restart=helper does not"),
        ("long-lived-stale-time=16777216", "is not between 0 and 16777215 seconds (RFC 9494)"),
        ("long-lived-stale-time=ipv5:7", "expected a number of seconds, or pairs such as ipv4:3600+ipv6:600"),
        ("families=ipv4,long-lived-stale-time=ipv6:7", "ipv6 is not among the families of this neighbor"),
        ("long-lived-stale-limit=16777216", "16777216 is not between 0 and 16777215"),
        ("graceful-restart=off,long-lived-stale-limit=60", "graceful-restart=off keeps none"),
        ("send-hold-time=90", "90 is not more than the hold time (90), as RFC 9687 wants it"),
    ],
)
def test_mistakes(case: Case, keys: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        neighbor(case, keys)
    (line,) = error.value.lines
    assert words in line
    assert "192.168.1.11" in line


def test_off_needs_no_quotes_and_a_mistake_has_its_line(case: Case) -> None:
    text = "peer:\n- address: 192.168.1.11\n  graceful-restart: "
    (spec,) = case.parse(yaml=text + "off\n").spec.speaker.neighbors
    assert spec.graceful_restart is GracefulRestart.OFF
    (line,) = case.errors(yaml=text + "maybe\n")
    assert line.startswith("bgpd.yaml:3: ")


def test_graceful_shutdown_is_for_one_neighbor_or_for_all(case: Case) -> None:
    speaker = case.parse("--graceful-shutdown", "--peer=192.168.1.11").spec.speaker
    assert speaker.graceful_shutdown
    assert not speaker.neighbors[0].graceful_shutdown
    assert not case.parse("--peer=192.168.1.11,graceful-shutdown").spec.speaker.graceful_shutdown
