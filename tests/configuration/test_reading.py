"""Every mistake in a file is found at once, with its line, its field and what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.actions.apply import check, read_configuration_file
from tocsin.domain.configuration_file.mistakes import ConfigurationMistakes, Mistake
from tocsin.domain.configuration_file.reading import ConfigurationFile

WEBHOOK = "{url: 'https://a.example/'}"


def read(text: str | bytes) -> ConfigurationFile:
    content = text if isinstance(text, bytes) else text.encode()
    return read_configuration_file(content, name="tocsin.yaml")


def mistakes(text: str | bytes) -> list[str]:
    return [mistake.text("f") for mistake in sorted(read(text).mistakes)]


def the_mistake(text: str | bytes) -> str:
    (found,) = mistakes(text)
    return found


def test_all_mistakes_are_told_at_once() -> None:
    """A person mends a file in one round: nothing stops at the first mistake."""
    assert mistakes(
        """\
teams:
  database:
    policies:
      primary:
        steps:
          - {after: 0s, webhooks: [pager]}
          - after: 5
            webhooks: [pager, pager]
          - webhoks: [pager]
        repeat: {times: 0}
webhooks:
  Pager: {url: "ftp://a.example/", deadline: 3s, summary: yes}
  bridge: {auth_code: short}
routing_keys:
  a b: {policies: [database]}
  web: {policies: [], opens_on: [RECOVERY]}
