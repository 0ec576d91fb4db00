"""The datastore of a cluster, as it is written in a setting: its URL, our name in it, how our address is found."""

import re
from ipaddress import ip_address, ip_network
from typing import Final

from bgpd.config.kinds import Kind, short

#: scheme -> what it means
SCHEMES: Final = {"etcd": "http", "etcds": "https", "files": ""}
_HOST: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?", re.ASCII
)
_NODE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_PORT: Final = 2379  #: etcd's own


def parse_datastore(text: str) -> tuple[str, tuple[str, ...]]:
    """The scheme, and etcd's endpoints as URLs of HTTP, or the directory. Raises ValueError."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in SCHEMES:
        raise ValueError(f"expected etcd://HOST:PORT[,...], etcds://... or files:///DIRECTORY, got {short(text)}")
    if "@" in rest:
        raise ValueError("user and password have settings of their own: datastore-user, datastore-password-file")
    if scheme == "files":
        if not rest.startswith("/") or not rest.isprintable():
            raise ValueError(f"expected files:///DIRECTORY with an absolute path, got {short(text)}")
        return scheme, (rest.rstrip("/") or "/",)
    found = []
    for word in rest.rstrip("/").split(","):
        match = _HOST.fullmatch(word)
        port = int(match[1] or _PORT) if match else 0
        if match is None or not 1 <= port <= 65535:
            raise ValueError(f"expected HOST or HOST:PORT of an etcd, got {short(word)}")
        found.append(f"{SCHEMES[scheme]}://{word if match[1] else f'{word}:{port}'}")
    return scheme, tuple(dict.fromkeys(found))


def show_datastore(value: tuple[str, tuple[str, ...]]) -> str:
    """The URL that gives this value."""
    scheme, places = value
    return f"{scheme}://{','.join(place.partition('://')[2] or place for place in places)}"


def parse_node_name(text: str) -> str:
    """A name that a resource can have. Raises ValueError."""
    if not _NODE.fullmatch(text):
        raise ValueError(f"{short(text)} is no name of a node: lower-case letters, digits, '-' and '.', at most 253")
    return text


def parse_method(text: str) -> str:
    """The method as it was written. Raises ValueError with the rest of a sentence."""
    method, equals, value = text.partition("=")
    if method in ("default-route", "first-found", "none") and not equals:
        return text
    if method in ("interface", "skip-interface") and value:
        for pattern in value.split(","):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{short(pattern)} is no regular expression: {error}") from None
        return text
    if method == "cidr" and value:
        for prefix in value.split(","):
            try:
                ip_network(prefix, strict=False)
            except ValueError:
                raise ValueError(f"{short(prefix)} is no prefix") from None
        return text
    if method == "can-reach" and value:
        return text
    if method == "kubernetes-internal-ip":
        raise ValueError("kubernetes-internal-ip needs the Kubernetes API, which is not read here")
    try:
        ip_address(text.partition("/")[0])
        if "/" in text:
            ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{short(text)} is neither an address nor a method: default-route, first-found, can-reach=, interface=, "
            "skip-interface=, cidr= or none"
        ) from None
    return text


DATASTORE: Final = Kind("a URL", parse_datastore, show_datastore, words=True)
NODE_NAME: Final = Kind("a name", parse_node_name, words=True)
DETECTION: Final = Kind("an address or a method", parse_method, words=True)
