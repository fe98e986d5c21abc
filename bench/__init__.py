"""Benchmarks: each prints progress on standard error, and one JSON object as its last line.

machine, processes           what it runs on; receivers and senders in processes of their own
filling, server, checking    a database with a backlog, the real server on it, what is left behind
deliver, ingest, peer, lateness, growth, footprint    the benchmarks themselves
"""
