"""Benchmarks: each prints what it ran on, and one JSON object on its last line, `ratio` first."""
