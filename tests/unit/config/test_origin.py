"""Where a value came from, in both spellings."""

from bgpd.config.origin import DEFAULT, Item, Layer, Origin, PeerItem

FLAG = Origin(Layer.FLAG, "--router-id")
VARIABLE = Origin(Layer.ENVIRONMENT, "BGPD_ROUTER_ID")
LINE = Origin(Layer.FILE, "/etc/bgpd.yaml", 3)


def test_text() -> None:
    assert FLAG.text == "flag --router-id"
    assert VARIABLE.text == "environment BGPD_ROUTER_ID"
    assert LINE.text == "/etc/bgpd.yaml:3"
    assert DEFAULT.text == "default"
    assert Origin(Layer.DEFAULT, "found: eth0").text == "found: eth0"


def test_a_place_that_is_the_field_is_not_said_twice() -> None:
    assert FLAG.label("router-id") == "--router-id"
    assert VARIABLE.label("router-id") == "BGPD_ROUTER_ID"
    assert LINE.label("router-id") == "/etc/bgpd.yaml:3: router-id"
    assert DEFAULT.label("router-id") == "router-id"


def test_a_neighbor_is_named_once() -> None:
    assert Origin(Layer.FLAG, "--peer").label("peer 10.0.0.1: port") == "--peer 10.0.0.1: port"
    assert Origin(Layer.ENVIRONMENT, "BGPD_PEER").label("peer 10.0.0.1") == "BGPD_PEER 10.0.0.1"
    assert FLAG.label("peer 10.0.0.1") == "--router-id: peer 10.0.0.1"


def test_a_neighbor_without_an_address_has_a_field_too() -> None:
    assert PeerItem({}, LINE).field == "peer"
    assert PeerItem({"address": Item("10.0.0.1", LINE)}, LINE).field == "peer 10.0.0.1"
