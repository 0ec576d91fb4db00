"""Errors and warnings are collected, and can be shown on a terminal."""

import pytest

from bgpd.config.origin import Layer, Origin
from bgpd.config.report import ConfigError, Report, nearest, printable


def test_nothing_is_raised_before_check() -> None:
    report = Report()
    report.check()
    report.warn(Origin(Layer.FLAG, "--asn"), "asn", "doubtful")
    report.check()
    report.error(Origin(Layer.FLAG, "--asn"), "asn", "wrong")
    report.error(Origin(Layer.FILE, "f", 2), "metric", "wrong too")
    with pytest.raises(ConfigError) as caught:
        report.check()
    assert caught.value.lines == ["--asn: wrong", "f:2: metric: wrong too"]
    assert str(caught.value) == "--asn: wrong\nf:2: metric: wrong too"
    assert report.warnings == ["--asn: doubtful"]


def test_a_line_stays_one_line() -> None:
    assert printable("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert ConfigError(["x\r\ny"]).lines == ["x\\r\\ny"]


@pytest.mark.parametrize(
    ("word", "tail"),
    [
        ("rooter-id", "; did you mean router-id?"),
        ("ROUTER_ID", "; did you mean router-id?"),
        ("as", "; did you mean asn?"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_nearest(word: str, tail: str) -> None:
    assert nearest(word, ["asn", "router-id", "announce"]) == tail
