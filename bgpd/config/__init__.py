"""Configuration: flags, environment and one YAML file become the frozen specs of `bgpd.model`.

What it owns: the one table of settings (`settings.SETTINGS`, and `settings.PEER_SETTINGS` for a neighbor's own
keys). A setting is a row; its flag, its `BGPD_` variable, its YAML key, its help and its line in
`docs/configuration.md` all come from that row, so they cannot drift apart.

The way of a value: `flags` and `load` each collect *items* (text and origin) -> `kinds` turns text into
values -> `build` judges the values together and makes a `DaemonSpec`. Every step adds what it finds wrong to
one `Report`, so a person sees all of it at once, each line with the flag, the variable or the file and line.

What it refuses: everything that it does not understand. An unknown key is an error with the nearest right one
beside it; a value that YAML 1.1 would read as something else (a sexagesimal number, a boolean called `no`) is
never converted, because numbers and addresses are parsed from the text that stands in the file.

    origin     where a value came from, in words
    report     errors and warnings, collected; ConfigError
    kinds      text -> value: one small parser a kind
    settings   the table
    redistribution  whose routes of the kernel to announce
    flags      the command line and the environment -> items
    load       YAML -> items (the only place that imports yaml, and only when there is a file)
    extensions what a neighbor's settings of reflection, ADD-PATH and roles mean together
    build      items -> DaemonSpec
    show       `--check`: the effective configuration, itself a YAML file that can be loaded again

A reload is the same call with the same arguments: `parse(argv, environ, host)`. It reads files and nothing else;
what it must know about the machine (its addresses, its name, a router id) comes in as `Host`.
"""

from bgpd.config.build import Host, NoRouterIdError
from bgpd.config.parse import Parsed, parse
from bgpd.config.report import ConfigError

__all__ = ["ConfigError", "Host", "NoRouterIdError", "Parsed", "parse"]
