"""Reading sessions back, and the questionnaires: all seeded through the real job path."""

from __future__ import annotations

import itertools

import pytest
from om_support.backend import Backend
from om_support.calls import error, ok
from om_support.jobs import upload, use_stub, work

counter = itertools.count()


def completed(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, *names: str, email: str, starts: tuple[float, ...] = ()
) -> None:
    use_stub(monkeypatch, steps=1)
    for index, name in enumerate(names):
        upload(name, email=email, start=starts[index] if starts else 1.0)
        ok("process-energy-expenditure", {"session_id": name}, email=email)
        work(backend)


@pytest.fixture
def me() -> str:
    return f"reader{next(counter)}@example.com"


@pytest.mark.requirement("OM-B05")
def test_past_sessions_are_listed_newest_first(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    # Wall-clock times out of order of upload: the recording's own time counts.
    completed(backend, monkeypatch, "l2", "l1", "l3", email=me, starts=(1.7e9, 1.6e9, 1.8e9))
    answer = ok("get-past-sessions", {"user_email": me}, email=me)
    assert [session["session_id"] for session in answer["sessions"]] == ["l3", "l2", "l1"]
    assert answer["next"] is None
    first = answer["sessions"][0]
    assert first["recorded_at"] == "2027-01-15T08:00:00.000Z"
    assert (first["start"], first["end"]) == (1.8e9, 1.8e9 + 3.98)
    assert ok("get-past-sessions", {}, email="nobody@example.com") == {"sessions": [], "next": None}


@pytest.mark.requirement("OM-B05")
def test_sessions_that_count_from_zero_are_listed_by_their_upload(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "z1", "z2", email=me, starts=(500.0, 1.0))
    answer = ok("get-past-sessions", {}, email=me)
    assert [session["session_id"] for session in answer["sessions"]] == ["z2", "z1"]


@pytest.mark.requirement("OM-B05")
def test_pages_give_every_session_once(backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str) -> None:
    names = [f"p{index}" for index in range(5)]
    completed(backend, monkeypatch, *names, email=me, starts=tuple(1.7e9 + index for index in range(5)))
    found, token = [], None
    for _ in range(10):
        fields = {"limit": 2} | ({"next": token} if token else {})
        answer = ok("get-past-sessions", fields, email=me)
        assert len(answer["sessions"]) <= 2
        found += [session["session_id"] for session in answer["sessions"]]
        token = answer["next"]
        if not token:
            break
    assert found == names[::-1]
    # A token of somebody else's list shows nothing of it.
    token = ok("get-past-sessions", {"limit": 2}, email=me)["next"]
    assert ok("get-past-sessions", {"next": token}, email="nobody@example.com")["sessions"] == []


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24", 5, ["a"], "W10", "WyJhIiwiYiJd", "\ud800", "e30"])
def test_a_token_that_no_page_gave_is_refused(backend: Backend, token: object) -> None:
    for name in ("get-past-sessions", "get-past-sessions-summary", "get-all-session-summaries"):
        status, refused = error(name, {"next": token})
        assert (status, refused["field"]) == (400, "next")


@pytest.mark.parametrize("limit", [0, 101, "x", 1.5, -1, True])
def test_a_limit_out_of_range_is_refused(backend: Backend, limit: object) -> None:
    assert error("get-past-sessions", {"limit": limit})[1]["field"] == "limit"


@pytest.mark.requirement("OM-B06")
def test_summaries_equal_totals_of_the_result_rows(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "t1", "t2", email=me, starts=(1.7e9, 1.6e9))
    answer = ok("get-past-sessions-summary", {}, email=me)
    for session in answer["sessions"]:
        rows = [item for item in backend.items(backend.results, session["session_id"]) if "watts" in item]
        assert session["windows"] == len(rows) == 4
        assert session["kilocalories"] == pytest.approx(
            sum(float(item["kilocalories"]["N"]) for item in rows)
        )
        assert session["mean_watts"] == pytest.approx(
            sum(float(item["watts"]["N"]) for item in rows) / len(rows)
        )
        assert session["peak_watts"] == pytest.approx(max(float(item["watts"]["N"]) for item in rows))
    totals = answer["page_totals"]
    assert totals["sessions"] == 2
    assert totals["kilocalories"] == pytest.approx(
        sum(session["kilocalories"] for session in answer["sessions"])
    )


@pytest.mark.requirement("OM-B07")
def test_details_are_the_rows_the_worker_wrote_in_time_order(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    use_stub(monkeypatch, steps=1)
    upload("d1", email=me, seconds=30)
    ok("process-energy-expenditure", {"session_id": "d1"}, email=me)
    work(backend)
    answer = ok("get-session-details", {"session_id": "d1"}, email=me)
    rows = [item for item in backend.items(backend.results, "d1") if "watts" in item]
    assert [window["start"] for window in answer["windows"]] == [1.0 + second for second in range(30)]
    assert [window["watts"] for window in answer["windows"]] == [float(item["watts"]["N"]) for item in rows]
    assert answer["summary"]["windows"] == 30
    assert answer["next"] is None
    # In pages too.
    found, fields = [], {"session_id": "d1", "limit": 7}
    while True:
        page = ok("get-session-details", fields, email=me)
        found += page["windows"]
        if not page["next"]:
            break
        fields["next"] = page["next"]
    assert found == answer["windows"]
    assert error("get-session-details", {"session_id": "d1", "next": "W10"}, email=me)[1]["field"] == "next"


@pytest.mark.requirement("OM-B07", "OM-B14")
def test_another_users_session_looks_like_none(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "private", email=me)
    for name in ("get-session-details", "process-energy-expenditure"):
        other = error(name, {"session_id": "private"}, email="other@example.com")
        none = error(name, {"session_id": "no-such-session"}, email="other@example.com")
        assert other == none
        assert other[0] == 404


def test_a_session_is_not_seen_before_its_summary(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "half", email=me)
    (summary,) = [item for item in backend.items(backend.results, "half") if "UserEmail" in item]
    key = {name: summary[name] for name in ("SessionId", "Timestamp")}
    backend.client("dynamodb").delete_item(TableName=backend.results, Key=key)
    assert error("get-session-details", {"session_id": "half"}, email=me)[0] == 404
    assert ok("get-past-sessions", {}, email=me)["sessions"] == []


@pytest.mark.requirement("OM-B08", "OM-B09", "OM-B10", "OM-B11")
def test_summaries_carry_the_answers_or_null(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "with", "without", email=me, starts=(1.7e9, 1.6e9))
    answers = {
        "effort": 7,
        "shoes": ["running", None],
        "mood": "good",
        "pain": 0.25,
        "details": {"hilly": True},
    }
    ok("save-survey-response", {"session_id": "with", "user_email": me, "answers": answers}, email=me)
    assert ok("get-survey-response", {"session_id": "with"}, email=me)["answers"] == answers
    sessions = ok("get-all-session-summaries", {"user_email": me}, email=me)["sessions"]
    assert [session["session_id"] for session in sessions] == ["with", "without"]
    assert sessions[0]["survey"]["answers"] == answers
    assert sessions[1]["survey"] is None
    asked = {"session_ids": ["with", "without", "never"]}
    expected = {"with": True, "without": False, "never": False}
    assert ok("check-survey-responses", asked, email=me)["responses"] == expected
    assert ok("check-survey-responses", {"session_id": "with"}, email=me)["responses"] == {"with": True}


@pytest.mark.requirement("OM-B09")
def test_saving_answers_again_replaces_them(backend: Backend, me: str) -> None:
    first = ok("save-survey-response", {"session_id": "again", "answers": {"a": 1, "b": 2}}, email=me)
    second = ok("save-survey-response", {"session_id": "again", "answers": {"a": 3}}, email=me)
    assert second["submitted_at"] == first["submitted_at"]
    assert ok("get-survey-response", {"session_id": "again"}, email=me)["answers"] == {"a": 3}
    assert len(backend.items(backend.surveys, "again")) == 1


@pytest.mark.requirement("OM-B10", "OM-B11", "OM-B14")
def test_answers_of_another_user_are_not_seen_and_not_touched(backend: Backend, me: str) -> None:
    ok("save-survey-response", {"session_id": "s", "answers": {"a": 1}}, email=me)
    assert error("get-survey-response", {"session_id": "s"}, email="other@example.com")[0] == 404
    ok("save-survey-response", {"session_id": "s", "answers": {"a": 2}}, email="other@example.com")
    assert ok("get-survey-response", {"session_id": "s"}, email=me)["answers"] == {"a": 1}
    assert (
        error("get-survey-response", {"session_id": "s", "user_email": me}, email="other@example.com")[0]
        == 403
    )


@pytest.mark.requirement("OM-B09")
@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (None, 400),
        ({}, 400),
        ([], 400),
        ("yes", 400),
        ({"": 1}, 400),
        ({"q" * 101: 1}, 400),
        ({f"q{index}": 1 for index in range(101)}, 400),
        ({"a": "\ud800"}, 400),
        ({"a": "x" * 70_000}, 413),
    ],
)
def test_answers_that_cannot_be_stored_are_refused(backend: Backend, answers: object, status: int) -> None:
    found, refused = error("save-survey-response", {"session_id": "bad", "answers": answers})
    assert (found, refused["field"]) == (status, "answers")
    assert backend.items(backend.surveys, "bad") == []


