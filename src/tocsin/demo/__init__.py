"""One alert and what becomes of it, on a real server, told while it happens and checked."""