teems: {}
"""
    ) == [
        "f:7: teams.database.policies.primary.steps[2].after: Is 5 seconds or minutes? Write 5s or 5m",
        "f:8: teams.database.policies.primary.steps[2].webhooks[2]: this step names 'pager' twice; keep one",
        "f:9: teams.database.policies.primary.steps[3]: a step needs 'after': how long after the step before it, such as 0s or 10m",
        "f:9: teams.database.policies.primary.steps[3]: a step needs its webhooks, such as 'webhooks: [pager]'",
        "f:9: teams.database.policies.primary.steps[3].webhoks: a step has no such field; did you mean 'webhooks'?",
        "f:10: teams.database.policies.primary.repeat: a repeat needs 'after', such as {times: 3, after: 15m}",
        "f:10: teams.database.policies.primary.repeat.times: a policy repeats 1 to 100 times",
        "f:12: webhooks.Pager: 'Pager' cannot be a slug: write 1 to 64 lower-case letters, digits and inner hyphens, such as 'pager'",
        "f:12: webhooks.Pager.deadline: 3s is too short: write from 10s to 1d",
        "f:12: webhooks.Pager.summary: write true or false",
        "f:12: webhooks.Pager.url: the URL does not begin with https:// or http://",
        "f:13: webhooks.bridge: a webhook needs its url",
        "f:13: webhooks.bridge.auth_code: an auth code is 16 to 255 printable ASCII characters, with no space at either end; copy it again, or leave it out and one is made",
        "f:15: routing_keys.'a b': 'a b' cannot be a routing key: write 1 to 100 letters, digits, hyphens and underscores",
        "f:15: routing_keys.'a b'.policies[1]: 'database' names no policy: write team/policy",
        "f:16: routing_keys.web.opens_on[1]: 'RECOVERY' cannot open an incident: write some of CRITICAL, WARNING, INFO",
        "f:16: routing_keys.web.policies: name at least one policy; one with 'steps: []' pages nobody",
        "f:17: teems: a configuration has no such part; it has teams, webhooks, routing_keys, default_routing, alert_keys, heartbeats",
    ]


@pytest.mark.parametrize("written", ["5", "'5'", "5.5", "1_0"])
def test_a_delay_without_a_unit_is_never_guessed(written: str) -> None:
    """Seconds or minutes? Quoted or not, a bare number is refused."""
    text = f"teams: {{a: {{policies: {{b: {{steps: [{{after: {written}, webhooks: [c]}}]}}}}}}}}"
    assert "teams.a.policies.b.steps[1].after: " in the_mistake(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("teams: {a: {policies: {b: {}}}}", "f:1: teams.a.policies.b: a policy needs its steps"),
        ("teams: {a: {policies: {b: {steps: }}}}", "a policy needs its steps"),
        ("teams: {a: {policies: {b: {steps: 3}}}}", "write a list, such as"),
        ("teams: {a: {policies: [b]}}", "teams.a.policies: write fields below it"),
        ("teams: []", "f:1: teams: write fields below it, each as 'name: value'"),
        ("teams: {a: {name: ' '}}", "teams.a.name: write one line of 1 to 200 printable"),
        ('teams: {a: {name: "a\\nb"}}', "teams.a.name: write one line"),
        ("teams: {a: {name: [b]}}", "teams.a.name: write a single value here"),
        ("teams: {a: {was: a}}", "teams.a.was: this is the name it has"),
        ("teams: {a: {was: B}}", "teams.a.was: 'B' cannot be a slug"),
        ("default_routing: {}", "default_routing: needs its policies"),
        ("default_routing: {policies: a/b}", "default_routing.policies: write a list"),
        ("default_routing: {policies: [a/b, a/b]}", "policies[2]: names 'a/b' twice"),
        ("default_routing: {policies: [a/b], opens_on: []}", "opens_on: name at least one type"),
        ("alert_keys: {a: {key: tiny}}", "alert_keys.a.key: This cannot be an alert key"),
        ("alert_keys: {a: tiny-key-of-mine}", "alert_keys.a: write fields below it"),
        ("webhooks: {a: {url: 'https://a.example/#x'}}", "webhooks.a.url: the URL has a fragment"),
        ("webhooks: {a: {url: 'https://a.example/', profile: x}}", "write wire or documented"),
        (
            "webhooks: {a: {url: 'https://a.example/', follow_up: [acked]}}",
            "there is no follow-up 'acked': choose among acknowledged, resolved, reopened",
        ),
        (
            "webhooks: {a: {url: 'https://a.example/', connect_timeout: 20s}}",
            "webhooks.a: connect_timeout (20s) is part of total_timeout (15s)",
        ),
        (
            "webhooks: {a: {url: 'https://a.example/', total_timeout: 61s}}",
            "webhooks.a.total_timeout: 61s is too long: write from 1s to 1m",
        ),
    ],
)
def test_one_mistake_is_told_once_where_it_is(text: str, told: str) -> None:
    """The place and the way out are in one line."""
    assert told in the_mistake(text)


def test_a_policy_has_at_most_a_hundred_steps() -> None:
    """More is a mistake, told once."""
    steps = ", ".join(["{after: 1m, webhooks: [c]}"] * 101)
    text = f"teams: {{a: {{policies: {{b: {{steps: [{steps}]}}}}}}}}"
    assert "a policy has at most 100 steps; this has 101" in the_mistake(text)


def test_a_key_that_comes_twice_is_refused() -> None:
    """YAML would silently keep the last one; a file that says two things says neither."""
    text = f"webhooks:\n  a: {WEBHOOK}\n  b: {WEBHOOK}\n  a: {WEBHOOK}\n"
    assert the_mistake(text) == "f:4: webhooks.a: is here twice, first on line 2; keep one"


def test_routing_keys_that_differ_in_case_only_are_one() -> None:
    """Senders' case does not matter, so the file's cannot either."""
    text = "routing_keys:\n  Web: {policies: [a/b]}\n  WEB: {policies: [a/b]}\n"
    assert the_mistake(text) == (
        "f:3: routing_keys.WEB: is the same key as on line 2: case does not matter; keep one"
    )


def test_two_names_for_one_alert_key_are_refused() -> None:
    """Revoking one would leave the other in force. The key itself is not told."""
    text = "alert_keys:\n  a: {key: 12345678}\n  b: {key: 12345678}\n"
    assert the_mistake(text) == (
        "f:3: alert_keys.b.key: is the same key as 'a'; give each sender one of its own"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"webhooks: {{b: {WEBHOOK}, a: {WEBHOOK[:-1]}, was: b}}}}", "'b' is described here too"),
        ("teams: {b: {was: a}, c: {was: a}}", "'b' was 'a' too; only one can be"),
    ],
)
def test_a_renaming_must_be_clear(text: str, told: str) -> None:
    """One object has one new name, and its old one is free."""
    assert told in the_mistake(text)


def test_words_that_yaml_takes_for_values_are_words() -> None:
    """`on`, `null` in quotes, `0123` and `1:30` are names like others."""
    file = read("teams:\n  on: {name: 0123}\n  off: {name: '1:30'}\n  no: {name: 'null'}\n")
    assert not file.mistakes
    assert {slug: team.name for slug, team in file.description.teams.items()} == {
        "on": "0123",
        "off": "1:30",
        "no": "null",
    }


def test_aliases_repeat_what_they_stand_for() -> None:
    """Steps that two policies share are written once."""
    file = read(
        "teams: {a: {policies: {b: {steps: &s [{after: 1m, webhooks: [c]}]}, d: {steps: *s}}}}"
    )
    assert not file.mistakes
    policies = file.description.policies
    assert policies["a/b"].steps == policies["a/d"].steps != ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"webhooks: [1\n", "f:2: this is not YAML: did not find expected ',' or ']'"),
        (b"a:\n\tb: 1\n", "f:2: this is not YAML: found character that cannot start any token"),
        (b"a: 1\n---\nb: 2\n", "f:2: a second document begins here"),
        (b"a:\n b: \x01\n", "f:2: the character U+0001 cannot be here"),
        (b"a:\n  b: \xff\n", "f:2: this is not UTF-8"),
        (b"a: *b\n", "f:1: nothing above is marked &b"),
        (b"a: &a [*a]\n", "f:1: nothing above is marked &a"),
        (
            b"a:\n  b: !!python/name:os.system\n",
            "f:2: tags such as tag:yaml.org,2002:python/name:os",
        ),
        (b"? [a]\n: b\n", "f:1: a key must be a single word"),
        (b"[" * 2000, "f:1: this is nested deeper than any configuration"),
        (b"#" * (1 << 20) + b"#", "f:1: the file is over 1 MiB"),
        (b"- a\n", "f:1: write fields below it"),
    ],
)
def test_what_is_not_a_configuration_is_refused_with_the_line(text: bytes, told: str) -> None:
    """Nothing of YAML that a configuration does not need gets in."""
    assert told in the_mistake(text)


def test_aliases_cannot_blow_up() -> None:
    """Six short lines that stand for a million values cost nothing and are refused."""
    bomb = b"a: &a [" + b"x," * 9 + b"x]\n"
    for name, inner in zip(b"bcdef", b"abcde", strict=True):
        bomb += b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % inner] * 10))
    assert "stands for over 100000 values" in the_mistake(bomb)
    listed = b"- &a [" + b"x," * 999 + b"x]\n- [" + b"*a," * 99 + b"*a]\n"
    assert "f:2: this stands for over 100000 values" in the_mistake(listed)


def test_an_empty_file_says_nothing() -> None:
    """It has no part, and so changes nothing."""
    for text in ("", "# nothing yet\n", "---\n"):
        file = read("\ufeff" + text)
        assert (file.mistakes, file.sections) == ((), frozenset())


def test_a_file_with_mistakes_is_refused_as_a_whole() -> None:
    """The refusal's message is every mistake, one a line; its facts are the same for a program."""
    file = read("teams: []\nwebhooks: []\n")
    with pytest.raises(ConfigurationMistakes) as refused:
        check(file)
    message = "write fields below it, each as 'name: value'"
    assert refused.value.fields == {
        "file": "tocsin.yaml",
        "count": 2,
        "mistakes": [
            {"line": 1, "field": "teams", "message": message},
            {"line": 2, "field": "webhooks", "message": message},
        ],
    }
    assert refused.value.message == (
        "tocsin.yaml:1: teams: write fields below it, each as 'name: value'\n"
        "tocsin.yaml:2: webhooks: write fields below it, each as 'name: value'\n"
        "Nothing was changed."
    )


