"""Where everything meets; it alone knows everybody.

opening    settings become a database of this version, unlocked, with nobody else on it
first      what a first start makes: an alert key, and a token for this machine's user
measuring  how the process is
serving    the engine and the HTTP server, from start to stop
"""
