"""`tocsin retention`: what is kept, and what a shorter setting would remove."""

import pytest
from tests.cli.conftest import Cli

from tocsin.cli.shell import DONE, REFUSED


@pytest.mark.parametrize("keep", [None, "1d", "forever"])
def test_it_says_what_is_kept_and_what_would_go(cli: Cli, keep: str | None) -> None:
    """Counted by the server, for its own setting or another one; nothing is removed."""
    done = cli("retention", *(("--keep", keep) if keep else ()))
    assert done.code == DONE
    lines = done.out.splitlines()
    assert lines[0] == "Kept: 400d (TOCSIN_RETENTION)."
    expected = {
        None: "Due to be removed, as over before ",
        "1d": "1d would remove, as over before ",
    }
    if keep == "forever":
        assert lines[-1] == "Nothing is ever removed."
    else:
        assert lines[-1].startswith(expected[keep])
        assert "0 incidents, 0 tests, 0 alerts that opened nothing" in lines[-1]


def test_a_time_that_cannot_be_read_is_refused(cli: Cli) -> None:
    """With what to write instead."""
    done = cli("retention", "--keep", "400")
    assert done.code == REFUSED
    assert "write days such as 400d, or forever" in done.err
