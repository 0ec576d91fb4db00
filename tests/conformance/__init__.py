"""Conformance: what the RFCs demand of a speaker that is sent malformed or odd messages.

    octets     messages and attributes as bytes, right or wrong
    cases      the table: one value a case, with the RFC's demand
    probe      many sessions at once over real TCP, in one thread, and what came back on them
    runner     a daemon, all cases, a second session that observes which routes it passes on
    judge      outcome against demand, in words
    __main__   every daemon, and docs/conformance.md

It shares no code with the daemon's codec, so that one mistake is not made twice.
"""
