"""Benchmarks: one table of implementations, ours and those a user would pick instead, that drives tests and timing.

`case.py` says what a case is, `peers.py` holds the other implementations, `kernels.py`, `signals.py` and
`definitions.py` the cases, `run.py` measures and prints, `cold.py` measures first calls, `page.py` writes the page.
"""
