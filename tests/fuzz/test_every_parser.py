"""No parser is left out of fuzzing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fuzz.everything import TARGETS

ROOT = Path(__file__).parents[2]
PARSES = re.compile(r"(parse|read|decode|verify|explain|check)(_\w+)?$")
FUZZED = "\n".join(file.read_text() for file in sorted((ROOT / "fuzz").glob("*.py")))

WITHIN = {
    "read_leaves": "read_alert",
    "read_tree": "read_configuration_file",
    "read_team": "read_configuration_file",
    "read_policies": "read_configuration_file",
    "read_webhook": "read_configuration_file",
    "read_alert_key": "read_configuration_file",
    "read_heartbeat": "read_configuration_file",
    "read_routing": "read_configuration_file",
    "read_routing_keys": "read_configuration_file",
    "read_default_routing": "read_configuration_file",
    "read_was": "read_configuration_file",
    "check_key": "read_configuration_file",
    "check_policy": "read_configuration_file",
    "check_then": "read_configuration_file",
    "read_cursor": "read_position",
    "read_message": "verify_standard",
    "read_blocks": "read_ca_bundle",
    "read_pem": "check_ca_bundle",
}
"""What is fuzzed through what calls it."""
READS_NO_TEXT = {
    "check": "takes a file that was read",
    "check_times": "takes lengths of time that were read",
    "check_certificates": "takes options that were read",
    "check_webhook": "takes a slug",
    "check_far_end": "takes a connection",
    "explain_inspection": "takes what was found",
    "explain_signatures": "takes a request that was read; what explains each signature is fuzzed",
    "read_body": "counts what comes, and looks at nothing",
    "read_configuration": "reads our own rows",
    "read_evidence": "reads our own rows",
    "read_feed": "reads our own rows",
    "read_feed_back": "reads our own rows",
    "read_file": "takes a path",
    "read_in_force": "reads our own rows",
    "read_line": "takes what is typed, as it is",
    "read_literal": "asks the system",
    "read_machine_clock": "asks the system",
    "read_master_key": "takes a path",
    "read_on": "reads our own rows",
    "read_peer": "takes what OpenSSL has verified",
    "read_secret": "takes what is typed, as it is",
    "read_times": "takes entries that were read",
    "read_whole": "takes a path",
    "explain_refusal": "takes OpenSSL's own error",
    "explain_route": "takes a routing key that was read",
}


def parsers() -> Iterator[str]:
    """The functions that anybody may call, by what their names say."""
    for folder in ("src/tocsin", "receiver/src"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if {"migrations", "demo", "web"} & set(file.relative_to(ROOT).parts):
                continue
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and PARSES.match(
                    node.name
                ):
                    yield node.name


def test_every_parser_is_fuzzed() -> None:
    """By itself, or through what calls it; whoever adds one adds a target."""
    found = set(parsers())
    assert WITHIN.keys() | READS_NO_TEXT.keys() | {"parse_duration", "decode_form"} <= found
    left_out = {
        name
        for name in found - READS_NO_TEXT.keys()
        if not re.search(rf"\b{WITHIN.get(name, name)}\(", FUZZED)
    }
    assert left_out == set()


def test_every_target_is_one() -> None:
    """Each has a name that can be typed, and words to begin with."""
    for name, target in TARGETS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert target.words
        assert all(0 < len(word) <= target.longest for word in target.words)
