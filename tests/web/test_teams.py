"""Teams and policies: from an empty page to a policy that pages somebody, without a script."""

from typing import Final

import pytest
from tests.web.harness import Answer, Browser, People

from tocsin.domain.user import UserRole

PRIMARY: Final = "/teams/ops/policies/primary"
HOSTILE: Final = "<script>alert('\"&\u05e9\u05dc\u05d5\u05dd')</script> " + "w" * 150


def filled(answer: Answer, action: str) -> dict[str, str]:
    """Return what a form would send as it is, unless somebody changes it."""
    assert answer.status in (200, 409, 422), answer.words
    return dict(answer.page.form(action).fields)


def editor(browser: Browser, path: str = f"{PRIMARY}/edit") -> dict[str, str]:
    return filled(browser.get(path), path.partition("?")[0])


def press(browser: Browser, fields: dict[str, str], do: str, at: str = f"{PRIMARY}/edit") -> Answer:
    return browser.post(at, {**fields, "do": do})


def policy_text(answer: Answer) -> str:
    assert answer.status == 200, answer.words
    return answer.words


def test_an_empty_installation_teaches_what_a_team_is(people: People) -> None:
    """Whoever may make one is offered to; whoever may not is told who does."""
    for path in (
        *("routing-keys/db", "default-routing"),
        *("policies/ops/primary", "policies/ops/second", "teams/ops"),
    ):
        assert people.harness.ask("DELETE", path).status_code == 204
    words = people.administrator.get("/teams").words
    assert "No team yet" in words
    assert "Make the first team" in words
    assert "An administrator makes one" in people.viewer.get("/teams").words
    assert "No policy yet that a key could lead to" in people.administrator.get("/routing").words


def test_from_a_new_team_to_a_policy(people: People) -> None:
    """A name is enough for both; the policy begins with one step at once."""
    ada = people.administrator
    made = ada.post_and_follow("/teams/new", {"name": "Data base"})
    assert "It has no policy yet" in made.words
    begun = editor(ada, "/teams/data-base/policies/new")
    assert begun["step-1-after"] == "0s"
    saved = ada.post_and_follow(
        "/teams/data-base/policies/new",
        {**begun, "name": "First", "step-1-target-1": "pager", "do": "save"},
    )
    words = policy_text(saved)
    assert "The policy is made." in words
    assert "At once: pager." in words
    assert "No routing key leads to it" in words
    assert "by ada" in words


def test_the_teams_say_what_their_policies_do(people: People) -> None:
    """Each with its first moment, its keys, its warnings, and how many open incidents it pages for."""
    people.harness.open_incident()
    words = people.viewer.get("/teams").words
    assert "At once: pager." in words
    assert "Then 1 more step, at 10 min." in words
    assert "db" in words
    assert "incidents that it pages for: 1" in words
    assert "New policy" not in words
    assert "New policy" in people.team_administrator.get("/teams").words


def test_a_policy_says_what_it_would_do_in_words_and_on_an_axis(people: People) -> None:
    """The axis says the same to who cannot see it."""
    page = people.viewer.get(PRIMARY).page
    assert "At 10 min, unless somebody acknowledged: pager and siren." in page.words
    (drawing,) = [given for tag, given in page.tags if tag == "svg" and "aria-label" in given]
    assert drawing["aria-label"] == (
        "Step 1, at once: pager. Step 2, 10 min: pager and siren. Nobody left, 10 min."
    )
    assert "After the last step nobody is left to page; let it repeat" in page.words


def test_steps_are_added_moved_and_removed_by_plain_buttons(people: People) -> None:
    """Each posts the form back with all that was typed, and saves nothing."""
    tom = people.team_administrator
    fields = editor(tom) | {"name": "Unsaved", "step-2-after": "7m", "repeat-times": "x"}
    at = f"{PRIMARY}/edit"
    added = filled(press(tom, fields, "add-step"), at)
    assert (added["step-3-after"], added["name"], added["repeat-times"]) == ("5m", "Unsaved", "x")
    moved = filled(press(tom, added, "up-step-2"), at)
    assert (moved["step-1-after"], moved["step-1-target-2"], moved["step-2-after"]) == (
        "7m",
        "siren",
        "0s",
    )
    removed = filled(press(tom, moved, "remove-step-1"), at)
    assert [removed[f"step-{number}-after"] for number in (1, 2)] == ["0s", "5m"]
    assert "step-3-after" not in removed
    assert "Unsaved" not in tom.get(PRIMARY).words


