"""Views -> text that a person likes to read.

Plain aligned columns, a heading, nothing drawn around them. Colour only where it says something (a session that
is up, one that is not) and only on a terminal; there the last column is cut at the edge. In a pipe nothing is
cut and nothing coloured. Rows are laid out in blocks: a listing of a million routes starts at once and takes no
memory, and a later block may only get wider.

A view arrives as the JSON object of its dataclass in `speaker.views`. Some of its texts come from a peer (a
shutdown message, a host name): whatever is not printable is shown escaped, so no peer writes to the terminal.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

View = dict[str, Any]  #: the JSON object of a view
Cell = str | tuple[str, str]  #: a text, or a text and its style
Row = list[Cell]

GOOD: Final = "32"
WARN: Final = "33"
BAD: Final = "31"
DIM: Final = "2"
BOLD: Final = "1"

_LEAST: Final = 24  #: columns below which a text is not cut any more: then the line wraps
_BLOCK: Final = 500  #: rows that are laid out together
LEGEND: Final = "* eligible, > best, = shares the load, ! best but not in the kernel; i IGP, e EGP, ? incomplete"
_ORIGIN: Final = {"IGP": "i", "EGP": "e", "incomplete": "?"}


class Paper:
    """Where the text goes: its width (None: endless), whether it has colour, and what time it is."""

    def __init__(self, write: Callable[[str], object], *, width: int | None, colour: bool, now: float) -> None:
        self._write: Final = write
        self.width: Final = width
        self.colour: Final = colour
        self.now: Final = now

    def line(self, text: str = "") -> None:
        self._write(text.rstrip() + "\n")

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text else text

    def table(self, columns: Sequence[str], rows: Iterable[Row], *, indent: str = "") -> int:
        """Aligned columns; a title that begins with '>' is aligned right. Returns how many rows there were."""
        right = [title.startswith(">") for title in columns]
        titles = [title.removeprefix(">") for title in columns]
        widths = [len(title) for title in titles]
        count = 0
        for block in _blocks(rows, _BLOCK):
            for row in block:
                for at, cell in enumerate(row):
                    widths[at] = max(widths[at], len(cell if isinstance(cell, str) else cell[0]))
            if not count:
                self._row(indent, [(title, DIM) for title in titles], widths, right)
            for row in block:
                self._row(indent, row, widths, right)
            count += len(block)
        return count

    def _row(self, indent: str, row: Sequence[Cell], widths: list[int], right: list[bool]) -> None:
        parts: list[str] = []
        room = None if self.width is None else self.width - len(indent)
        last = len(row) - 1
        for at, cell in enumerate(row):
            text, style = (cell, "") if isinstance(cell, str) else cell
            if room is not None and at == last and len(text) > room >= _LEAST:
                text = text[: room - 1] + "…"
            padding = " " * (widths[at] - len(text))
            painted = self.paint(text, style)
            parts.append(padding + painted if right[at] else painted if at == last else painted + padding)
            if room is not None:
                room -= widths[at] + 2
        self.line(indent + "  ".join(parts))

    def pairs(self, pairs: Iterable[tuple[str, Cell]], *, indent: str = "") -> None:
        """A name and what it is, a line each; lines with nothing to say are left out."""
        said = [(name, cell) for name, cell in pairs if (cell if isinstance(cell, str) else cell[0])]
        width = max((len(name) for name, _ in said), default=0)
        for name, cell in said:
            text, style = (cell, "") if isinstance(cell, str) else cell
            self.line(f"{indent}{self.paint(name, DIM)}{' ' * (width - len(name))}  {self.paint(text, style)}")

    def ago(self, at: float | None) -> str:
        return f"{duration(self.now - at)} ago" if at else ""


def duration(seconds: float) -> str:
    """The two largest units that matter: 3d 4h, 2m 13s, 7s."""
    left = max(0, int(seconds))
    units: list[str] = []
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if left >= size or (units and left):
            units.append(f"{left // size}{letter}")
            left %= size
        if len(units) == 2:
            break
    return " ".join(unit for unit in units if unit[0] != "0") or "0s"


def octets(count: int) -> str:
    """Octets as people say them."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def clean(text: str) -> str:
    """The text with everything that is not printable escaped (also what turns the writing direction round)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def status(paper: Paper, view: View) -> None:
    up, all_ = view["established"], view["neighbors"]
    kernel = view["kernel_in_sync"]
    paper.line(paper.paint(f"bgpd {view['version']} on {clean(view['hostname'])}", BOLD))
    paper.pairs(
        [
            ("AS", str(view["asn"])),
            ("Router id", view["router_id"]),
            (
                "Running",
                f"{duration(view['uptime'])} (since {_clock(view['started'], date=True)}), process {view['pid']}",
            ),
            ("Listening", ", ".join(view["listen"]) or "nowhere"),
            ("Neighbors", (f"{up} of {all_} established", GOOD if up == all_ else WARN)),
            *(
                (
                    f"Loc-rib {family}",
                    f"{_count(count, 'prefix', 'prefixes')}, {_count(view['paths'].get(family, 0), 'path')}",
                )
                for family, count in view["prefixes"].items()
            ),
            ("Restart", ("under way: our table is not complete yet", WARN) if view["restarting"] else ""),
            ("Draining", ("yes: all routes are announced as about to go", WARN) if view["draining"] else ""),
            ("Update groups", str(view["update_groups"])),
            ("Kernel", "not used" if kernel is None else ("in step", GOOD) if kernel else ("not in step", WARN)),
            ("Ready", ("yes", GOOD) if view["ready"] else ("no: " + clean("; ".join(view["not_ready"])), BAD)),
            ("Memory", octets(view["rss"])),
            ("Loop stalls", f"{view['loop_stall'] * 1000:.1f} ms at worst in the last minute"),
            ("Python code", "compiled" if view["compiled"] else "interpreted"),
        ]
    )


def neighbors(paper: Paper, views: Iterable[View]) -> None:
    everyone = list(views)
    named = any(view["name"] != view["address"] for view in everyone)  # else a column would be empty

    def row(view: View) -> Row:
        up = view["state"] == "Established"
        sums = [sum(f[key] for f in view["families"]) for key in ("received", "accepted", "advertised")]
        note = view["policy_note"] or view["disabled"] or ("" if up else view["reason"])
        note = f"dynamic; {note}".rstrip("; ") if view["dynamic"] else note
        return [
            clean(view["name"]),
            *([view["address"]] if named else []),
            _asn(view),
            (view["state"], GOOD if up else WARN),
            duration(paper.now - view["since"]),
            *(str(number) if up else "-" for number in sums),
            (clean(note), WARN if view["policy_note"] else ""),
        ]

    address = ("Address",) if named else ()
    columns = ("Neighbor", *address, ">AS", "State", ">For", ">Received", ">Accepted", ">Advertised", "Note")
    if not paper.table(columns, map(row, everyone)):
        paper.line("No neighbor is configured. Start bgpd with --peer ADDRESS, or add one to its file.")


def _asn(view: View) -> str:
    """The neighbor's AS, or whose it may be until its OPEN says it."""
    return str(view["remote_asn"] or view["asn_rule"])


