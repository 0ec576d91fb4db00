"""The benchmark's own logic, and what its load says on the wire, read by our codec."""