@pytest.mark.parametrize("number", ["9" * 5000, "\u00b2", "-1", ""])
@pytest.mark.parametrize("verb", ["up", "down", "remove"])
def test_a_button_that_is_not_there_moves_nothing(people: People, verb: str, number: str) -> None:
    """However many digits the number of its step has."""
    tom = people.team_administrator
    fields = editor(tom)
    moved = filled(press(tom, fields, f"{verb}-step-{number}"), f"{PRIMARY}/edit")
    assert moved == fields


def test_saving_makes_a_version_and_says_what_goes_on_with_the_old_one(people: People) -> None:
    """The incident that is open keeps what it started with, and is named."""
    number = people.harness.open_incident()
    tom = people.team_administrator
    fields = editor(tom) | {"step-2-after": "15m", "do": "save"}
    saved = tom.post_and_follow(f"{PRIMARY}/edit", fields)
    words = policy_text(saved)
    assert "Saved as version 2; open incidents that go on with an earlier one: 1." in words
    assert f"#{number}" in saved.page.links
    assert "Step 2 fires 15 min after step 1 (was 10 min)." in words
    assert "by tom" in words
    old = tom.get(f"{PRIMARY}/versions/1")
    assert "At 10 min" in old.words
    assert "At 15 min" not in old.words
    assert tom.get(f"{PRIMARY}/versions/9").status == 404
    same = tom.post_and_follow(f"{PRIMARY}/edit", {**editor(tom), "name": "Renamed", "do": "save"})
    assert "this is no new version" in same.words
    nothing = tom.post_and_follow(f"{PRIMARY}/edit", {**editor(tom), "do": "save"})
    assert "Nothing was changed" in nothing.words


def test_mistakes_are_told_beside_their_fields_with_all_that_was_typed(people: People) -> None:
    """Every one of them at once; nothing is saved."""
    ada = people.administrator
    fields = editor(ada) | {
        "name": "Typed",
        "step-1-after": "5",
        "step-2-target-1": "pagr",
        "step-2-patience": "1s",
        "repeat-times": "3",
        "do": "save",
    }
    answer = ada.post(f"{PRIMARY}/edit", fields)
    assert answer.status == 422
    kept = filled(answer, f"{PRIMARY}/edit")
    assert {name: kept[name] for name in fields if name not in ("do", "csrf")} == {
        name: value for name, value in fields.items() if name not in ("do", "csrf")
    }
    wrong = {given["name"] for _, given in answer.page.tags if given.get("aria-invalid") == "true"}
    assert wrong == {
        *("step-1-after", "step-2-target-1", "step-2-patience", "repeat-after"),
    }
    assert "did you mean 'pager'" in answer.words
    assert "4 mistakes" in answer.words
    assert "Typed" not in ada.get(PRIMARY).words


def test_an_edit_of_what_somebody_else_saved_meanwhile_loses_nothing(people: People) -> None:
    """It is told who saved what, how that differs from what is typed here, and may be saved after all."""
    ada, tom = people.administrator, people.team_administrator
    mine = editor(ada) | {"step-1-after": "1m"}
    theirs = editor(tom) | {"step-2-after": "20m", "do": "save"}
    assert tom.post(f"{PRIMARY}/edit", theirs).status == 303
    answer = press(ada, mine, "save")
    assert answer.status == 409
    words = answer.words
    assert "tom saved version 2 while you were editing version 1" in words
    assert "Step 2 fires 20 min after step 1 (was 10 min)." in words
    assert "Step 1 fires 1 min after the start (was 0 s)." in words
    kept = filled(answer, f"{PRIMARY}/edit")
    assert (kept["step-1-after"], kept["step-2-after"], kept["made-from"]) == ("1m", "10m", "2")
    assert "At 11 min" in ada.post_and_follow(f"{PRIMARY}/edit", {**kept, "do": "save"}).words


