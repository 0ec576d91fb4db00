"""Peers that want to hurt: against the real daemon, over TCP. What others do costs one session at most, and bounded memory.

peers     sessions that misbehave, and one that watches the clock
"""
