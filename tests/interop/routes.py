"""Routes for interop tests: deterministic, each with its own mixture of attributes, in one normal form.

A `Route` is what one table of one daemon says about one prefix, with every value in one spelling, so that tables of
different daemons compare with `==`. `generate` makes as many as asked for: the mixture is counted through, not drawn,
so that each attribute meets each other one; only the values come from a seeded generator.
"""

import ipaddress
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

IGP, EGP, INCOMPLETE = "igp", "egp", "incomplete"
ORIGINS = (IGP, EGP, INCOMPLETE)

#: an AS_PATH: ASNs in sequence, a frozenset where there is an AS_SET
AsPath = tuple[int | frozenset[int], ...]

NO_EXPORT = "65535:65281"
NO_ADVERTISE = "65535:65282"


@dataclass(frozen=True, slots=True)
class Route:
    """One prefix and its attributes; communities as sorted text, an absent MED or LOCAL_PREF as None."""

    prefix: str
    next_hop: str = ""
    origin: str = IGP
    as_path: AsPath = ()
    med: int | None = None
    local_pref: int | None = None
    communities: tuple[str, ...] = ()  #: "64512:1"
    large: tuple[str, ...] = ()  #: "64512:1:2"
    extended: tuple[str, ...] = ()  #: the eight octets in hex
    aggregator: str | None = None  #: "64512 10.0.0.1"
    atomic: bool = False
    originator: str | None = None
    clusters: tuple[str, ...] = ()
    unknown: tuple[tuple[int, int, str], ...] = ()  #: (code, flags without extended length, value in hex)

    @property
    def family(self) -> str:
        return "ipv6" if ":" in self.prefix else "ipv4"


ATTRIBUTES = tuple(field.name for field in fields(Route) if field.name != "prefix")


def only(route: Route, names: Iterable[str]) -> Route:
    """The route with nothing but these attributes (and its prefix): for daemons that show or originate only some."""
    kept = set(names)
    empty = Route(route.prefix)
    return replace(empty, **{name: getattr(route, name) for name in ATTRIBUTES if name in kept})


def without(route: Route, names: Iterable[str]) -> Route:
    """The route without these attributes."""
    dropped = set(names)
    return only(route, (name for name in ATTRIBUTES if name not in dropped))


def path_text(path: AsPath) -> str:
    """An AS_PATH as operators write it: "65001 65002 {1 2}"."""
    return " ".join(str(hop) if isinstance(hop, int) else "{" + " ".join(map(str, sorted(hop))) + "}" for hop in path)


def parse_path(text: str) -> AsPath:
    """The AS_PATH in any daemon's spelling: sets in braces or parentheses-with-braces, parted by commas or spaces."""
    path: list[int | frozenset[int]] = []
    members: list[int] | None = None
    for token in text.replace("{", " { ").replace("}", " } ").replace(",", " ").split():
        if token == "{":
            members = []
        elif token == "}":
            path.append(frozenset(members or ()))
            members = None
        elif members is None:
            path.append(int(token))
        else:
            members.append(int(token))
    return tuple(path)


def compare(expected: Mapping[str, Route], got: Mapping[str, Route]) -> list[str]:
    """Every difference between two tables, a line each."""
    lines = [f"{prefix}: missing" for prefix in sorted(expected.keys() - got.keys())]
    lines += [f"{prefix}: not expected: {got[prefix]}" for prefix in sorted(got.keys() - expected.keys())]
    for prefix in sorted(expected.keys() & got.keys()):
        if expected[prefix] != got[prefix]:
            for name in ATTRIBUTES:
                want, have = getattr(expected[prefix], name), getattr(got[prefix], name)
                if want != have:
                    lines.append(f"{prefix}: {name} is {have!r}, not {want!r}")
    return lines


def assert_equal(expected: Mapping[str, Route], got: Mapping[str, Route], what: str = "") -> None:
    """Fail with the first differences, and their number, where two tables are not the same route by route."""
    lines = compare(expected, got)
    shown = "\n  ".join(lines[:25])
    assert not lines, f"{what}: {len(lines)} differences in {len(expected)} routes\n  {shown}"


def table(routes: Iterable[Route]) -> dict[str, Route]:
    """Routes by prefix."""
    return {route.prefix: route for route in routes}


