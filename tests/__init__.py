"""The tests: see docs/ for what is where; shared helpers are imported as `tests.<room>.<module>`."""