def test_an_edit_does_not_undo_a_name_that_somebody_else_gave_meanwhile(people: People) -> None:
    """A new name is no new version; whoever touches the name here, gives it."""
    ada, tom = people.administrator, people.team_administrator
    mine = editor(ada) | {"step-1-after": "1m", "do": "save"}
    theirs = editor(tom) | {"name": "Night", "do": "save"}
    tom.post_and_follow(f"{PRIMARY}/edit", theirs)
    assert ada.post_and_follow(f"{PRIMARY}/edit", mine).page.headings[0] == (1, "Night")
    again = editor(ada) | {"name": "Day", "do": "save"}
    assert ada.post_and_follow(f"{PRIMARY}/edit", again).page.headings[0] == (1, "Day")


def test_an_edit_of_what_was_deleted_or_renamed_meanwhile_loses_nothing(people: People) -> None:
    """The refusal stands above what was typed."""
    ada = people.administrator
    path = "/teams/ops/policies/second/edit"
    mine = editor(ada, path) | {"name": "Mine"}
    people.harness.ask("DELETE", "default-routing")
    people.harness.ask("DELETE", "policies/ops/second")
    answer = press(ada, mine, "save", path)
    assert answer.status == 404
    assert "There is no policy" in answer.words
    assert dict(answer.page.form(path).fields)["name"] == "Mine"


def test_what_is_typed_is_previewed_in_a_fragment(people: People) -> None:
    """The words, the axis and the warnings, of what can be read; for a script, and saving nothing."""
    ada = people.administrator
    fields = editor(ada) | {"step-2-after": "25m", "step-1-patience": "1h"}
    answer = ada.post(f"{PRIMARY}/preview", fields)
    assert "<html" not in answer.text
    assert "At 25 min, unless somebody acknowledged: pager and siren." in answer.words
    assert "fires after 25m anyway" in answer.words
    broken = ada.post(f"{PRIMARY}/preview", fields | {"step-2-after": "soon"})
    assert "At once: pager." in broken.words
    assert "Step 2: 'soon' is not a length of time" in broken.words
    assert "nobody is left" not in broken.words
    new = ada.post("/teams/ops/policies/preview", fields)
    assert "no routing key leads" not in new.words
    assert "At 25 min" not in ada.get(PRIMARY).words


def test_a_webhook_finds_its_way_into_a_policy(people: People) -> None:
    """From its own page: choose the policy, and it stands in the form, which nobody has saved yet."""
    tom = people.team_administrator
    teams = tom.get("/teams?webhook=siren")
    assert "Choose the policy that is to call siren" in teams.words
    assert teams.page.links["Let it call siren"] == "/teams/ops/policies/second/edit?webhook=siren"
    assert teams.page.links["New policy"] == "/teams/ops/policies/new?webhook=siren"
    second = "/teams/ops/policies/second/edit"
    assert "was added" not in tom.get(f"{second}?webhook=siren").words
    added = tom.get(f"{second}?webhook=pager")
    assert "pager was added to step 1" in added.words
    assert filled(added, second)["step-1-target-2"] == "pager"
    assert editor(tom, "/teams/ops/policies/new?webhook=siren")["step-1-target-1"] == "siren"


def test_a_webhook_is_not_forgotten_when_the_first_team_comes_before_its_policy(
    people: People,
) -> None:
    """The way from a webhook leads over the new team to the new policy, also after a name was refused."""
    ada = people.administrator
    form = ada.get("/teams?webhook=siren").page.links["New team"]
    assert form == "/teams/new?webhook=siren"
    assert [each.action for each in ada.get(form).page.forms if each.action == form]
    assert form in [each.action for each in ada.post(form, {"name": " "}).page.forms]
    made = ada.post_and_follow(form, {"name": "Night shift"})
    assert made.page.links["New policy"] == "/teams/night-shift/policies/new?webhook=siren"


