"""Tocsin: an on-call escalation engine whose webhooks can be trusted."""

__version__ = "0.1.0"
