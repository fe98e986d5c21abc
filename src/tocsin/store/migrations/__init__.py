"""Migrations: forward only, one file each, the same for SQLite and PostgreSQL."""
