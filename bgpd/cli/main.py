"""bgpctl: asks a running bgpd what it knows.

Exit codes: 0 answered, 1 the daemon says no (no such neighbor), 2 the words make no command, 3 no daemon can be
reached. Everything that is wrong goes to standard error, in one sentence.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from bgpd import __version__
from bgpd.cli import policy, render
from bgpd.cli.client import Answer, NotReachable, Refused, ask
from bgpd.cli.grammar import STORE_SYNTAX, STORE_WORDS, SYNTAX, Request, UsageError, choose, parse
from bgpd.cli.render import Paper
from bgpd.control.protocol import DEFAULT_PATH, ErrorCode

OK: Final = 0
SAYS_NO: Final = 1
USAGE: Final = 2
NOT_REACHABLE: Final = 3
INTERRUPTED: Final = 130

_OPTIONS: Final = ("--json", "--control", "--help", "--version")
_SHORT: Final = {"-j": "--json", "-s": "--control", "-h": "--help", "-V": "--version"}
#: Answers of the daemon that mean the words were wrong.
_WRONG_WORDS: Final = (ErrorCode.BAD_ARGUMENT, ErrorCode.UNKNOWN_COMMAND, ErrorCode.BAD_REQUEST)


class _Options:
    def __init__(self) -> None:
        self.json = False
        self.control = os.environ.get("BGPD_CONTROL") or DEFAULT_PATH
        self.help = False
        self.version = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] and given[0] in STORE_WORDS:
        from bgpd.cli import store  # noqa: PLC0415 - the others ask a daemon, and need no decoder

        return store.main(given)
    try:
        options, words = _split(given)
        if options.version:
            print(f"bgpctl {__version__}")
            return OK
        if options.help or words[:1] == ["help"]:
            _help()
            return OK
        return _run(options, parse(words))
    except UsageError as error:
        return _complain(f"{error}. 'bgpctl help' lists every command.", USAGE)
    except Refused as error:
        return _complain(f"{error}", USAGE if error.code in _WRONG_WORDS else SAYS_NO)
    except NotReachable as error:
        return _complain(f"{error}", NOT_REACHABLE)
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere, in silence
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED


def _split(arguments: list[str]) -> tuple[_Options, list[str]]:
    """Options, wherever they stand, and the words. Raises UsageError."""
    options = _Options()
    words: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, words + rest
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, equals, value = word.partition("=")
        if words and "policy".startswith(words[0].lower()) and name.removeprefix("--") in policy.WORDS:
            words.append(word)  # `policy test NAME --prefix P` is as good as `prefix P`
            continue
        name = _SHORT.get(name) or choose(name, _OPTIONS, "option")
        if name == "--control":
            if not equals:
                if not rest:
                    raise UsageError("--control wants the path of bgpd's socket")
                value = rest.pop(0)
            options.control = value
        elif equals:
            raise UsageError(f"{name} takes no value")
        else:
            setattr(options, name.removeprefix("--"), True)
    return options, words


def _run(options: _Options, request: Request) -> int:
    answer = ask(options.control, request.command, request.arguments)
    try:
        (_print_json if options.json else _print_text)(answer, request)
        sys.stdout.flush()
    finally:
        answer.close()
    return OK if (answer.head or {}).get("in_step", True) else SAYS_NO


#: Commands that answer with an object and rows -> the name of the rows in it.
_ROWS: Final = {"show kernel": "routes", "kernel check": "findings"}


def _print_json(answer: Answer, request: Request) -> None:
    """The views as they are: an object, a list, or (watch) one object a line. A list without end was cut off."""
    out = sys.stdout.write
    if request.command == "watch":
        for row in answer.rows():
            _report_lost(answer)
            out(row.decode() + "\n")
            sys.stdout.flush()
    elif (rows := _ROWS.get(request.command)) is not None:
        head = {key: value for key, value in (answer.head or {}).items() if key != rows}
        out(json.dumps(head)[:-1] + f', "{rows}": ')
        _print_list(answer)
        out("}\n")
    elif answer.head is not None:
        for _ in answer.rows():
            pass
        out(json.dumps(answer.head, indent=2) + "\n")
    else:
        _print_list(answer)
        out("\n")


def _print_list(answer: Answer) -> None:
    between = "[\n"
    for row in answer.rows():
        sys.stdout.write(between + row.decode())
        between = ",\n"
    sys.stdout.write("[]" if between == "[\n" else "\n]")


def _print_text(answer: Answer, request: Request) -> None:
    terminal = sys.stdout.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if terminal else None
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    paper = Paper(sys.stdout.write, width=width or None, colour=colour, now=time.time())
    if request.command == "watch":
        for view in render.parsed(answer.rows()):
            if answer.lost:
                render.lost(paper, answer.lost)
                answer.lost = 0
            render.event(paper, view)
            sys.stdout.flush()
        return
    views = render.parsed(answer.rows())
    if request.command == "show neighbors":
        render.neighbors(paper, views)
    elif request.command == "show route":
        (render.routes_in_full if request.detail else render.routes)(paper, views)
    elif request.command == "show kernel":
        render.kernel(paper, answer.head or {}, views)
    elif request.command == "kernel check":
        render.kernel_check(paper, answer.head or {}, views)
    elif request.command == "show policy":
        policy.policies(paper, views)
    elif request.command == "policy test":
        policy.tests(paper, views)
    elif answer.head is not None and "result" in answer.head:
        paper.line(render.clean(str(answer.head["result"])))
    else:
        one: Callable[[Paper, render.View], None] = (
            render.status if request.command == "show status" else render.neighbor
        )
        one(paper, answer.head or {})


def _report_lost(answer: Answer) -> None:
    if answer.lost:
        print(f"bgpctl: {answer.lost} events lost: this end was too slow", file=sys.stderr)
        answer.lost = 0


def _help() -> None:
    print("bgpctl asks a running bgpd what it knows. Words may be shortened: 'bgpctl sh n'.\n")
    width = max(len(words) for words, _ in SYNTAX)
    for words, meaning in SYNTAX:
        print(f"  bgpctl {words.ljust(width)}  {meaning}")
    print("\nThe cluster, in its datastore (--datastore URL, or $BGPD_DATASTORE); 'bgpctl apply --help' says more:\n")
    for words, meaning in STORE_SYNTAX:
        print(f"  bgpctl {words.ljust(width)}  {meaning}")
    print("\n  --json, -j           the answer as JSON")
    print(f"  --control, -s PATH   bgpd's socket (default $BGPD_CONTROL, else {DEFAULT_PATH})")
    print("  --version, -V")
    no = "1 the daemon says no (or: the kernel is not as it should be)"
    print(f"\nExit codes: 0 answered, {no}, 2 wrong words, 3 no daemon to be reached.")


def _complain(text: str, code: int) -> int:
    sys.stdout.flush()
    print(f"bgpctl: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