def _admin(view: View) -> str:
    """Why it is kept down, and for how long."""
    again = view["resume_in"]
    return clean(view["disabled"]) + (f"; up again in {duration(again)}" if again is not None else "")


def neighbor(paper: Paper, view: View) -> None:
    up = view["state"] == "Established"
    kind = "eBGP" if view["external"] else "iBGP"
    own_name = "" if view["name"] == view["address"] else f" ({view['address']})"
    paper.line(paper.paint(f"Neighbor {clean(view['name'])}{own_name}", BOLD) + f"  AS {_asn(view)}, {kind}")
    hold_left = "" if view["hold_left"] is None else f" ({view['hold_left']:.0f}s left)"
    faults = view["update_faults"]
    paper.pairs(
        [
            ("State", (f"{view['state']} for {duration(paper.now - view['since'])}", GOOD if up else WARN)),
            ("Reason", clean(view["reason"])),
            ("Admin", (_admin(view), WARN)),
            ("Note", (clean(view["policy_note"] or ""), WARN)),
            ("Policy", f"import {view['import_rule']}, export {view['export_rule']}"),
            ("Connection", _connection(view)),
            ("Found", f"dynamic, from {view['dynamic']}" if view["dynamic"] else view["remote_address"] or ""),
            ("Transport", ", ".join(view["transport"])),
            ("Local AS", str(view["local_asn"])),
            ("Rewriting", ", ".join(view["rewriting"])),
            ("Limits", ", ".join(view["limits"])),
            ("Restarts", ", ".join(view["restarts"])),
            ("Stale routes", (_stale(view), WARN)),
            ("Extensions", clean(", ".join(view["extensions"]))),
            ("Router id", view["remote_router_id"] or ""),
            ("Timers", f"hold {view['hold_time']}s{hold_left}, keepalive {view['keepalive_time']}s"),
            ("Sessions", f"established {_count(view['established_count'], 'time')} since start"),
            ("Queues", f"{octets(view['input_queue_octets'])} in, {octets(view['output_queue_octets'])} out"),
            (
                "Faults",
                (f"{_count(faults, 'UPDATE')}; last: {clean(view['last_fault'] or '?')}", WARN) if faults else "",
            ),
            ("Last offender", (_offender(view), WARN) if faults else ""),
            ("Memory", f"{octets(view['attribute_octets'])} of attributes first seen from it"),
            ("Last notification", _notification(paper, view["last_notification"])),
        ],
        indent="  ",
    )
    if view["families"]:
        paper.line()
    paper.table(
        ("Family", ">Received", ">Accepted", ">Advertised", "End-of-RIB", "Our next hop"),
        (_family_row(family) for family in view["families"]),
        indent="  ",
    )
    sent, received = view["capabilities_sent"], view["capabilities_received"]
    if sent or received:
        paper.line()
        both = list(dict.fromkeys([*sent, *received]))
        ends: list[Row] = [[clean(c), "yes" if c in sent else "-", "yes" if c in received else "-"] for c in both]
        paper.table(("Capability", "Sent", "Received"), ends, indent="  ")
    paper.line()
    kinds = list(dict.fromkeys([*view["messages_received"], *view["messages_sent"]]))
    counts: list[Row] = [
        [kind, str(view["messages_received"].get(kind, 0)), str(view["messages_sent"].get(kind, 0))] for kind in kinds
    ]
    counts.append(["octets", str(view["octets_received"]), str(view["octets_sent"])])
    paper.table(("Messages", ">Received", ">Sent"), counts, indent="  ")


