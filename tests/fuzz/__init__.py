"""Fuzzing: octets that nobody would write, led by coverage (atheris), against every decoder and the whole speaker.

    targets    what is fuzzed: a function of bytes that must not raise, and where it begins
    one        one target in this process, under atheris; it ends with the process
    __main__   every target for its share of the time; findings go to tests/corpus/<target>/

`make fuzz` runs it; a short run and the replay of the corpus are tests.
"""
