"""Every command: what it asks of the speaker, and how it refuses."""

import pytest

from bgpd.control.commands import COMMANDS, EVENTS, CommandError, answer
from bgpd.control.protocol import ErrorCode
from bgpd.speaker.events import EventView
from bgpd.speaker.views import ActionView, KernelView
from tests.unit.control.fake import KERNEL, NEIGHBORS, NODE2, ROUTES, STATUS, FakeQueries


def refusal(command: str, **arguments: object) -> CommandError:
    with pytest.raises(CommandError) as caught:
        answer(FakeQueries(), command, arguments)
    return caught.value


def test_singular_commands_answer_with_one_object() -> None:
    queries = FakeQueries()
    assert answer(queries, "show status", {}).head is STATUS
    assert answer(queries, "show neighbor", {"neighbor": "192.168.1.11"}).head is NODE2
    assert list(answer(queries, "show status", {}).rows) == []


def test_plural_commands_answer_with_rows() -> None:
    queries = FakeQueries()
    assert list(answer(queries, "show neighbors", {}).rows) == NEIGHBORS
    assert list(answer(queries, "show route", {}).rows) == ROUTES


def test_the_kernel_answers_with_figures_and_then_rows() -> None:
    reply = answer(FakeQueries(), "show kernel", {})
    assert isinstance(reply.head, KernelView)
    assert (reply.head.installed, reply.head.routes) == (2, [])
    assert list(reply.rows) == KERNEL.routes
    assert list(answer(FakeQueries(), "show kernel", {"routes": False}).rows) == []


def test_show_policy() -> None:
    views = list(answer(FakeQueries(), "show policy", {}).rows)
    assert [getattr(view, "name", "") for view in views] == ["in", "out"]
    assert list(answer(FakeQueries(), "show policy", {"policy": "out"}).rows) == views[1:]
    assert "did you mean out?" in refusal("show policy", policy="ouut").text


def test_policy_test() -> None:
    queries = FakeQueries()
    words = {"policy": "in", "neighbor": "node2", "prefix": "10.0.0.0/8", "as_path": "1", "community": ["1:1"]}
    assert len(list(answer(queries, "policy test", words).rows)) == 1
    route = {"prefix": "10.0.0.0/8", "as_path": "1", "community": ["1:1"]}
    tried = queries.tried
    assert tried == ("in", "node2", route, "in")
    assert len(list(answer(queries, "policy test", {"live": "out", "neighbor": "192.168.1.11"}).rows)) == 1
    tried = queries.tried
    assert tried == (None, "node2", None, "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "say which policy"),
        ({"policy": "in"}, "say which policy"),
        ({"policy": "in", "as_path": "1"}, "the prefix of a route"),
        ({"prefix": "10.0.0.0/8"}, "say which policy"),
        ({"policy": "wrong", "prefix": "10.0.0.0/8"}, "no policy 'wrong'"),
        ({"live": "in"}, "say which neighbor"),
        ({"live": "up", "neighbor": "node2"}, "in or out"),
        ({"live": "in", "neighbor": "node2", "prefix": "10.0.0.0/8"}, "either the routes of the live table"),
        ({"policy": "in", "prefix": "10.0.0.0/8", "community": "1:1"}, "a list of texts"),
    ],
)
def test_policy_test_refuses(arguments: dict[str, object], words: str) -> None:
    assert words in refusal("policy test", **arguments).text


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({}, (None, None, "loc-rib", None, False)),
        ({"family": "ipv6"}, ("ipv6", None, "loc-rib", None, False)),
        ({"prefix": "10.244.1.0/24"}, ("ipv4", "10.244.1.0/24", "loc-rib", None, False)),
        ({"prefix": "10.244.1.7"}, ("ipv4", "10.244.1.7/32", "loc-rib", None, True)),
        ({"prefix": "10.244.1.7/32"}, ("ipv4", "10.244.1.7/32", "loc-rib", None, False)),
        ({"prefix": "fd00::1"}, ("ipv6", "fd00::1/128", "loc-rib", None, True)),
        ({"prefix": "::/0", "family": "ipv6"}, ("ipv6", "::/0", "loc-rib", None, False)),
        ({"table": "received", "neighbor": "node2"}, (None, None, "received", "node2", False)),
        ({"table": "advertised", "neighbor": "192.168.1.11"}, (None, None, "advertised", "node2", False)),
    ],
)
def test_show_route_asks_for_what_was_said(arguments: dict[str, object], asked: object) -> None:
    queries = FakeQueries()
    answer(queries, "show route", arguments)
    assert queries.asked == [asked]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"prefix": "10.244.1.1/24"}, ErrorCode.BAD_ARGUMENT, "10.244.1.0/24"),
        ({"prefix": "10.244.1"}, ErrorCode.BAD_ARGUMENT, "10.244.1"),
        ({"prefix": "10.0.0.0/33"}, ErrorCode.BAD_ARGUMENT, "33"),
        ({"prefix": ""}, ErrorCode.BAD_ARGUMENT, ""),
        ({"prefix": 7}, ErrorCode.BAD_ARGUMENT, "text"),
        ({"prefix": "10.0.0.0/8", "family": "ipv6"}, ErrorCode.BAD_ARGUMENT, "is ipv4, not ipv6"),
        ({"family": "ipx"}, ErrorCode.BAD_ARGUMENT, "ipv4, ipv6"),
        ({"table": "sent", "neighbor": "node2"}, ErrorCode.BAD_ARGUMENT, "loc-rib, received, advertised"),
        ({"table": "received"}, ErrorCode.BAD_ARGUMENT, "say which"),
        ({"neighbor": "node2"}, ErrorCode.BAD_ARGUMENT, "no neighbor"),
        ({"table": "received", "neighbor": "nod2"}, ErrorCode.UNKNOWN_NEIGHBOR, "did you mean node2?"),
        ({"prefx": "10.0.0.0/8"}, ErrorCode.BAD_ARGUMENT, "prefix"),
    ],
)
def test_show_route_refuses_in_a_sentence(arguments: dict[str, object], code: str, words: str) -> None:
    error = refusal("show route", **arguments)
    assert error.code == code
    assert words in error.text


