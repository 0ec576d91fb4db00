"""Errors and warnings, collected: one look shows a person everything that is wrong."""

from collections.abc import Iterable

from bgpd.config.origin import Origin


class ConfigError(Exception):
    """The configuration is refused. `lines` says why, one reason a line, each with its place."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = [printable(line) for line in lines]
        super().__init__("\n".join(self.lines))


def printable(line: str) -> str:
    """The line with what no terminal should see (newlines, escapes) spelled out."""
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


class Report:
    """What was found wrong (errors) or doubtful (warnings) so far."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def error(self, origin: Origin, field: str, text: str) -> None:
        """Add an error about `field` at `origin`."""
        self.errors.append(f"{origin.label(field)}: {text}")

    def warn(self, origin: Origin, field: str, text: str) -> None:
        """Add a warning about `field` at `origin`."""
        self.warnings.append(printable(f"{origin.label(field)}: {text}"))

    def check(self) -> None:
        """Raise ConfigError where there is at least one error."""
        if self.errors:
            raise ConfigError(self.errors)


def nearest(word: str, known: Iterable[str]) -> str:
    """The tail of an "unknown ..." sentence: `; did you mean asn?`, or nothing where no word is near."""
    import difflib  # noqa: PLC0415 - 5 ms that only a mistake should cost

    words = list(known)
    folded = {w.lower().replace("_", "-"): w for w in words}
    found = difflib.get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[found[0]]}?" if found else ""
