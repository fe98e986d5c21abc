"""Fuzzing: every parser is fed bytes that nobody would send, and may raise only what it says it raises.

`python -m fuzz NAME` needs atheris, which `make fuzz` installs. The suite feeds the same targets with
Hypothesis (`tests/fuzz`), and keeps there what was found.
"""
