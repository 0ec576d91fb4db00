"""`bgpd policy test -c FILE NAME ...`: a policy of a file that nobody runs yet, tried on a route.

The words are those of `bgpctl policy test`; what it prints is the same, too.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bgpd.cli import policy
from bgpd.cli.render import Paper
from bgpd.config import ConfigError, parse
from bgpd.config.build import Host
from bgpd.model import text_of
from bgpd.policy.spec import BUILTIN
from bgpd.policy.trial import given_attrs
from bgpd.speaker import policy_query


def main(words: Sequence[str], host: Host, environ: Mapping[str, str] | None = None) -> int:
    """Exit code: 0 answered, 2 the words or the file are wrong. `words` begin behind `policy`."""
    rest = list(words)
    if rest[:1] != ["test"]:
        return _complain("policy: say 'policy test -c FILE NAME prefix P [as-path A] [community C] ...'")
    files = _files(rest)
    try:
        arguments = policy.arguments(rest[1:])
        parsed = parse(["-c", files[0]] if files else [], os.environ if environ is None else environ, host)
    except policy.WordsError as error:
        return _complain(str(error))
    except ConfigError as error:
        return _complain("\n".join(error.lines))
    speaker = parsed.spec.speaker
    named, prefix = arguments.pop("policy", None), arguments.pop("prefix", None)
    if "live" in arguments or not isinstance(named, str) or not isinstance(prefix, str):
        return _complain("policy test: say which policy, and a route's prefix; live routes are bgpctl's to ask for")
    way, who = arguments.pop("way", "in"), arguments.pop("neighbor", None)
    spec = next((n for n in speaker.neighbors if who in (n.name, text_of(n.address, n.interface))), None)
    if who is not None and spec is None:
        return _complain(f"there is no neighbor {who!r}")
    try:
        found = policy_query.find({p.name: p for p in speaker.policies} | BUILTIN, named)
        attrs = given_attrs(**arguments)  # type: ignore[arg-type]
        view = policy_query.given_for(found, spec, prefix, attrs, importing=way == "in")
    except ValueError as error:
        return _complain(str(error))
    policy.tests(Paper(sys.stdout.write, width=None, colour=False, now=0.0), [asdict(view)])
    return 0


def _files(rest: list[str]) -> list[str]:
    """Take `-c FILE` and `--config FILE` out of the words."""
    found: list[str] = []
    for flag in ("-c", "--config"):
        while flag in rest[:-1]:
            at = rest.index(flag)
            found.append(rest[at + 1])
            del rest[at : at + 2]
    return found


def _complain(text: str) -> int:
    for line in text.split("\n"):
        print(f"bgpd: {line}", file=sys.stderr)
    return 2