def test_of_very_many_mistakes_a_hundred_are_told() -> None:
    """A log is not flooded; the count is exact."""
    mistakes = [Mistake(line, "", "x") for line in range(1, 151)]
    refusal = ConfigurationMistakes("f", mistakes)
    assert refusal.fields["count"] == 150
    assert refusal.fields["mistakes"] == [each.facts for each in mistakes[:100]]
    assert refusal.message.splitlines()[-3:] == [
        "f:100: x",
        "... and 50 more",
        "Nothing was changed.",
    ]


WORDS = st.sampled_from([": ", ", ", "\n", "\n  ", "- ", "&x ", "*x"]) | st.sampled_from(
    [
        "teams",
        "webhooks",
        "a",
        "was",
        "url",
        "steps",
        "policies",
        "after",
        "1m",
        "[",
        "]",
        "{",
        "}",
        ":",
        "-",
        "'",
        "~",
        "routing_keys",
        "key",
        "#",
    ]
)


@given(st.lists(WORDS).map("".join) | st.text() | st.binary())
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    """Whatever the file holds, it is read or its mistakes are told; nothing is raised."""
    content = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    file = read(content)
    assert all(mistake.line >= 1 and mistake.message for mistake in file.mistakes)


def test_slots_and_waits_are_within_their_bounds() -> None:
    """Every wait is judged where it stands."""
    webhook = "webhooks:\n  a:\n    url: https://a.example/\n"
    assert mistakes(webhook + "    slots: 64\n    retry_waits: [1s, 1h]\n") == []
    bounds = "slots takes 1 to 64: how many attempts may be under way at once"
    for slots in ("0", "65", "many", "1.5", "-1"):
        assert mistakes(webhook + f"    slots: {slots}\n") == [f"f:4: webhooks.a.slots: {bounds}"]
    assert mistakes(webhook + "    retry_waits: [2s, 5, 2h]\n") == [
        "f:4: webhooks.a.retry_waits[2]: Is 5 seconds or minutes? Write 5s or 5m",
        "f:4: webhooks.a.retry_waits[3]: 2h is too long: write from 1s to 1h",
    ]
    (none,) = mistakes(webhook + "    retry_waits: []\n")
    assert none.startswith("f:4: webhooks.a.retry_waits: retry_waits takes 1 to 10 lengths of time")
    (single,) = mistakes(webhook + "    retry_waits: 5s\n")
    assert single == "f:4: webhooks.a.retry_waits: write a list, such as [2s, 5s, 15s]"
