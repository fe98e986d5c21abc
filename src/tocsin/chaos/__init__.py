"""Servers under load that are killed again and again, and the proof that nothing accepted was lost."""