def test_an_answer_beyond_every_number_is_refused(backend: Backend) -> None:
    body = '{"session_id": "bad", "answers": {"a": 1e999}}'
    assert error("save-survey-response", body)[1]["field"] == "answers"


@pytest.mark.requirement("OM-B11")
@pytest.mark.parametrize("sessions", [[], "", ["a b"], [1], {"a": 1}, ["x"] * 101])
def test_a_list_of_sessions_that_is_none_is_refused(backend: Backend, sessions: object) -> None:
    assert error("check-survey-responses", {"session_ids": sessions})[1]["field"] == "session_ids"


@pytest.mark.requirement("OM-C23")
def test_reads_work_by_get_with_a_query_string(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, me: str
) -> None:
    completed(backend, monkeypatch, "get1", email=me)
    ok("save-survey-response", {"session_id": "get1", "answers": {"a": 1}}, email=me)
    query = {"session_id": "get1"}
    assert ok("get-session-details", email=me, method="GET", query=query)["summary"]["windows"] == 4
    assert ok("get-survey-response", email=me, method="GET", query=query)["answers"] == {"a": 1}
    assert len(ok("get-past-sessions", email=me, method="GET", query={"limit": "5"})["sessions"]) == 1
    assert len(ok("get-past-sessions-summary", email=me, method="GET")["sessions"]) == 1
    assert len(ok("get-all-session-summaries", email=me, method="GET")["sessions"]) == 1
    both = ok("check-survey-responses", email=me, method="GET", query={"session_ids": "get1,other"})
    assert both["responses"] == {"get1": True, "other": False}
