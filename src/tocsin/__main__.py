"""The command `tocsin`, and `python -m tocsin`.

Any Python since 2.7 can read this file, so that one that is too old can say so.
"""

import sys

OLDEST = (3, 11)
USAGE_ERROR = 2


def main():  # type: () -> int
    """Return the exit code of the command on the command line."""
    if sys.version_info < OLDEST:
        return _refuse_python()
    # Only now: what follows is written for the Pythons that Tocsin needs.
    from tocsin.cli.main import run_from_shell  # noqa: PLC0415

    return run_from_shell()


def _refuse_python():  # type: () -> int
    found = ".".join(str(part) for part in sys.version_info[:2])
    sys.stderr.write(
        "tocsin: Tocsin needs Python 3.11 or newer, and this is "
        + found
        + " ("
        + sys.executable
        + "): install a newer one (Debian, Ubuntu: apt install python3; macOS: brew install "
        "python) and install Tocsin with it\n"
    )
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