def test_an_unknown_neighbor_without_a_near_one() -> None:
    assert "did you mean" not in refusal("show neighbor", neighbor="zzzzzzz").text
    assert refusal("show neighbor").code == ErrorCode.BAD_ARGUMENT


def test_an_unknown_neighbor_where_none_is_configured() -> None:
    queries = FakeQueries()
    queries.neighbors = list  # type: ignore[method-assign]
    with pytest.raises(CommandError, match="none is configured"):
        answer(queries, "show neighbor", {"neighbor": "x"})


def test_an_unknown_command_names_the_nearest() -> None:
    error = refusal("show neigbors")
    assert (error.code, "show neighbors" in error.text) == (ErrorCode.UNKNOWN_COMMAND, True)
    assert refusal("").code == ErrorCode.UNKNOWN_COMMAND


def test_watch_lets_pass_what_was_asked_for() -> None:
    events = [EventView(at=0.0, event=kind, neighbor=n) for kind in EVENTS for n in ("node2", None)]

    def passed(**arguments: object) -> int:
        wanted = answer(FakeQueries(), "watch", arguments).events
        assert wanted is not None
        return sum(wanted(event) for event in events)

    assert passed() == 8
    assert passed(events=["session"]) == 2
    assert passed(events=["session", "route"], neighbor="192.168.1.11") == 2
    assert passed(neighbor="node2") == 4


@pytest.mark.parametrize("events", ["session", ["sessions"], [["session"]], 7, {"session": True}])
def test_watch_refuses_other_events(events: object) -> None:
    assert refusal("watch", events=events).code == ErrorCode.BAD_ARGUMENT


def test_flags_are_booleans() -> None:
    assert refusal("show kernel", routes="no").code == ErrorCode.BAD_ARGUMENT


def test_every_command_has_help() -> None:
    assert all(command.help and all(command.arguments.values()) for command in COMMANDS.values())


@pytest.mark.parametrize("action", ["enable", "disable", "reset"])
def test_actions_name_the_neighbor(action: str) -> None:
    queries = FakeQueries()
    words = {} if action == "enable" else {"text": "back at noon"}
    reply = answer(queries, action, {"neighbor": "192.168.1.11", **words})
    assert reply.head == ActionView(neighbor="node2", result=f"node2: {action}")
    assert queries.acted == [(action, "node2", words.get("text", ""))]
    assert refusal(action, neighbor="nobody").code == ErrorCode.UNKNOWN_NEIGHBOR


@pytest.mark.parametrize("action", ["drain", "undrain", "restart"])
def test_actions_on_the_whole_speaker(action: str) -> None:
    queries = FakeQueries()
    words = {"text": "new kernel"} if action == "restart" else {}
    assert answer(queries, action, words).head == ActionView(neighbor="", result=action)
    assert queries.acted == [(action, "", words.get("text", ""))]
    assert refusal(action, neighbor="node2").code == ErrorCode.BAD_ARGUMENT


def test_the_whole_speaker_may_refuse_too() -> None:
    queries = FakeQueries()
    queries.refuses = "graceful-shutdown is set in the configuration"
    with pytest.raises(CommandError, match="graceful-shutdown is set") as caught:
        answer(queries, "undrain", {})
    assert caught.value.code == ErrorCode.REFUSED


def test_actions_that_cannot_be() -> None:
    assert refusal("reset soft in", neighbor="node2").code == ErrorCode.REFUSED
    assert refusal("disable", neighbor="node2", text="x" * 256).code == ErrorCode.BAD_ARGUMENT
    assert refusal("enable", neighbor="node2", text="x").code == ErrorCode.BAD_ARGUMENT
