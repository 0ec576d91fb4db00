"""Cost as formulas: fitted at two sizes, held against a third, and drawn out to sizes that no machine here has."""

from dataclasses import dataclass

from bench.stats import Line, Records, line, off, plane

PEERS, PREFIXES, PATHS = 1_000, 1_000_000, 10_000_000  #: what is extrapolated to


@dataclass(frozen=True, slots=True)
class Formula:
    """One cost, and how well it held."""

    what: str
    formula: str
    check: str


def formulas(records: Records, daemon: str) -> list[Formula]:
    """Those whose measurements are there."""
    makers = (_memory_of_routes, _cpu_of_routes, _memory_of_sessions, _deliveries, _extrapolated)
    return [found for maker in makers if (found := maker(records, daemon)) is not None]


def _line(records: Records, daemon: str, key: str) -> Line | None:
    """A figure by the number of routes."""
    points = []
    for name in ("A", "B"):
        routes, value = size(records, name, daemon, "routes"), records.median(name, daemon, "init", key)
        if routes is None or value is None:
            return None
        points.append((routes, value))
    return line(points)


def size(records: Records, scenario: str, daemon: str, key: str) -> float | None:
    """How many `routes` (of a feeder), `feeders` or `sessions` a scenario had in this run."""
    return records.median(scenario, daemon, "connect", key)


def _third(records: Records, fit: Line, daemon: str, key: str, unit: str) -> str:
    """The formula at the size of B300."""
    routes = size(records, "B300", daemon, "routes")
    if routes is None:
        return "not measured at a third size"
    return _checked(fit.at(routes), records.median("B300", daemon, "init", key), unit, f"{routes:,.0f} routes")


def _checked(predicted: float, measured: float | None, unit: str, where: str) -> str:
    if measured is None:
        return "not measured at a third size"
    return f"{where}: {predicted:.3g} {unit} by the formula, {measured:.3g} measured ({off(predicted, measured):+.0%})"


def _memory_of_routes(records: Records, daemon: str) -> Formula | None:
    fit = _line(records, daemon, "rss")
    if fit is None:
        return None
    formula = f"{fit.base:.1f} MiB + {fit.slope * 2**20:.0f} octets a route"
    return Formula("memory, one peer's routes to one other", formula, _third(records, fit, daemon, "rss", "MiB"))


def _cpu_of_routes(records: Records, daemon: str) -> Formula | None:
    fit = _line(records, daemon, "cpu")
    if fit is None:
        return None
    check = _third(records, fit, daemon, "cpu", "s")
    return Formula("CPU, a route in and out to one peer", f"{fit.slope * 1e6:.2f} µs a route", check)


def session_memory(records: Records, daemon: str) -> Line | None:
    """MiB by established sessions without routes."""
    points = []
    for name in ("D25", "D"):
        sessions, rss = (size(records, name, daemon, key) for key in ("sessions", "rss"))
        if sessions is None or rss is None:
            return None
        points.append((sessions, rss))
    return line(points)


def _memory_of_sessions(records: Records, daemon: str) -> Formula | None:
    fit = session_memory(records, daemon)
    if fit is None:
        return None
    sessions, rss = (size(records, "D50", daemon, key) for key in ("sessions", "rss"))
    check = _checked(fit.at(sessions or 0), rss, "MiB", f"{sessions or 0:.0f} sessions")
    return Formula(
        "memory, sessions without routes", f"{fit.base:.1f} MiB {fit.slope * 1024:+.0f} KiB a session", check
    )


def delivery(records: Records, daemon: str) -> tuple[float, float] | None:
    """CPU seconds of a route that comes in, and of one that goes out to one peer (scenario D at two sizes)."""
    points = [_mutual(records, name, daemon) for name in ("D25", "D")]
    return plane([point for point in points if point is not None]) if None not in points else None


def _mutual(records: Records, name: str, daemon: str) -> tuple[float, float, float] | None:
    """Routes in, routes out, CPU seconds of everybody telling everybody."""
    peers, routes = (size(records, name, daemon, key) for key in ("feeders", "routes"))
    cpu = records.median(name, daemon, "init", "cpu")
    return (
        None if peers is None or routes is None or cpu is None else (peers * routes, peers * routes * (peers - 1), cpu)
    )


def _deliveries(records: Records, daemon: str) -> Formula | None:
    found = delivery(records, daemon)
    if found is None:
        return None
    incoming, outgoing = found
    between = _mutual(records, "D50", daemon)
    check = "not measured at a third size"
    if between is not None:
        predicted = between[0] * incoming + between[1] * outgoing
        check = _checked(predicted, between[2], "s", f"{size(records, 'D50', daemon, 'feeders'):.0f} peers")
    formula = f"{incoming * 1e6:.1f} µs a route in + {outgoing * 1e6:.3f} µs for each peer that is sent it"
    return Formula("CPU, routes between many peers", formula, check)


def _extrapolated(records: Records, daemon: str) -> Formula | None:
    """1,000 peers and 10M paths: ten of the peers send the same million prefixes, and everybody is sent the best."""
    routes, sessions, cpu = _line(records, daemon, "rss"), session_memory(records, daemon), delivery(records, daemon)
    path, contended = path_memory(records, daemon), contention(records, daemon)
    if routes is None or sessions is None or cpu is None or path is None or contended is None:
        return None
    memory = routes.at(PREFIXES) + (PATHS - PREFIXES) * path + (PEERS - 2) * sessions.slope
    seconds = PATHS * contended + PREFIXES * PEERS * max(0.0, cpu[1])
    return Formula(
        "EXTRAPOLATED: 1,000 peers, ten of which give the same 1,000,000 prefixes (10M paths)",
        f"{memory / 1024:.1f} GiB, {seconds:.0f} s of CPU until everybody has everything",
        "the lines above, a further path as in P, ten paths a prefix as in C; nothing of that size was run",
    )


def path_memory(records: Records, daemon: str) -> float | None:
    """MiB of one more path for a prefix that is there."""
    routes = size(records, "P", daemon, "routes")
    tables = [records.median("P", daemon, f"{word} table", "rss") for word in ("first", "third")]
    if routes is None or tables[0] is None or tables[1] is None:
        return None
    return (tables[1] - tables[0]) / 2 / routes


def contention(records: Records, daemon: str) -> float | None:
    """CPU seconds of one path where ten peers give the same prefixes."""
    feeders, routes = (size(records, "C", daemon, key) for key in ("feeders", "routes"))
    cpu = records.median("C", daemon, "init", "cpu")
    return None if feeders is None or routes is None or cpu is None else cpu / feeders / routes
