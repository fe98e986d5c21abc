"""What can be done: each function is one transaction's worth of work."""
