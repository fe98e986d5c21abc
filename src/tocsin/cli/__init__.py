"""The commands. Each has a file of its own with `add_command` and `run`, and speaks HTTP to the API."""
