"""A node's plan for people and for programs: text, and values for JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from bgpd.cluster.plan import NodePlan, PeerPlan, Rule, Within
from bgpd.policy.sets import format_range
from bgpd.wire.prefix import format_address, format_prefix


def as_json(plan: NodePlan) -> dict[str, Any]:
    """The whole plan, as `json.dumps` takes it."""
    return {
        "asn": plan.asn,
        "router_id": format_address(plan.router_id),
        "listen": [_endpoint(*each) for each in plan.listen],
        "neighbors": [_neighbor(each) for each in plan.neighbors],
        "originate": [
            {"prefix": format_prefix(*each.net), "blackhole": each.blackhole, "because": each.because}
            for each in plan.originate
        ],
        "static": [
            {"prefix": format_prefix(*each.net), "via": format_address(each.via), "because": each.because}
            for each in plan.static
        ],
        "communities": {format_prefix(*each.net): list(each.communities) for each in plan.communities},
    }


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _neighbor(plan: PeerPlan) -> dict[str, Any]:
    return {
        "kind": plan.kind.value,
        "name": plan.name,
        "address": format_address(plan.address) if plan.address else plan.interface,
        "port": plan.port,
        "local_asn": plan.local_asn,
        "remote_asn": plan.remote_asn,
        "source_address": format_address(plan.source_address) if plan.source_address is not None else None,
        "passive": plan.passive,
        "rr_client": plan.rr_client,
        "cluster_id": format_address(plan.cluster_id) if plan.cluster_id is not None else None,
        "next_hop": plan.next_hop.value,
        "gtsm_hops": plan.gtsm_hops,
        "password": plan.password is not None or bool(plan.plain_password),
        "restart_time": plan.restart_time,
        "keepalive_time": plan.keepalive_time,
        "allow_own_asn": plan.allow_own_asn,
        "import": [rule_as_json(rule) for rule in plan.imports],
        "export": [rule_as_json(rule) for rule in plan.exports],
    }


def rule_as_json(rule: Rule) -> dict[str, Any]:
    """A rule; only what it has."""
    match: dict[str, Any] = {}
    if rule.within is not None:
        match["not_prefix" if rule.outside else "prefix"] = [_within(each) for each in rule.within]
    if rule.source:
        match["source"] = list(rule.source)
    if rule.interface:
        match["interface"] = rule.interface
    if rule.community:
        match["community"] = rule.community
    if rule.as_path_prefix:
        match["as_path_prefix"] = list(rule.as_path_prefix)
    if rule.local_pref is not None:
        match["local_pref"] = rule.local_pref
    change: dict[str, Any] = {}
    if rule.add_communities:
        change["add_communities"] = list(rule.add_communities)
    if rule.prepend:
        change["prepend"] = list(rule.prepend)
    if rule.set_local_pref is not None:
        change["local_pref"] = rule.set_local_pref
    return {"rule": rule.why, "match": match, "set": change, "action": rule.verb.value}


def _within(it: Within) -> str:
    if it.low > it.high:
        return f"{format_prefix(*it.net)} ge {it.low} le {it.high}"  # nothing is as long
    return format_range((it.net[0].name, it.net[1], it.low, it.high))


def as_text(plan: NodePlan) -> str:
    """The plan for people."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: NodePlan) -> Iterator[str]:
    yield f"node {plan.node}: AS {plan.asn}, router id {format_address(plan.router_id)}"
    yield f"listens on {', '.join(_endpoint(*each) for each in plan.listen)}"
    yield from _section("originates", [
        f"{format_prefix(*each.net)}  {'blackhole' if each.blackhole else 'RIB only'}  ({each.because})"
        for each in plan.originate
    ])  # fmt: skip
    yield from _section(
        "reaches", [f"{format_prefix(*each.net)} via {format_address(each.via)}" for each in plan.static]
    )
    yield from _section("communities", [
        f"{format_prefix(*each.net)}  {' '.join(each.communities)}" for each in plan.communities
    ])  # fmt: skip
    yield from _section("VXLAN", [f"{format_prefix(p.family, p.prefix)}  {p.overlay.value}" for p in plan.pools])
    rules: dict[tuple[str, tuple[Rule, ...]], str] = {}
    for neighbor in plan.neighbors:
        yield ""
        yield from _neighbor_lines(neighbor, rules)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def _neighbor_lines(plan: PeerPlan, rules: dict[tuple[str, tuple[Rule, ...]], str]) -> Iterator[str]:
    yield f"neighbor {plan.name} ({plan.kind.value}): {'eBGP' if plan.local_asn != plan.remote_asn else 'iBGP'}"
    where = format_address(plan.address) if plan.address else f"whoever is on {plan.interface}"
    yield f"  {where} port {plan.port}, AS {plan.remote_asn or 'any other'}, because of {plan.because}"
    words = [f"local AS {plan.local_asn}"]
    words.append(
        f"from {format_address(plan.source_address)}" if plan.source_address is not None else "from any address"
    )
    if plan.passive:
        words.append("passive")
    if plan.rr_client and plan.cluster_id is not None:
        words.append(f"client of cluster {format_address(plan.cluster_id)}")
    if plan.gtsm_hops:
        words.append(f"GTSM {plan.gtsm_hops} hops")
    if plan.password is not None or plan.plain_password:
        words.append("password")
    if plan.allow_own_asn:
        words.append(f"own AS allowed {plan.allow_own_asn} times")
    yield f"  {', '.join(words)}"
    yield (
        f"  next hop {plan.next_hop.value}, hold {plan.hold_time} s, keepalive {plan.keepalive_time} s, "
        f"restart {plan.restart_time} s"
    )
    for title, found in (("import", plan.imports), ("export", plan.exports)):
        first = rules.setdefault((title, found), plan.name)
        if first != plan.name:
            yield f"  {title}: as of {first}"
            continue
        yield f"  {title}:"
        yield from (f"    {number}. {rule_as_text(rule)}" for number, rule in enumerate(found, 1))


def rule_as_text(rule: Rule) -> str:
    """A rule in one line."""
    shown = rule_as_json(rule)
    match = [f"{key.replace('_', ' ')} {_words(value)}" for key, value in shown["match"].items()]
    change = [f"{key.replace('_', ' ')} {_words(value)}" for key, value in shown["set"].items()]
    verb = ", ".join([*change, rule.verb.value])
    return f"{' and '.join(match) or 'anything'}: {verb}  ({rule.why})"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return _join(value)
    return str(value)


def _join(values: Iterable[Any]) -> str:
    return " ".join(str(value) for value in values) if all(isinstance(v, int) for v in values) else " or ".join(values)
