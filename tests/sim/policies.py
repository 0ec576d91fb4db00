"""Policies as a fault: other ones, on any neighbor, while everything runs.

They reject and mark, by prefix, by community, by AS path and by source. What could keep a network from ever settling (a
LOCAL_PREF that two neighbors give each other, a MED that comes and goes) is not for here: that would be the network's
fault, not the speaker's.
"""

import random
from dataclasses import replace

from bgpd.model import Condition, Edit, ExportRule, ImportRule, NeighborSpec, PolicySpec, PolicyTerm, TermAction
from bgpd.policy.spec import ACTIONS, MATCHES
from bgpd.wire.family import FAMILIES
from bgpd.wire.prefix import network, pack_prefix
from tests.sim.world import Node, pod


def _entry(rng: random.Random, numbers: range) -> tuple[str, bytes, int, int]:
    """A prefix entry that holds a few of the pods, and so tells prefixes of one UPDATE apart."""
    family = rng.choice(FAMILIES)
    prefix = pod(family, rng.choice(numbers))
    shorter = max(prefix[0] - rng.randrange(6), 1)
    return family.name, pack_prefix(network(prefix, family.octets), shorter), shorter, family.bits


def _condition(rng: random.Random) -> Condition:
    kind = rng.choice(("prefix", "prefix", "prefix", "community", "as-path", "family", "source", "as-path-length"))
    if kind == "prefix":
        numbers = rng.choice((range(10), range(20000, 20040), range(40000, 40012)))
        values: tuple[object, ...] = tuple([_entry(rng, numbers) for _ in range(rng.randrange(1, 4))])
    else:
        texts = {
            "community": ("1:*", "65000:1", "no-export"),
            "as-path": ("^$", "_65001_", "_65002$", "64512 65001"),
            "family": ("ipv4", "ipv6"),
            "source": ("own", "internal", "external"),
            "as-path-length": ("<=1", "2-3"),
        }[kind]
        values = (MATCHES[kind].parse(rng.choice(texts)),)
    return Condition(kind, values, negated=rng.random() < 0.2)


def _edits(rng: random.Random) -> tuple[Edit, ...]:
    choices = (
        ("add-community", "65000:1"),
        ("add-community", "1:7"),
        ("remove-community", "1:*"),
        ("set-community", "none"),
        ("add-large-community", "64512:2:3"),
        ("remove-large-community", "64512:*:*"),
        ("add-ext-community", "rt:64512:9"),
    )
    return tuple([Edit(name, (ACTIONS[name].parse(text),)) for name, text in rng.sample(choices, rng.randrange(3))])


def random_policy(rng: random.Random) -> PolicySpec:
    """A few terms, then everything else is accepted or, seldom, rejected."""
    terms = []
    for number in range(rng.randrange(1, 4)):
        action = rng.choice((TermAction.ACCEPT, TermAction.REJECT, TermAction.NEXT))
        edits = () if action is TermAction.REJECT else _edits(rng)
        conditions = tuple([_condition(rng) for _ in range(rng.choice((1, 1, 2)))])
        terms.append(PolicyTerm(f"term {number}", conditions, edits, action))
    if rng.random() < 0.8:
        terms.append(PolicyTerm("rest", action=TermAction.ACCEPT))
    return PolicySpec("random", tuple(terms))


def marks(rng: random.Random) -> PolicySpec:
    """Everything passes; some of it is marked."""
    terms = [PolicyTerm(f"term {number}", (_condition(rng),), _edits(rng), TermAction.NEXT) for number in range(2)]
    return PolicySpec("marks", (*terms, PolicyTerm("rest", action=TermAction.ACCEPT)))


def with_policy(rng: random.Random, spec: NeighborSpec) -> NeighborSpec:
    """Another policy for one direction, or the rule of old again."""
    keep = rng.random() < 0.25
    policy = None if keep else random_policy(rng)
    if rng.random() < 0.5:
        rule = ImportRule.ALL if keep else ImportRule.POLICY
        return replace(spec, import_rule=rule, import_policy=policy)
    return replace(spec, export_rule=ExportRule.ALL if keep else ExportRule.POLICY, export_policy=policy)


def change_policy(rng: random.Random, node: Node) -> None:
    """On one neighbor of a node, or on all of them the same one."""
    if not node.spec.neighbors:
        return
    if rng.random() < 0.3:
        seed = rng.random()
        neighbors = [with_policy(random.Random(seed), spec) for spec in node.spec.neighbors]
    else:
        at = rng.randrange(len(node.spec.neighbors))
        neighbors = list(node.spec.neighbors)
        neighbors[at] = with_policy(rng, neighbors[at])
    node.reconfigure(replace(node.spec, neighbors=tuple(neighbors)))