def routes(paper: Paper, views: Iterable[View]) -> None:
    """One route a line."""

    def row(view: View) -> Row:
        return [
            _flags(view),
            view["prefix"],
            view["next_hop"],
            clean(view["source"]) + _path_id(view),
            _or_dash(view["local_pref"]),
            _or_dash(view["med"]),
            duration(paper.now - view["since"]) if view["since"] else "",
            f"{view['as_path']} {_ORIGIN.get(view['origin'], view['origin'])}".lstrip(),
            (clean(_why(view)), "" if view["eligible"] else WARN),
        ]

    columns = ("", "Prefix", "Next hop", "From", ">Pref", ">MED", ">Age", "AS path", "Why")
    some = _peek(views)
    if some is None:
        paper.line("No such route.")
        return
    paper.line(paper.paint(LEGEND, DIM))
    paper.table(columns, map(row, some))


def _path_id(view: View) -> str:
    """The ADD-PATH identifier, where there is one."""
    return f" (path {view['path_id']})" if view["path_id"] is not None else ""


def routes_in_full(paper: Paper, views: Iterable[View]) -> None:
    """A heading a prefix, and below it every path with all that is known about it."""
    prefix = None
    for view in views:
        if view["prefix"] != prefix:
            if prefix is not None:
                paper.line()
            prefix = view["prefix"]
            paper.line(paper.paint(prefix, BOLD))
        style = GOOD if view["best"] else "" if view["eligible"] else WARN
        age = f", {paper.ago(view['since'])}" if view["since"] else ""
        paper.line(f"  {_flags(view)} from {clean(view['source'])}{_path_id(view)}, next hop {view['next_hop']}{age}")
        numbers = [
            f"{word} {view[key]}"
            for key, word in (("local_pref", "local pref"), ("med", "MED"))
            if view[key] is not None
        ]
        paper.pairs(
            [
                ("Why", (clean(view["reason"]), style)),
                (
                    "Stale",
                    {"": "", "restart": "kept while the neighbor restarts"}.get(view["stale"], "the last resort"),
                ),
                ("AS path", view["as_path"] or "empty"),
                ("Preference", ", ".join([*numbers, f"origin {view['origin']}"])),
                ("Communities", " ".join(view["communities"])),
                ("Large communities", " ".join(view["large_communities"])),
                ("Extended communities", " ".join(view["ext_communities"])),
                *((name, clean(text)) for name, text in view["attributes"].items()),
                ("Kernel", _installed(view["installed"])),
            ],
            indent="       ",
        )
    if prefix is None:
        paper.line("No such route.")


