"""The words of bgpctl: what they become, and how wrong ones are answered."""

import pytest

from bgpd.cli.grammar import SYNTAX, UsageError, choose, parse
from bgpd.control.commands import COMMANDS, EVENTS


@pytest.mark.parametrize(
    ("line", "command", "arguments"),
    [
        ("show status", "show status", {}),
        ("sh st", "show status", {}),
        ("SHOW Status", "show status", {}),
        ("show neighbors", "show neighbors", {}),
        ("show neighbor", "show neighbors", {}),
        ("sh n", "show neighbors", {}),
        ("show neighbor node2", "show neighbor", {"neighbor": "node2"}),
        ("show neighbors node2", "show neighbor", {"neighbor": "node2"}),
        ("s n 192.168.1.11", "show neighbor", {"neighbor": "192.168.1.11"}),
        ("show route", "show route", {}),
        ("s r 10.0.0.0/8", "show route", {"prefix": "10.0.0.0/8"}),
        ("show route fd00::/64", "show route", {"prefix": "fd00::/64"}),
        ("show route ::1 ipv6", "show route", {"prefix": "::1", "family": "ipv6"}),
        ("s r rec node2", "show route", {"table": "received", "neighbor": "node2"}),
        ("s r adv 10.0.0.1", "show route", {"table": "advertised", "neighbor": "10.0.0.1"}),
        (
            "show route 10.0.0.0/8 received node2",
            "show route",
            {"prefix": "10.0.0.0/8", "table": "received", "neighbor": "node2"},
        ),
        (
            "show route received node2 10.0.0.0/8",
            "show route",
            {"prefix": "10.0.0.0/8", "table": "received", "neighbor": "node2"},
        ),
        ("show kernel", "show kernel", {}),
        ("sh k sum", "show kernel", {"routes": False}),
        ("kernel check", "kernel check", {}),
        ("watch", "watch", {}),
        ("w sess rou", "watch", {"events": ["session", "route"]}),
        ("enable node2", "enable", {"neighbor": "node2"}),
        ("drain", "drain", {}),
        ("undrain", "undrain", {}),
        ("restart", "restart", {}),
        ("restart for a new kernel", "restart", {"text": "for a new kernel"}),
        ("dis node2", "disable", {"neighbor": "node2"}),
        ("disable node2 back at noon", "disable", {"neighbor": "node2", "text": "back at noon"}),
        ("reset node2", "reset", {"neighbor": "node2"}),
        ("reset node2 new cable", "reset", {"neighbor": "node2", "text": "new cable"}),
        ("reset node2 soft in", "reset soft in", {"neighbor": "node2"}),
        ("reset node2 soft o", "reset soft out", {"neighbor": "node2"}),
        ("watch neighbor node2", "watch", {"neighbor": "node2"}),
    ],
)
def test_words_become_a_request(line: str, command: str, arguments: dict[str, object]) -> None:
    request = parse(line.split())
    assert (request.command, request.arguments) == (command, arguments)
    assert set(arguments) <= set(COMMANDS[command].arguments)  # the daemon knows them


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "say what to do"),
        ("shwo status", "did you mean 'show'?"),
        ("show", "show what?"),
        ("show stauts", "did you mean 'status'?"),
        ("show protocols", "'bgpctl show neighbors'"),
        ("show fib", "'bgpctl show kernel'"),
        ("enable", "'enable X' wants its X"),
        ("enable node2 please", "'please' is too much"),
        ("reset node2 soft", "in (judge what it gave again) or out"),
        ("reset node2 soft sideways", "part of reset soft"),
        ("clear bgp", "'bgpctl reset'"),
        ("show zzz", "status, neighbors, route, kernel"),
        ("show status now", "'now' is too much"),
        ("show neighbor a b", "'b' is too much"),
        ("show route received", "wants its X"),
        ("show route recieved node2", "did you mean 'received'?"),
        ("show route received a advertised b", "one table at a time"),
        ("show route 10.0.0.0/8 11.0.0.0/8", "two prefixes"),
        ("show route ip", "is not clear: ipv4 or ipv6?"),
        ("show kernel sumary", "did you mean 'summary'?"),
        ("watch sesion", "did you mean 'session'?"),
        ("watch neighbor", "wants its X"),
    ],
)
def test_wrong_words_are_answered_with_the_nearest_right_ones(line: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split())
    assert words in str(caught.value)


def test_an_empty_word_fits_nothing() -> None:
    with pytest.raises(UsageError):
        choose("", ("show",), "command")


def test_a_prefix_is_shown_in_full_and_a_list_is_not() -> None:
    assert parse(["show", "route", "10.0.0.0/8"]).detail
    assert parse(["show", "route", "detail"]).detail
    assert not parse(["show", "route"]).detail


def test_watch_knows_every_kind_of_event() -> None:
    assert parse(["watch", *EVENTS]).arguments["events"] == list(EVENTS)


def test_the_help_is_complete() -> None:
    said = {words.split(" [")[0].replace(" X", "").removesuffix("s") for words, _ in SYNTAX}
    said = {
        form for words in said for form in ([words[:-7] + " in", words[:-7] + " out"] if "in|out" in words else [words])
    }
    assert said == {command.removesuffix("s") for command in COMMANDS}
