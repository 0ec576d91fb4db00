"""What the kernel itself takes: the routes of K from a C program, in the run that the daemons are measured in."""

import json

from bench.compiler import program
from bench.space import GATEWAY, LINK, pair
from bench.stats import Record
from bgpd.lab.shell import Failed, run

NAME = "limit"
OBJECT = "limit, nexthop object"


def perform(scenario: str, routes: int, number: int) -> list[Record]:
    """Routes with a gateway each, and routes that point to a nexthop object."""
    return [
        record
        for name, words in ((NAME, []), (OBJECT, ["7"]))
        for record in _measure(scenario, routes, number, name, words)
    ]


def _measure(scenario: str, routes: int, number: int, name: str, words: list[str]) -> list[Record]:
    try:
        with pair(1) as (here, _):
            if words:
                here.ip(f"nexthop add id {words[0]} via {GATEWAY} dev {LINK}")
            said = run(here.argv([program("kernel"), str(routes), "1", GATEWAY, LINK, *words]))
    except Failed as error:
        return [Record(scenario, name, number, "install", failed=str(error))]
    found = json.loads(said)
    return [
        Record(scenario, name, number, phase, {"wall": float(found[key])})
        for phase, key in (("install", "add"), ("remove", "delete"))
    ]
