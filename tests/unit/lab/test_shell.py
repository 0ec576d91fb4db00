"""Commands, streams and deadlines."""

import time

import pytest

from bgpd.lab.shell import Failed, Stream, attempt, clean_env, run, until


def test_run_gives_the_output() -> None:
    assert run(["cat"], given="hello") == "hello"
    assert attempt(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\n", "err\n")


def test_a_failed_command_says_what_and_why() -> None:
    with pytest.raises(Failed, match=r"^sh -c .*: it broke$"):
        run(["sh", "-c", "echo it broke >&2; exit 1"])
    with pytest.raises(Failed, match=r"^the thing: exit 7$"):
        run(["sh", "-c", "exit 7"], called="the thing")
    with pytest.raises(Failed, match=r"no-such-command: No such file"):
        run(["no-such-command"])
    with pytest.raises(Failed, match="no end after 0 s"):
        run(["sleep", "60"], timeout=0.05)


def test_until() -> None:
    answers = iter(["not yet", "still not", None])
    assert until("it", lambda: next(answers), timeout=5, pause=0) < 5
    with pytest.raises(Failed, match=r"^it: not after 0 s: never$"):
        until("it", lambda: "never", timeout=0.01, pause=0.001)


def test_a_stream_is_waited_for_and_ends_with_its_block() -> None:
    with Stream(["sh", "-c", "echo one; echo two; cat >/dev/null; echo end"]) as stream:
        assert stream.wait(lambda lines: "two" in lines, timeout=5, what="two") == ["one", "two"]
    assert stream.lines() == ["one", "two", "end"]


def test_a_stream_that_ends_too_early_says_what_it_said() -> None:
    with Stream(["sh", "-c", "echo sorry"]) as stream, pytest.raises(Failed, match=r"^more: the command ended.*sorry"):
        stream.wait(lambda lines: "more" in lines, timeout=5, what="more")


def test_a_stream_that_is_silent_meets_its_deadline() -> None:
    with Stream(["cat"]) as stream, pytest.raises(Failed, match=r"^a word: not after 0 s; it said: nothing"):
        stream.wait(bool, timeout=0.05, what="a word")


def test_a_stream_that_ignores_its_input_is_ended_by_a_signal() -> None:
    begin = time.monotonic()
    with Stream(["sleep", "60"]):
        pass
    assert time.monotonic() - begin < 10


def test_clean_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BGPD_ASN", "1")
    monkeypatch.setenv("OTHER", "2")
    env = clean_env()
    assert "BGPD_ASN" not in env
    assert env["OTHER"] == "2"