def test_deleting_says_first_what_depends_on_it(people: People) -> None:
    """A team with policies and a policy with keys stay; without them they go."""
    ada = people.administrator
    assert "Let them lead elsewhere first" in ada.get(PRIMARY).words
    refused = ada.post(f"{PRIMARY}/delete")
    assert (refused.status, "still needed by db" in refused.words) == (409, True)
    refused = ada.post("/teams/ops/delete")
    assert (refused.status, "still needed by ops/primary" in refused.words) == (409, True)
    people.harness.ask("DELETE", "routing-keys/db")
    people.harness.ask("DELETE", "default-routing")
    assert "is deleted" in ada.post_and_follow(f"{PRIMARY}/delete").words
    assert "is deleted" in ada.post_and_follow("/teams/ops/policies/second/delete").words
    assert "The team ops is deleted" in ada.post_and_follow("/teams/ops/delete").words


def test_a_team_is_renamed_and_a_name_that_is_taken_refused(people: People) -> None:
    """With what was typed kept."""
    ada = people.administrator
    ada.post_and_follow("/teams/new", {"name": "Other"})
    renamed = ada.post_and_follow("/teams/other", {"name": "Another", "slug": "another"})
    assert "Another" in renamed.words
    refused = ada.post("/teams/another", {"name": "Mine", "slug": "ops"})
    assert refused.status == 409
    kept = dict(refused.page.form("/teams/another").fields)
    assert (kept["name"], kept["slug"]) == ("Mine", "ops")
    assert ada.post("/teams/new", {"name": " "}).status == 422


def test_hostile_names_stay_text(people: People) -> None:
    """Wherever a team, a policy or what was typed into a form is shown."""
    ada = people.administrator
    ada.post_and_follow("/teams/new", {"name": HOSTILE, "slug": "odd"})
    path = "/teams/odd/policies/new"
    fields = editor(ada, path) | {"name": HOSTILE, "slug": "odd", "step-1-target-1": HOSTILE}
    answers = [press(ada, fields, "save", path), press(ada, fields, "add-step", path)]
    made = ada.post_and_follow(path, {**fields, "step-1-target-1": "pager", "do": "save"})
    answers += [made, ada.get("/teams"), ada.get("/teams/odd"), ada.get("/routing")]
    answers.append(ada.get(f"/teams?webhook={HOSTILE}"))
    answers.append(ada.get("/teams/odd/policies/odd/edit?webhook=%3Cscript%3E"))
    for answer in answers:
        assert "<script>alert" not in answer.text
        assert "<script>" not in answer.text.replace("<script src", "")


@pytest.mark.parametrize("role", [None, UserRole.VIEWER])
def test_nothing_can_be_changed_by_who_may_only_look(role: UserRole | None, people: People) -> None:
    """Nor does a page offer it."""
    if role is not None:
        words = people.visitor(role).get(PRIMARY).words
        assert "Edit" not in words
        assert "Delete" not in words
    before = people.administrator.get(PRIMARY).words
    people.visitor(role).post(f"{PRIMARY}/edit", {"name": "x"})
    assert people.administrator.get(PRIMARY).words == before


def test_ids_on_a_page_are_unique_and_every_input_is_labelled(people: People) -> None:
    """So that a screen reader says what each field of the editor is."""
    page = people.administrator.get(f"{PRIMARY}/edit").page
    assert len(page.ids) == len(set(page.ids))
    labels = {given.get("for") for tag, given in page.tags if tag == "label"}
    for tag, given in page.tags:
        if tag in ("input", "select") and given.get("type") != "hidden":
            assert given["id"] in labels, given


def test_many_webhooks_are_offered_once(people: People) -> None:
    """The page stays small: one list for all inputs."""
    names = "\n".join(
        f"  w{number}: {{url: 'https://w.example/{number}'}}" for number in range(200)
    )
    people.harness.configure(f"webhooks:\n{names}\n")
    answer = people.administrator.get(f"{PRIMARY}/edit")
    assert len(answer.response.content) < 60_000
    assert any(tag == "datalist" for tag, _ in answer.page.tags)
    fields = filled(answer, f"{PRIMARY}/edit") | {"step-1-target-2": "w199"}
    assert "w199" in people.administrator.post_and_follow(f"{PRIMARY}/edit", fields).words


