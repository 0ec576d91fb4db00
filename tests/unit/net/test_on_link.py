"""Who is the neighbor on a link. The sockets are tested by tests/interop/test_unnumbered.py."""

import pytest

from bgpd.net import on_link
from bgpd.net.on_link import SILENCE, Heard
from bgpd.wire.prefix import parse_address

ROUTER, OTHER, HOST = (parse_address(f"fe80::{n}") for n in (5, 3, 1))


def test_a_router_goes_before_a_host() -> None:
    heard = Heard()
    assert heard.choose(0.0) == b""
    heard.hear(HOST, 0.0, router=False)
    assert heard.choose(0.0) == HOST
    heard.hear(ROUTER, 1.0, router=True)
    assert heard.choose(1.0) == ROUTER


def test_whoever_was_chosen_stays_until_it_falls_silent() -> None:
    heard = Heard()
    heard.hear(ROUTER, 0.0, router=True)
    assert heard.choose(0.0) == ROUTER
    heard.hear(OTHER, 1.0, router=True)
    assert heard.choose(SILENCE) == ROUTER
    assert heard.choose(SILENCE + 0.5) == OTHER
    assert heard.choose(SILENCE + 2.0) == b""


def test_a_flood_of_senders_is_bounded() -> None:
    heard = Heard()
    for number in range(10_000):
        heard.hear(number.to_bytes(16, "big"), 0.0, router=True)
    assert len(heard._routers) == on_link._KEPT


def test_no_capability_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(on_link, "open_socket", refuse)
    assert on_link.probe() == "looking for an unnumbered neighbor needs CAP_NET_RAW"
