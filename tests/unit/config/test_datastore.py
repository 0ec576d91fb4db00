import pytest

from bgpd.config.datastore import parse_datastore, parse_method, parse_node_name, show_datastore


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("etcd://192.0.2.1:2379", ("etcd", ("http://192.0.2.1:2379",))),
        ("etcd://a.example,b.example:2380/", ("etcd", ("http://a.example:2379", "http://b.example:2380"))),
        ("etcds://[2001:db8::1]:2379", ("etcds", ("https://[2001:db8::1]:2379",))),
        ("etcd://a,a", ("etcd", ("http://a:2379",))),
        ("files:///etc/bgpd/cluster/", ("files", ("/etc/bgpd/cluster",))),
    ],
)
def test_urls(text: str, value: tuple[str, tuple[str, ...]]) -> None:
    assert parse_datastore(text) == value
    assert parse_datastore(show_datastore(value)) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.0.2.1:2379", "expected etcd://"),
        ("http://192.0.2.1", "expected etcd://"),
        ("etcd://", "expected HOST"),
        ("etcd://a,,b", "expected HOST"),
        ("etcd://a:99999", "expected HOST"),
        ("etcd://a:0", "expected HOST"),
        ("etcd://user:hush@a", "settings of their own"),
        ("files://relative", "absolute path"),
    ],
)
def test_urls_that_are_none(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_datastore(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("text", ["node1", "a", "node-1.rack2.example", "9"])
def test_names(text: str) -> None:
    assert parse_node_name(text) == text


@pytest.mark.parametrize("text", ["", "Node1", "-a", "a-", "a/b", "a b", "x" * 254, "\u00e9"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="no name of a node"):
        parse_node_name(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("interface=[", "no regular expression"),
        ("cidr=rubbish", "no prefix"),
        ("first-fund", "neither an address nor a method"),
        ("192.0.2.1/99", "neither an address nor a method"),
        ("kubernetes-internal-ip", "needs the Kubernetes API"),
        ("interface=", "neither"),
    ],
)
def test_methods_that_are_none(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_method(text)