def test_many_teams_and_policies_come_a_page_at_a_time(people: People) -> None:
    """Each page leads to the next, and a team's card to all of its policies."""
    policies = "\n".join(f"      p{number:02}: {{steps: []}}" for number in range(60))
    teams = "\n".join(f"  t{number:02}: {{}}" for number in range(30))
    people.harness.configure(f"teams:\n{teams}\n  all:\n    policies:\n{policies}\n")
    first = people.viewer.get("/teams?webhook=pager")
    assert first.page.links["All 60 policies"] == "/teams/all?webhook=pager"
    second = people.viewer.get(first.page.links["More teams"])
    assert "Choose the policy" in second.words
    seen = [first.page.links.get(f"t{number:02}") for number in range(30)]
    rest = [second.page.links.get(f"t{number:02}") for number in range(30)]
    assert all(bool(here) != bool(there) for here, there in zip(seen, rest, strict=True))
    team = people.viewer.get("/teams/all")
    assert "p49" in team.words
    assert "p59" not in team.words
    assert "p59" in people.viewer.get(team.page.links["More policies"]).words


def test_nothing_is_called_as_the_form_that_makes_it(people: People) -> None:
    """Its page could not be reached; whoever types such a name is told, and loses nothing."""
    ada = people.administrator
    refused = ada.post("/teams/new", {"name": "New"})
    assert (refused.status, "choose another slug" in refused.words) == (422, True)
    renamed = ada.post("/teams/ops", {"name": "Ops", "slug": "new"})
    assert (renamed.status, "choose another slug" in renamed.words) == (422, True)
    path = "/teams/ops/policies/new"
    policy = press(
        ada, editor(ada, path) | {"name": "New", "step-1-target-1": "pager"}, "save", path
    )
    assert (policy.status, "choose another slug" in policy.words) == (422, True)
    assert dict(policy.page.form(path).fields)["name"] == "New"
    assert ada.post("/teams/ops", {"name": "New", "slug": ""}).to == "/teams/ops"


def test_a_policy_that_nothing_leads_to_is_two_clicks_from_the_default_routing(
    people: People,
) -> None:
    """Where there is none yet, its page offers to be it."""
    ada = people.administrator
    assert "Let the default routing lead here" not in ada.get(PRIMARY).words
    people.harness.ask("DELETE", "default-routing")
    link = ada.get(PRIMARY).page.links["Let the default routing lead here"]
    fields = ada.get(link).page.form("/routing/default").fields
    assert ("policy", "ops/primary") in fields
    assert "leads to ops/primary" in ada.post_and_follow("/routing/default", dict(fields)).words


def test_a_team_is_found_by_how_it_begins(people: People) -> None:
    """By its slug or its name, in any case, page by page; numbers are in the order of their size."""
    teams = "\n".join(f"  t{number}: {{name: Team {number}}}" for number in range(1, 31))
    people.harness.configure(f"teams:\n{teams}\n  other: {{name: Quite another}}\n")
    words = people.viewer.get("/teams").words
    assert words.index("Team 2 ") < words.index("Team 10 ")
    found = people.viewer.get("/teams?begins=TEAM+&webhook=pager")
    assert "Quite another" not in found.words
    rest = people.viewer.get(found.page.links["More teams"])
    assert "Team 30" in rest.words
    assert ("begins", "TEAM") in rest.page.form("/teams").fields
    assert "No team begins so." in people.viewer.get("/teams?begins=nothing").words


@pytest.mark.parametrize("path", ["/teams", "/routing"])
def test_a_list_goes_on_behind_whatever_an_address_says(people: People, path: str) -> None:
    """A number of more digits than Python reads is no bug."""
    assert people.viewer.get(f"{path}?after=t{'9' * 5000}").status == 200
