"""Who signs with which key, and what this kernel lacks."""

from collections.abc import Callable

import pytest

from bgpd.model import AoKey, NeighborSpec, RangeSpec, SpeakerSpec
from bgpd.net import on_link, sockopt, tcp_ao
from bgpd.net.keys import Keys, refusals
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address, parse_prefix

AO = AoKey(send_id=1, receive_id=2, algorithm="hmac-sha-1-96", secret=b"x")


def spec(address: str, **more: object) -> NeighborSpec:
    return NeighborSpec(address=parse_address(address), name=address, local_asn=1, remote_asn=1, **more)  # type: ignore[arg-type]


class Live:
    def __init__(self, address: str) -> None:
        self.remote_address = parse_address(address)
        self.keys: list[bytes | None] = []

    def set_md5(self, key: bytes | None) -> None:
        self.keys.append(key)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the kernel would be told about listening sockets."""
    made: list[tuple[object, ...]] = []
    monkeypatch.setattr(sockopt, "set_md5", lambda _sock, peer, key, length: made.append(("md5", peer, key, length)))
    monkeypatch.setattr(tcp_ao, "add_keys", lambda _s, peer, ao, **more: made.append(("add", peer, ao, more["length"])))
    monkeypatch.setattr(
        tcp_ao, "remove_keys", lambda _s, peer, ao, **more: made.append(("del", peer, ao, more["length"]))
    )
    return made


def test_a_key_of_a_range_concerns_who_is_in_it_and_not_configured(calls: list[tuple[object, ...]]) -> None:
    template = spec("0.0.0.1", password=b"all")
    item = RangeSpec(family=IPV4, prefix=parse_prefix("10.1.0.0/16")[1], template=template)
    known = spec("10.1.0.1", password=b"own")
    inside, configured, outside = Live("10.1.2.3"), Live("10.1.0.1"), Live("10.2.0.1")
    with sockopt.new_socket(b"\x7f\0\0\1") as listener:
        store = Keys(lambda _why: None)
        store.configure([known], [item], [listener], [inside, configured, outside])
        assert sorted(calls, key=str) == [
            ("md5", parse_address("10.1.0.0"), b"all", 16),
            ("md5", parse_address("10.1.0.1"), b"own", None),
        ]
        assert (inside.keys, configured.keys, outside.keys) == ([b"all"], [b"own"], [])
        calls.clear()
        store.configure([known], [item], [listener], [inside, configured])
        assert calls == []  # nothing changed
        store.configure([known], [], [listener], [inside, configured])
        assert calls == [("md5", parse_address("10.1.0.0"), None, 16)]
        assert inside.keys == [b"all", None]


def test_keys_of_tcp_ao_go_to_listeners_of_the_family(calls: list[tuple[object, ...]]) -> None:
    with sockopt.new_socket(b"\x7f\0\0\1") as v4, sockopt.new_socket(parse_address("::1")) as v6:
        store = Keys(lambda _why: None)
        store.configure([spec("10.0.0.1", ao_keys=(AO,))], [], [v4, v6], [])
        store.configure([], [], [v4, v6], [])
    peer = parse_address("10.0.0.1")
    assert [call for call in calls if call[2]] == [("add", peer, (AO,), None), ("del", peer, (AO,), None)]


def test_what_the_kernel_refuses_is_told() -> None:
    told: list[str] = []
    with sockopt.new_socket(b"\x7f\0\0\1") as listener:
        Keys(told.append).configure([spec("10.0.0.1", password=b"x" * 81)], [], [listener], [])
    assert told
    assert "10.0.0.1" in told[0]


def _says(words: str) -> Callable[..., str]:
    return lambda *_: words


def test_what_is_missing_is_named_for_each_neighbor(monkeypatch: pytest.MonkeyPatch) -> None:
    template = spec("0.0.0.1", ao_keys=(AO,))
    item = RangeSpec(family=IPV4, prefix=b"\x08\x0a", template=template)
    unnumbered = NeighborSpec(address=b"", name="eth0", local_asn=1, remote_asn=1, interface="eth0", unnumbered=True)
    wanted = SpeakerSpec(
        router_id=b"\1\1\1\1",
        neighbors=(spec("10.0.0.1", password=b"x"), spec("10.0.0.2", ao_keys=(AO,)), unnumbered),
        ranges=(item,),
    )
    for module, name in ((sockopt, "probe_md5"), (tcp_ao, "probe"), (on_link, "probe")):
        monkeypatch.setattr(module, name, _says(""))
    assert refusals(wanted) == []
    monkeypatch.setattr(sockopt, "probe_md5", _says("no MD5"))
    monkeypatch.setattr(tcp_ao, "probe", _says("no AO"))
    monkeypatch.setattr(on_link, "probe", _says("no raw sockets"))
    assert refusals(wanted) == [
        "peer 10.0.0.1: password-file: no MD5",
        "peer 10.0.0.2: ao-key-file: no AO",
        "peer eth0: interface: no raw sockets",
        "0.0.0.1: ao-key-file: no AO",
    ]
