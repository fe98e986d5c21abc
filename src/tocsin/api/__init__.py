"""HTTP: alerts come in, people and programs manage. Parse, act, render; no rules and no SQL."""
