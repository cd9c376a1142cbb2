"""Tools that only some environments can import are not collected for doctests."""

collect_ignore = ["emulated.py", "offline.py", "on_cpu.py", "run_on_device.py"]
