"""Shapes: what they make of a tree, what they note, and that they print what they read."""

from dataclasses import dataclass
from typing import Any

import pytest

from bgpd.cluster.decode import tree_of_json
from bgpd.cluster.scalars import LABEL, NAME, PORT, SWITCH
from bgpd.cluster.shapes import BAD, Key, Many, Optional, Place, Record, Table, Wrapped
from bgpd.config.yamltree import read_documents


@dataclass(frozen=True)
class Thing:
    name: str
    port: int = 0
    on: bool = False


THING = Record(
    Thing,
    Key("name", NAME, "name"),
    Key("portNumber", PORT, "port"),
    Key("isOn", SWITCH, "on"),
    refused={"magic": "there is none"},
    foreign=frozenset({"uid"}),
)


def read(shape: Any, text: str) -> tuple[Any, list[str]]:
    place = Place("spec")
    found = shape.read(read_documents(text, "t", 10)[0], place)
    return found, [f"{fault.line}: {fault.field}: {fault.text}" for fault in place.faults]


def test_a_record() -> None:
    assert read(THING, "{name: a, portNumber: 5, isOn: yes, uid: [1]}") == (Thing("a", 5, True), [])
    assert THING.show(Thing("a", 5)) == {"name": "a", "portNumber": 5}


def test_null_and_empty_are_absent() -> None:
    assert read(THING, "{name: a, portNumber: null, isOn: ''}") == (Thing("a"), [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{name: a, portnumber: 5}", "spec.portnumber: unknown key; did you mean portNumber?"),
        ("{name: a, magic: 5}", "spec.magic: there is none"),
        ("{portNumber: 5}", "spec.name: is missing"),
        ("{name: a, name: b}", "spec.name: is given twice"),
        ("{name: a, portNumber: '5'}", "spec.portNumber: expected a number, got a string ('5')"),
        ("{name: a, portNumber: 65536}", "spec.portNumber: 65536 is not between 1 and 65535"),
        ("{name: a, portNumber: 010}", "spec.portNumber: expected a number, got '010'"),
        ("{name: a, isOn: [1]}", "spec.isOn: expected true or false, got a list"),
        ("{name: a, isOn: 'true'}", "spec.isOn: expected true or false, got a string ('true')"),
        ("{[a]: b, name: a}", "spec: expected a key, got a list"),
        ("[1]", "spec: expected keys and values, got a list"),
    ],
)
def test_faults_of_a_record(text: str, fault: str) -> None:
    assert read(THING, text) == (BAD, [f"1: {fault}"])


def test_a_resource_of_another_program_may_have_keys_of_its_own() -> None:
    shape = Record(Thing, Key("name", NAME, "name"), others=True)
    assert read(shape, "{name: a, whatever: {deep: 1}}") == (Thing("a"), [])


def test_lists() -> None:
    assert read(Many(PORT), "[1, 2]") == ((1, 2), [])
    assert read(Many(PORT), "[1, x, y]")[1] == [
        "1: spec[1]: expected a number, got 'x'",
        "1: spec[2]: expected a number, got 'y'",
    ]
    assert read(Many(PORT, most=1), "[1, 2]")[1] == ["1: spec: 2 entries; there may be 1"]
    assert read(Many(PORT, least=1), "[]")[1] == ["1: spec: 0 entries; there must be 1"]
    assert read(Many(PORT), "5")[1] == ["1: spec: expected a list, got a number"]
    assert read(Many(Optional(PORT)), "[1, null]") == ((1, None), [])
    assert Many(Optional(PORT)).show((1, None)) == [1, None]


def test_tables() -> None:
    assert read(Table(LABEL), "{a: yes, b: 'yes', c: }") == ({"a": "true", "b": "yes", "c": ""}, [])
    assert read(Table(LABEL), "{a: 1.10}")[1][0].startswith("1: spec.a: 1.10 is a number that YAML would write")
    assert read(Table(LABEL), "{a: 1, a: 2}")[1] == ["1: spec: 'a' is given twice"]
    assert read(Table(LABEL), "5")[1] == ["1: spec: expected a mapping, got a number"]


def test_wrapped() -> None:
    shape = Wrapped("cidr", NAME)
    assert read(shape, "{cidr: a}") == ("a", [])
    assert shape.show("a") == {"cidr": "a"}
    assert read(shape, "{cdr: a}")[1] == ["1: spec.cdr: unknown key; did you mean cidr?"]
    assert read(shape, "{}")[1] == ["1: spec: cidr is missing"]
    assert read(shape, "a")[1] == ["1: spec: expected cidr: VALUE, got a string"]


def test_json_becomes_the_same_tree() -> None:
    place = Place()
    assert THING.read(tree_of_json('{"name": "a", "portNumber": 5, "isOn": true}'), place) == Thing("a", 5, True)
    assert place.faults == []
