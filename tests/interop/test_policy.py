"""Policies on the wire: what ours sets, adds and holds back is what the others see, and what they send is judged."""

import json
from dataclasses import replace

import pytest

from bgpd.cli.client import ask
from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.ours import Ours
from tests.interop.routes import Route, prefixes
from tests.interop.scene import OTHER_ASN, OUR_ASN, Kind

SPLIT, DUAL = Kind("external", False), Kind("external", True)
NAMES = {family: prefixes(3, family, 3) for family in BOTH}


def mark(med: int) -> list[dict[str, object]]:
    """The first prefix of each family marked, the second held back, the rest as it is."""
    first, second = [[NAMES[family][at] for family in BOTH] for at in (0, 1)]
    return [
        {
            "name": "mark",
            "match": {"prefix": first},
            "then": {
                "med": med,
                "add-community": ["64512:77", "64512:78"],
                "remove-community": "64512:78",
                "add-large-community": "64512:1:2",
                "add-ext-community": "rt:64512:9",
                "prepend": 2,
                "action": "accept",
            },
        },
        {"name": "hold", "match": {"prefix": second}, "then": "reject"},
        {"then": {"add-community": "64512:1", "action": "accept"}},
    ]


def expected(med: int) -> dict[str, tuple[object, ...]]:
    """Prefix -> AS path, MED, communities of each kind, as the other one must hold them."""
    found: dict[str, tuple[object, ...]] = {}
    for family in BOTH:
        first, _, last = NAMES[family]
        found[first] = ((OUR_ASN,) * 3, med, ("64512:77",), ("64512:1:2",), ("0002fc0000000009",))
        found[last] = ((OUR_ASN,), None, ("64512:1",), (), ())
    return found


def seen(routes: dict[str, Route]) -> dict[str, tuple[object, ...]]:
    return {name: (r.as_path, r.med or None, r.communities, r.large, r.extended) for name, r in routes.items()}


@pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
def test_what_ours_sets_is_seen(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, SPLIT)
    ours = scene.ours
    ours.settings["policies"] = {"out": mark(5)}
    ours.peers = [replace(peer, extra={**peer.extra, "export": "out"}) for peer in ours.peers]
    ours.announce([Route(name) for family in BOTH for name in NAMES[family]])
    scene.start()

    def table() -> dict[str, Route]:
        return {k: v for _, _, our_address in scene.sessions for k, v in scene.other.table(our_address).items()}

    scene.other.wait_for(lambda: seen(table()) == expected(5), "the marked routes")
    before = [ours.neighbor(address)["established_count"] for _, address, _ in scene.sessions]
    ours.settings["policies"] = {"out": mark(6)}
    ours.reload()
    scene.other.wait_for(lambda: seen(table()) == expected(6), "the marked routes with another MED")
    assert [ours.neighbor(address)["established_count"] for _, address, _ in scene.sessions] == before


@pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
def test_what_others_send_is_judged(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, SPLIT)
    ours = scene.ours
    held = [NAMES[family][1] for family in BOTH]
    ours.settings["prefix-sets"] = {"held": held}
    ours.settings["policies"] = {
        "in": [
            {"name": "held", "match": {"prefix-set": "held"}, "then": "reject"},
            {
                "name": "theirs",
                "match": {"as-path": f"^{OTHER_ASN}$", "neighbor-as": OTHER_ASN},
                "then": {"local-pref": 300, "set-community": "64512:5", "action": "accept"},
            },
        ]
    }
    ours.peers = [replace(peer, extra={**peer.extra, "import": "in"}) for peer in ours.peers]
    scene.other.announce([scene.other.originable(Route(name)) for family in BOTH for name in NAMES[family]])
    scene.start()
    for families, address, _ in scene.sessions:
        names = NAMES[families[0]]
        wait_for_names(ours, address, names)
        rows = {row["prefix"]: row for row in ours.rows("received", address)}
        assert "rejected by policy in term held" in rows[names[1]]["reason"]
        assert not rows[names[1]]["eligible"]
        assert [rows[names[at]]["local_pref"] for at in (0, 2)] == [300, 300]
        assert [rows[names[at]]["communities"] for at in (0, 2)] == [["64512:5"], ["64512:5"]]
        tried = live(ours, address)
        assert {row["prefix"]: row["term"] for row in tried} == dict(
            zip(names, ("theirs", "held", "theirs"), strict=True)
        )


def wait_for_names(ours: Ours, address: str, names: list[str]) -> None:
    ours.wait_for(lambda: set(ours.table(address)) == set(names), "their routes")


def live(ours: Ours, peer: str) -> list[dict[str, object]]:
    """`bgpctl policy test live X`."""
    answer = ask(ours.control, "policy test", {"live": "in", "neighbor": peer})
    try:
        return [json.loads(row) for row in answer.rows()]
    finally:
        answer.close()