def kernel(paper: Paper, head: View, views: Iterable[View]) -> None:
    if not head["enabled"]:
        paper.line("The kernel is not used (--no-kernel).")
        return
    where = f"table {head['table']}, protocol {head['protocol']}, metric {head['metric']}"
    paper.pairs(
        [
            ("Our routes", where),
            ("In step", ("yes", GOOD) if head["in_sync"] else ("no", WARN)),
            ("Wanted", str(head["wanted"])),
            ("Installed", str(head["installed"])),
            *(
                (key.capitalize(), (str(head[key]), WARN))
                for key in ("pending", "failed", "conflicts", "unresolved")
                if head[key]
            ),
        ]
    )

    def row(view: View) -> Row:
        good = view["state"] == "installed"
        via = ", ".join(view["next_hops"]) if view["kind"] == "unicast" else view["kind"]
        return [view["prefix"], via, (view["state"], GOOD if good else WARN), clean(view["reason"])]

    if (some := _peek(views)) is not None:
        paper.line()
        paper.table(("Prefix", "Via", "State", "Reason"), map(row, some))


def kernel_check(paper: Paper, head: View, views: Iterable[View]) -> None:
    paper.pairs(
        [
            ("In step", ("yes", GOOD) if head["in_step"] else ("no; it is being put right", WARN)),
            ("Wanted", str(head["wanted"])),
            *([("Unresolved", (str(head["unresolved"]), WARN))] if head["unresolved"] else []),
            ("Written", str(head["written"])),
            ("In the kernel", str(head["dumped"])),
            ("Looked up", f"{head['looked_up']} of them"),
            ("Differences", (str(head["differences"]), WARN if head["differences"] else GOOD)),
            ("Took", f"{head['seconds']:.2f} s"),
        ]
    )

    def row(view: View) -> Row:
        return [
            view["prefix"],
            (view["difference"], WARN),
            view["wanted"] or "-",
            view["found"] or "-",
            clean(view["reason"]),
        ]

    if (some := _peek(views)) is not None:
        paper.line()
        paper.table(("Prefix", "Difference", "Wanted", "Found", "Reason"), map(row, some))


def event(paper: Paper, view: View) -> None:
    """One line of `watch`."""
    old, new = view["old"], view["new"]
    style = ""
    if view["event"] == "session":
        style = GOOD if new == "Established" else WARN if old == "Established" else ""
    moved = " -> ".join(text or "none" for text in (old, new)) if old or new else ""
    words = [view["event"].ljust(7), view["neighbor"], view["prefix"], moved]
    what = clean(" ".join(word for word in words if word))
    reason = f"{': ' if moved else ' '}{clean(view['reason'])}" if view["reason"] else ""
    paper.line(f"{paper.paint(_clock(view['at']), DIM)} {paper.paint(what, style)}{reason}")