def prefixes(count: int, family: str, block: int = 0) -> list[str]:
    """`count` different prefixes of every usual length; blocks 0 to 7 never share one, nor does any cover a lab LAN."""
    found: list[str] = []
    for i in range(count):
        if family == "ipv4":
            # 20.0.0.0/8 and up: one /16 for each prefix, so that any length of 16 and more stays inside its own
            base = ((20 + 8 * block + i // 256) << 24) | ((i % 256) << 16)
            length = 16 + i % 17
            host = (i * 2654435761) & 0xFFFF
            value = (base | host) >> (32 - length) << (32 - length)
            found.append(str(ipaddress.IPv4Network((value, length))))
        else:
            base = (0x2400_0000 + (block << 16) + i) << 96
            length = 32 + (i * 7) % 97
            host = (i * 0x9E3779B97F4A7C15F39CC0605CEDC834) & ((1 << 96) - 1)
            value = (base | host) >> (128 - length) << (128 - length)
            found.append(str(ipaddress.IPv6Network((value, length))))
    return found


def generate(
    count: int, family: str, first_asn: int | None, next_hop: str = "", block: int = 0, variant: int = 0
) -> list[Route]:
    """`count` routes of one family whose AS_PATHs begin with `first_asn` (None: empty or arbitrary, as an origin's).

    Another `variant` is the same prefixes with other attributes.
    """
    rng = random.Random(f"{family} {block} {variant}")
    names = prefixes(count, family, block)
    return [_mixture(i + 37 * variant, rng, prefix, next_hop, first_asn) for i, prefix in enumerate(names)]


def _mixture(i: int, rng: random.Random, prefix: str, next_hop: str, first_asn: int | None) -> Route:
    """Route number `i`: its low bits choose which attributes it has."""
    rest = _as_path(i, rng)
    return Route(
        prefix=prefix,
        next_hop=next_hop,
        origin=ORIGINS[i % 3],
        as_path=rest if first_asn is None else (first_asn, *rest),
        med=rng.choice((0, 1, 50, 4294967295, rng.getrandbits(32))) if i & 1 else None,
        local_pref=rng.choice((0, 1, 100, 200, 4294967295)) if i & 2 else None,
        communities=_communities(i, rng) if i & 4 else (),
        large=_large(rng) if i & 8 else (),
        extended=_extended(rng) if i & 16 else (),
        aggregator=f"{rng.choice((65010, 4200000010))} 192.0.2.{1 + i % 250}" if i & 32 else None,
        atomic=bool(i & 64),
        unknown=_unknown(i, rng) if i & 128 else (),
    )


def _as_path(i: int, rng: random.Random) -> AsPath:
    """Sequences, sets, both, four-octet ASNs, a repeated ASN, a long one."""
    asns = [rng.choice((rng.randint(1000, 23000), rng.randint(65536, 4199999999))) for _ in range(6)]
    match i // 3 % 8:
        case 0:
            return ()
        case 1:
            return (asns[0],)
        case 2:
            return (asns[0], asns[1], frozenset(asns[2:5]))
        case 3:
            return (asns[0], asns[0], asns[0], asns[1])
        case 4:
            return (frozenset(asns[:2]),)
        case 5:
            return tuple(asns)
        case 6:
            return (asns[0], frozenset(asns[1:3]), asns[3])
        case _:
            return tuple(rng.randint(1000, 4199999999) for _ in range(40)) if i % 5 == 0 else tuple(asns[:3])


def _communities(i: int, rng: random.Random) -> tuple[str, ...]:
    found = {f"{rng.randint(1, 64495)}:{rng.randint(0, 65535)}" for _ in range(1 + i % 24)}
    return tuple(sorted(found))


def _large(rng: random.Random) -> tuple[str, ...]:
    found = {
        f"{rng.choice((64496, 4200000001))}:{rng.choice((0, 4294967295, rng.getrandbits(32)))}:{rng.getrandbits(32)}"
        for _ in range(rng.randint(1, 6))
    }
    return tuple(sorted(found))


def _extended(rng: random.Random) -> tuple[str, ...]:
    """Route targets and origins of the three kinds (RFC 4360, RFC 5668); all transitive."""
    kinds = ((0x00, 0x02), (0x00, 0x03), (0x02, 0x02), (0x02, 0x03), (0x01, 0x02), (0x01, 0x03))
    found = set()
    for _ in range(rng.randint(1, 5)):
        kind, sub = rng.choice(kinds)
        match kind:
            case 0x00:
                value = rng.randint(1, 64000).to_bytes(2, "big") + rng.getrandbits(32).to_bytes(4, "big")
            case 0x01:
                value = bytes((192, 0, 2, rng.randint(1, 254))) + rng.getrandbits(16).to_bytes(2, "big")
            case _:
                value = rng.randint(65536, 4199999999).to_bytes(4, "big") + rng.getrandbits(16).to_bytes(2, "big")
        found.add((bytes((kind, sub)) + value).hex())
    return tuple(sorted(found))


def _unknown(i: int, rng: random.Random) -> tuple[tuple[int, int, str], ...]:
    """An optional transitive attribute that nobody knows; sometimes long enough for the extended length flag."""
    size = 300 if i % 16 == 1 else rng.randint(1, 40)
    return ((213, 0xC0, rng.randbytes(size).hex()),)
