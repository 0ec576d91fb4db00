"""Specs: frozen, compared by what a reload must act on, and silent about secrets."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from bgpd import model
from bgpd.model import DaemonSpec, ExportRule, ImportRule, KernelSpec, NeighborSpec, OnStop, Originate, SpeakerSpec
from bgpd.wire.family import FAMILIES, IPV4

NEIGHBOR = NeighborSpec(address=b"\x0a\x00\x00\x01", name="a", local_asn=64512, remote_asn=64512)
SPEAKER = SpeakerSpec(router_id=b"\x0a\x00\x00\x02", neighbors=(NEIGHBOR,))
DAEMON = DaemonSpec(speaker=SPEAKER)


@pytest.mark.parametrize(
    "spec", [NEIGHBOR, KernelSpec(), Originate(family=IPV4, prefix=b"\x08\x0a"), SPEAKER, DAEMON], ids=lambda spec: type(spec).__name__
)  # fmt: skip
def test_specs_are_frozen(spec: object) -> None:
    name = fields(spec)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(spec, name, None)
    assert not hasattr(spec, "__dict__")


def test_external() -> None:
    assert not NEIGHBOR.external
    assert replace(NEIGHBOR, remote_asn=65001).external


def test_a_password_is_compared_and_never_printed() -> None:
    secret = replace(NEIGHBOR, password=b"hush")
    assert secret != NEIGHBOR
    assert secret != replace(NEIGHBOR, password=b"hush!")
    assert "hush" not in repr(secret) + repr(replace(SPEAKER, neighbors=(secret,)))


def test_where_a_value_came_from_is_no_change() -> None:
    """A setting that moves from a flag to the file costs no session anything."""
    assert replace(DAEMON, sources={"asn": "bgpd.yaml:3"}) == DAEMON


def test_equal_specs_have_equal_hashes() -> None:
    twin = NeighborSpec(address=b"\x0a\x00\x00\x01", name="a", local_asn=64512, remote_asn=64512)
    assert twin == NEIGHBOR
    assert hash(twin) == hash(NEIGHBOR)


def test_defaults() -> None:
    """Those of the README; `tests/unit/config/test_settings.py` holds the configuration to them."""
    assert (NEIGHBOR.port, NEIGHBOR.hold_time, NEIGHBOR.keepalive_time, NEIGHBOR.connect_retry_time) == (179, 90, 30, 5)
    assert (NEIGHBOR.idle_hold_min, NEIGHBOR.idle_hold_max, NEIGHBOR.families) == (5, 30, FAMILIES)
    assert (NEIGHBOR.import_rule, NEIGHBOR.export_rule) == (ImportRule.UNSET, ExportRule.UNSET)
    assert (SPEAKER.asn, DAEMON.on_stop, DAEMON.metrics) == (64512, OnStop.SHUTDOWN, ("127.0.0.1", 9179))
    assert Originate(family=IPV4, prefix=b"\x08\x0a").blackhole


def test_a_hold_time_leaves_room_for_three_keepalives() -> None:
    assert NEIGHBOR.keepalive_time * 3 <= NEIGHBOR.hold_time


def test_the_words_are_those_of_the_command_line() -> None:
    assert [rule.value for rule in ImportRule] == ["all", "none", "policy", "unset"]
    assert [rule.value for rule in ExportRule] == ["own", "all", "none", "policy", "unset"]
    assert [what.value for what in OnStop] == ["shutdown", "restart"]
    assert model.__doc__
