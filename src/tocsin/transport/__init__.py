"""The HTTP/1.1 sender of webhooks: resolve, check, connect to that very address, send, read with caps."""