def lost(paper: Paper, count: int) -> None:
    paper.line(paper.paint(f"({_count(count, 'event')} lost: this end was too slow)", WARN))


def _flags(view: View) -> str:
    refused = view["best"] and view["installed"] not in {None, "yes"}
    return (
        ("*" if view["eligible"] else " ")
        + (">" if view["best"] else " ")
        + ("!" if refused else "=" if view["multipath"] else " ")
    )


def _why(view: View) -> str:
    installed = view["installed"]
    stale = f"; stale: {_STALE[view['stale']]}" if view["stale"] else ""
    missing = "" if installed in {None, "yes"} else f"; not in the kernel: {installed}"
    held = f"; {view['held_back']}" if view["held_back"] else ""
    return f"{view['reason']}{stale}{missing}{held}"


def _installed(installed: str | None) -> Cell:
    if installed is None:
        return ""
    return ("installed", GOOD) if installed == "yes" else (f"not installed: {clean(installed)}", BAD)


def _connection(view: View) -> str:
    extras = [view["direction"] or "", "passive" if view["passive"] else "", "TCP MD5" if view["password"] else ""]
    said = ", ".join(extra for extra in extras if extra)
    if view["local_address"] is None:
        return f"none{', ' if said else ''}{said}"
    ends = [_endpoint(view["local_address"], view["local_port"]), _endpoint(view["address"], view["remote_port"])]
    arrow = " <- " if view["direction"] == "accepted" else " -> "
    return f"{arrow.join(ends)}{', ' if said else ''}{said}"


def _endpoint(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _offender(view: View) -> str:
    """The last attribute that was wrong, in hex, and what of all was how often wrong."""
    counts = [f"{name} {action} x {count}" for name, by in view["faults"].items() for action, count in by.items()]
    shown = view["last_fault_attribute"]
    return "; ".join([*([f"0x{shown}"] if shown else []), *counts])


def _notification(paper: Paper, view: View | None) -> Cell:
    if view is None:
        return ""
    data = f", data {view['data']}" if view["data"] else ""
    return clean(
        f"{view['direction']} {paper.ago(view['at'])}: {view['text']} ({view['code']}/{view['subcode']}){data}"
    ), WARN


def _family_row(family: View) -> Row:
    if not family["negotiated"]:
        return [family["family"], "-", "-", "-", "not negotiated", ""]
    ends = [word for key, word in (("end_of_rib_sent", "sent"), ("end_of_rib_received", "received")) if family[key]]
    none = ("none: nothing of this family is announced", WARN)
    return [
        f"{family['family']}, add-path {family['add_path']}" if family["add_path"] else family["family"],
        *(str(family[key]) for key in ("received", "accepted", "advertised")),
        ", ".join(ends) or "-",
        family["next_hop"] or none,
    ]


_STALE: Final = {
    "": "",
    "restart": "kept while the neighbor restarts",
    "long-lived": "kept as the last resort",
}


def _stale(view: View) -> str:
    """What is kept of an earlier session, and for how long."""
    return ", ".join(
        f"{family['family']}: {family['stale']}, "
        + ("the last resort" if family["long_lived"] else "kept")
        + f" for {duration(family['stale_left'])} more"
        for family in view["families"]
        if family["stale"]
    )


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _count(number: int, word: str, words: str | None = None) -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _clock(at: float, *, date: bool = False) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S", time.localtime(at))


def _peek(views: Iterable[View]) -> Iterator[View] | None:
    """The same views, or None where there is not even one."""
    rest = iter(views)
    for first in rest:
        return _chain(first, rest)
    return None


def _chain(first: View, rest: Iterator[View]) -> Iterator[View]:
    yield first
    yield from rest


def _blocks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def parsed(rows: Iterable[bytes]) -> Iterator[View]:
    """The views in the rows of an answer."""
    return map(json.loads, rows)
