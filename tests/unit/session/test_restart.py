"""What OPENs say about restarts, what two of them agree on, and what the end of a session means."""

from dataclasses import replace

import pytest

from bgpd.model import GracefulRestart, NeighborSpec
from bgpd.session.effects import Down, DownReason
from bgpd.session.restart import NOTHING, Agreement, Bits, Outcome, agree, capabilities, outcome
from bgpd.wire.capability import Capability, Open
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import CapabilityCode, Cease, ErrorCode
from bgpd.wire.message import Notification

SPEC = NeighborSpec(address=bytes((10, 0, 0, 2)), name="x", local_asn=64512, remote_asn=64512)


def bits(*, restarted: bool = False, preserved: bool = False) -> Bits:
    made = Bits()
    made.restarted, made.preserved = restarted, preserved
    return made


def open_of(*capabilities_: Capability) -> Open:
    return Open(64512, 90, bytes((1, 1, 1, 1)), capabilities_)


def said(spec: NeighborSpec = SPEC, own: Bits | None = None) -> Open:
    return open_of(*capabilities(spec, own or bits()))


def test_off_says_nothing() -> None:
    assert capabilities(replace(SPEC, graceful_restart=GracefulRestart.OFF), bits()) == []


def test_a_helper_names_no_family_and_no_time() -> None:
    graceful, long_lived = capabilities(replace(SPEC, graceful_restart=GracefulRestart.HELPER), bits(restarted=True))
    assert graceful.value == b"\xc0\x00"
    assert long_lived.value == b""


def test_the_octets() -> None:
    spec = replace(SPEC, restart_time=4095, long_lived_stale_time=((IPV6, 3600),))
    graceful, long_lived = capabilities(spec, bits(preserved=True))
    assert graceful.value.hex() == "4fff" + "00010180" + "00020180"
    assert long_lived.value.hex() == "00020180" + "000e10"
    assert graceful.describe() == "graceful-restart 4095 s, notification, ipv4 kept, ipv6 kept"


def test_agreement_of_two_of_ours() -> None:
    there = replace(SPEC, restart_time=60, long_lived_stale_time=((IPV4, 100),))
    agreed = agree(said(), said(there, bits(restarted=True, preserved=True)))
    assert agreed == Agreement(
        restart_time=60,
        restarted=True,
        capable=True,
        notification=True,
        families={IPV4: True, IPV6: True},
        long_lived_capable=True,
        long_lived={IPV4: (100, True)},
    )
    assert agreed.keeps(IPV6)
    assert (agreed.first_wait(IPV4), agreed.second_wait(IPV4), agreed.second_wait(IPV6)) == (60, 100, 0)
    assert agreed.preserved(IPV4, long_lived=True)
    assert not agreed.preserved(IPV6, long_lived=True)


def test_long_lived_without_the_short_one_means_nothing() -> None:
    only = Capability(CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, bytes.fromhex("00010180000064"))
    assert agree(said(), open_of(only)) == NOTHING


def test_long_lived_only_waits_at_once() -> None:
    remote = open_of(
        Capability(CapabilityCode.GRACEFUL_RESTART, b"\x00\x78"),
        Capability(CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, bytes.fromhex("00010180000064")),
    )
    agreed = agree(said(), remote)
    assert agreed.keeps(IPV4)
    assert not agreed.keeps(IPV6)
    assert (agreed.first_wait(IPV4), agreed.second_wait(IPV4)) == (0, 100)


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x78\x00", b"\x00\x78\x00\x01\x01"])
def test_malformed_counts_as_absent(value: bytes) -> None:
    assert agree(said(), open_of(Capability(CapabilityCode.GRACEFUL_RESTART, value))) == NOTHING


def test_unknown_families_are_passed_over_and_the_last_capability_counts() -> None:
    first = Capability(CapabilityCode.GRACEFUL_RESTART, b"\x00\x05")
    last = Capability(CapabilityCode.GRACEFUL_RESTART, b"\x00\x07" + bytes.fromhex("00198080" + "00010100"))
    agreed = agree(said(), open_of(first, last))
    assert agreed.restart_time == 7
    assert agreed.families == {IPV4: False}


def test_without_an_open_there_is_nothing() -> None:
    assert agree(None, said()) is NOTHING
    assert agree(said(), None) is NOTHING


def down(reason: DownReason, notification: Notification | None = None, *, sent: bool = False) -> Down:
    return Down(reason, "", notification, sent, established=True)


HARD = Notification(ErrorCode.CEASE, Cease.HARD_RESET, b"\x06\x02")
SOFT = Notification(ErrorCode.CEASE, Cease.ADMINISTRATIVE_RESET, b"")
HOLD = Notification(ErrorCode.HOLD_TIMER_EXPIRED, 0, b"")


@pytest.mark.parametrize(
    ("end", "plain", "with_n"),
    [
        (down(DownReason.TCP_CLOSED), Outcome.KEEP, Outcome.KEEP),
        (down(DownReason.COLLISION, SOFT, sent=True), Outcome.KEEP, Outcome.KEEP),
        (down(DownReason.NOTIFICATION, SOFT), Outcome.DROP, Outcome.KEEP),
        (down(DownReason.NOTIFICATION, HARD), Outcome.DROP, Outcome.DROP),
        (down(DownReason.HOLD_EXPIRED, HOLD, sent=True), Outcome.DROP, Outcome.KEEP),
        (down(DownReason.STOPPED, SOFT, sent=True), Outcome.DROP, Outcome.KEEP),
        (down(DownReason.STOPPED, HARD, sent=True), Outcome.DROP, Outcome.DROP),
    ],
)
def test_what_the_end_of_a_session_means(end: Down, plain: Outcome, with_n: Outcome) -> None:
    assert outcome(end, Agreement(capable=True)) is plain
    assert outcome(end, Agreement(capable=True, notification=True)) is with_n
    assert outcome(end, NOTHING) is Outcome.DROP
