"""`python -m tests.fuzz.one TARGET CORPUS...`: one target under atheris; libFuzzer's options are taken as they are."""

import sys

import atheris

with atheris.instrument_imports(include=["bgpd"], enable_loader_override=False):
    from tests.fuzz.targets import BROKEN, TARGETS


def main() -> None:
    target = TARGETS[sys.argv[1]] if sys.argv[1] != "broken" else BROKEN
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run)
    atheris.Fuzz()


main()
