"""The security list of the review page, tried one by one over HTTP: tokens, roles, sessions, writes, hosts, headers."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from reviewing import SECRET, make_review, token_of
from starlette.testclient import TestClient

from cxr_core.review.store import token_digest
from cxr_core.vocabulary import ReaderRole
from flows.review_server.app import create_app
from flows.review_server.assets import load_assets
from flows.review_server.desk import Desk, open_desk
from flows.review_server.guessing import MOST_OF_ALL, MOST_OF_ONE, Guesses
from flows.review_server.sessions import COOKIE, LIFETIME, Sessions

HOST = "127.0.0.1"


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 3, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Any:
    review = make_review(tmp_path / "workspace", texts=("Seen by Dr. ___ today.",))
    opened = open_desk(review.workspace, clock, load_assets(), is_encrypted=False)
    yield opened
    opened.store.close()


def client_of(desk: Desk, **options: Any) -> TestClient:
    app = create_app(desk, [HOST, "localhost"])
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False, **options)


def sign_in(desk: Desk, name: str) -> tuple[TestClient, dict[str, str]]:
    """A client with the cookie of a reader, and the header that proves a write."""
    client = client_of(desk)
    answer = client.post("/login", data={"token": token_of(name)})
    assert answer.status_code == 303
    found = re.search(r'name="csrf" content="([0-9a-f]+)"', client.get("/").text)
    assert found is not None
    return client, {"x-csrf-token": found.group(1)}


def queue_of(client: TestClient, kind: str = "images") -> list[str]:
    return [entry["item_id"] for entry in client.get(f"/api/{kind}/queue").json()["ahead"]]


def decision(item_id: str, clock: Clock, answer: str = "clean", **more: Any) -> dict[str, Any]:
    at = int(clock.now.timestamp() * 1000)
    made = {
        "decision_id": "0" * 31 + "1",
        "item_id": item_id,
        "answer": answer,
        "shown_at": at - 900,
        "answered_at": at,
    }
    return made | more


# ---------------------------------------------------------------- tokens and sessions


def test_a_foreign_token_opens_nothing(desk: Desk) -> None:
    client = client_of(desk)
    answer = client.post("/login", data={"token": token_of("a stranger")})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert client.get("/api/images/queue").status_code == 401


@pytest.mark.parametrize("path", ["/", "/read/images", "/dashboard"])
def test_a_page_without_a_session_leads_to_the_door(desk: Desk, path: str) -> None:
    answer = client_of(desk).get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_the_cookie_is_for_this_site_and_no_script(desk: Desk) -> None:
    answer = client_of(desk).post("/login", data={"token": token_of("amber")})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert token_of("amber") not in cookie


def test_the_cookie_goes_over_tls_only_where_there_is_tls(desk: Desk, clock: Clock) -> None:
    encrypted = open_desk(desk.workspace, clock, desk.assets, is_encrypted=True)
    answer = client_of(encrypted).post("/login", data={"token": token_of("amber")})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-"), "no neighbour in the domain can set it"
    assert {"secure", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    encrypted.store.close()


@pytest.mark.parametrize("place", [5, -5], ids=["its content", "its signature"])
def test_a_changed_cookie_opens_nothing(desk: Desk, place: int) -> None:
    client, _ = sign_in(desk, "amber")
    cookie = client.cookies[COOKIE]
    changed = list(cookie)
    changed[place] = "A" if changed[place] != "A" else "B"
    client.cookies.clear()
    assert client.get("/api/images/queue", headers={"cookie": f"{COOKIE}={''.join(changed)}"}).status_code == 401
    assert client.get("/api/images/queue", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 200


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.é", "." * 300])
def test_a_cookie_of_nonsense_is_nobody(cookie: str) -> None:
    assert Sessions(SECRET).read(cookie, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_session_ends_after_its_time(desk: Desk, clock: Clock) -> None:
    client, _ = sign_in(desk, "amber")
    clock.now += LIFETIME - timedelta(minutes=1)
    assert client.get("/api/images/queue").status_code == 200
    clock.now += timedelta(minutes=2)
    assert client.get("/api/images/queue").status_code == 401


def test_a_new_token_closes_the_sessions_of_the_old_one(desk: Desk, clock: Clock) -> None:
    client, _ = sign_in(desk, "amber")
    desk.store.add_reader("amber", ReaderRole.READER, token_digest("another"), clock.now)
    assert client.get("/api/images/queue").status_code == 401


def test_a_copied_cookie_is_dead_once_its_owner_signed_out(desk: Desk) -> None:
    client, proof = sign_in(desk, "amber")
    copied = {"cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    assert client.post("/logout", data={"csrf": proof["x-csrf-token"]}).status_code == 303
    assert client_of(desk).get("/api/images/queue", headers=copied).status_code == 401


def test_guessing_is_slowed_down_and_the_right_token_waits_too(desk: Desk, clock: Clock) -> None:
    client = client_of(desk)
    for _ in range(MOST_OF_ONE):
        assert client.post("/login", data={"token": "guess"}).status_code == 401
    refused = client.post("/login", data={"token": token_of("amber")})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 300
    clock.now += timedelta(minutes=5, seconds=1)
    assert client.post("/login", data={"token": token_of("amber")}).status_code == 303


def test_guessing_from_many_addresses_is_slowed_down_too(clock: Clock) -> None:
    guesses = Guesses()
    for number in range(MOST_OF_ALL):
        assert guesses.wait(f"10.0.0.{number}", clock.now) == 0
        guesses.failed(f"10.0.0.{number}", clock.now)
    assert guesses.wait("10.0.1.1", clock.now) == 300


def test_the_door_keeps_a_log_without_tokens(desk: Desk) -> None:
    sign_in(desk, "amber")
    client_of(desk).post("/login", data={"token": "a wrong one"})
    lines = (desk.workspace.review / "door.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["signed in", "refused"]
    assert token_of("amber") not in "".join(lines)
    assert "a wrong one" not in "".join(lines)
    assert token_digest(token_of("amber")) not in "".join(lines)


# ---------------------------------------------------------------- roles and queues


@pytest.mark.parametrize("name", ["amber", "coral"])
def test_only_a_lead_sees_the_dashboard(desk: Desk, name: str) -> None:
    client, proof = sign_in(desk, name)
    assert client.get("/dashboard").status_code == 403
    assert client.post("/export", data={"csrf": proof["x-csrf-token"]}).status_code == 403


def test_an_image_of_another_queue_is_as_one_that_does_not_exist(desk: Desk) -> None:
    amber, _ = sign_in(desk, "amber")
    coral, proof = sign_in(desk, "coral")
    item = queue_of(amber)[0]
    assert amber.get(f"/api/images/{item}/half").status_code == 200
    foreign, unknown = (coral.get(f"/api/images/{one}/half") for one in (item, "0" * 32))
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.status_code == 404
    assert coral.post(f"/api/images/{item}/sight", headers=proof).status_code == 404


@pytest.fixture
def with_originals(tmp_path: Path, clock: Clock) -> Any:
    review = make_review(tmp_path / "kept", images=3, reports=(), hidden="ROE 17")
    opened = open_desk(review.workspace, clock, load_assets(), is_encrypted=False)
    yield opened
    opened.store.close()


@pytest.mark.parametrize("window", ["darks", "brights", "fine"])
def test_a_window_is_shown_to_its_reader_alone_and_kept_by_no_browser(with_originals: Desk, window: str) -> None:
    amber, _ = sign_in(with_originals, "amber")
    coral, _ = sign_in(with_originals, "coral")
    item = queue_of(amber)[0]
    shown = amber.get(f"/api/images/{item}/{window}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["cache-control"] == "no-store"
    assert coral.get(f"/api/images/{item}/{window}").status_code == 404
    assert client_of(with_originals).get(f"/api/images/{item}/{window}").status_code == 401


def test_an_image_without_an_original_has_no_windows(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    entry = client.get("/api/images/queue").json()["ahead"][0]
    assert entry["windows"] == []
    assert client.get(f"/api/images/{entry['item_id']}/fine").status_code == 404


def test_clean_without_all_windows_is_refused_and_phi_is_not(with_originals: Desk, clock: Clock) -> None:
    client, proof = sign_in(with_originals, "amber")
    item = queue_of(client)[0]
    for seen in ([], ["darks", "fine"]):
        answer = client.post("/api/images/decisions", json=decision(item, clock, windows=seen), headers=proof)
        assert answer.json() == {"message": "look at the three windows of the original first"}
    body = decision(item, clock, "phi", windows=["darks"])
    assert client.post("/api/images/decisions", json=body, headers=proof).status_code == 200
    body = decision(
        item, clock, windows=["fine", "darks", "brights"], supersedes="0" * 31 + "1", decision_id="0" * 31 + "2"
    )
    assert client.post("/api/images/decisions", json=body, headers=proof).status_code == 200


def test_a_decision_on_an_item_of_another_queue_is_refused(desk: Desk, clock: Clock) -> None:
    amber, _ = sign_in(desk, "amber")
    coral, proof = sign_in(desk, "coral")
    answer = coral.post("/api/images/decisions", json=decision(queue_of(amber)[0], clock), headers=proof)
    assert answer.status_code == 404


def test_an_item_is_reached_under_its_own_kind_only(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    report = queue_of(client, "reports")[0]
    assert client.get(f"/api/reports/{report}/text").status_code == 200
    assert client.get(f"/api/text/{report}/text").status_code == 404
    assert client.get(f"/api/images/{report}/half").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/../review.sqlite/half",
        "/api/images/%2e%2e%2freview.sqlite/half",
        "/api/images/50000000/half",
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/static/app.py",
        "/review/review.sqlite",
        "/jpeg/500/50000000",
        "/openapi.json",
        "/docs",
        "/redoc",
    ],
)
def test_guessing_paths_leads_nowhere(desk: Desk, path: str) -> None:
    client, _ = sign_in(desk, "amber")
    assert client.get(path).status_code == 404


def test_a_reader_learns_no_study_stratum_path_or_digest(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    told = client.get("/api/images/queue").text + client.get("/api/reports/queue").text
    for word in ("50000", "10000", "stratum", "random", ".jpg", "sha256", "planted", "machine"):
        assert word not in told


def test_machine_boxes_stay_hidden_until_every_answer_is_in(desk: Desk, clock: Clock) -> None:
    amber, proof = sign_in(desk, "amber")
    basil, other_proof = sign_in(desk, "basil")
    item = queue_of(amber)[0]
    hidden = amber.post(f"/api/images/{item}/sight", headers=proof)
    assert hidden.status_code == 404
    assert amber.post("/api/images/decisions", json=decision(item, clock), headers=proof).json()["is_new"]
    assert amber.post(f"/api/images/{item}/sight", headers=proof).status_code == 404
    queue = client_queue(basil, item, clock, other_proof)
    assert queue == 200
    assert amber.post(f"/api/images/{item}/sight", headers=proof).status_code == 200
    changed = decision(item, clock, "phi", decision_id="0" * 31 + "3", supersedes="0" * 31 + "1")
    assert amber.post("/api/images/decisions", json=changed, headers=proof).status_code == 404


def client_queue(client: TestClient, item: str, clock: Clock, proof: dict[str, str]) -> int:
    """Answer everything up to an item, and the item."""
    for number in range(20):
        ahead = queue_of(client)
        chosen = item if item in ahead else ahead[0]
        body = decision(chosen, clock, decision_id=f"{number:032x}".replace("0", "f", 1))
        status = client.post("/api/images/decisions", json=body, headers=proof).status_code
        if chosen == item:
            return status
    return 0


# ---------------------------------------------------------------- writes


def test_a_write_without_the_proof_of_our_page_is_refused(desk: Desk, clock: Clock) -> None:
    client, proof = sign_in(desk, "amber")
    basil, _ = sign_in(desk, "basil")
    foreign = re.search(r'name="csrf" content="([0-9a-f]+)"', basil.get("/").text)
    assert foreign is not None
    body = decision(queue_of(client)[0], clock)
    assert client.post("/api/images/decisions", json=body).status_code == 403
    given = {"x-csrf-token": foreign.group(1)}
    assert client.post("/api/images/decisions", json=body, headers=given).status_code == 403
    assert client.post("/logout", data={}).status_code == 403
    assert client.get("/api/images/queue").json()["done"] == 0
    assert client.post("/api/images/decisions", json=body, headers=proof).status_code == 200


@pytest.mark.parametrize(
    "header", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_write_from_another_site_is_refused(desk: Desk, clock: Clock, header: dict[str, str]) -> None:
    client, proof = sign_in(desk, "amber")
    body = decision(queue_of(client)[0], clock)
    assert client.post("/api/images/decisions", json=body, headers=proof | header).status_code == 403
    assert client.post("/login", data={"token": token_of("amber")}, headers=header).status_code == 403


def test_a_proxy_that_adds_tls_may_pass_a_write_on(desk: Desk, clock: Clock) -> None:
    client, proof = sign_in(desk, "amber")
    body = decision(queue_of(client)[0], clock)
    given = proof | {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
    assert client.post("/api/images/decisions", json=body, headers=given).status_code == 200


def test_a_foreign_name_that_points_here_reaches_nothing(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"host": "localhost:8765"}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(desk: Desk, method: str) -> None:
    client, _ = sign_in(desk, "amber")
    assert client.request(method, "/api/images/queue").status_code == 405


def test_a_large_body_is_refused_whether_announced_or_not(desk: Desk) -> None:
    client, proof = sign_in(desk, "amber")
    assert client.post("/api/images/decisions", content=b"x" * 70_000, headers=proof).status_code == 413

    def pieces() -> Any:
        yield from [b"x" * 10_000] * 7

    assert client.post("/api/images/decisions", content=pieces(), headers=proof).status_code == 413


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "splendid"},
        {"labels": {"Atelectasis": 5}},
        {"boxes": [{"top": -1, "left": 0, "bottom": 5, "right": 5}]},
        {"shown_at": "yesterday"},
        {"reader": "basil"},
        {"decision_id": "../../etc"},
    ],
    ids=str,
)
def test_a_malformed_decision_is_refused_without_an_echo(desk: Desk, clock: Clock, change: dict[str, Any]) -> None:
    client, proof = sign_in(desk, "amber")
    answer = client.post("/api/images/decisions", json=decision(queue_of(client)[0], clock) | change, headers=proof)
    assert (answer.status_code, answer.json()) == (422, {"message": "malformed request"})


def test_a_box_outside_the_image_is_refused(desk: Desk, clock: Clock) -> None:
    client, proof = sign_in(desk, "amber")
    box = {"top": 0, "left": 0, "bottom": 10, "right": 261}
    body = decision(queue_of(client)[0], clock, "phi", boxes=[box])
    assert client.post("/api/images/decisions", json=body, headers=proof).status_code == 422


def test_a_decision_sent_twice_is_kept_once(desk: Desk, clock: Clock) -> None:
    client, proof = sign_in(desk, "amber")
    body = decision(queue_of(client)[0], clock)
    told = [client.post("/api/images/decisions", json=body, headers=proof).json() for _ in range(3)]
    assert [answer["is_new"] for answer in told] == [True, False, False]
    assert [answer["done"] for answer in told] == [1, 1, 1]


# ---------------------------------------------------------------- what leaves


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "HEAD", "PUT"])
def test_a_refusal_carries_the_strict_headers_too(desk: Desk, method: str) -> None:
    answer = client_of(desk).request(method, "/login", headers={"x-http-method-override": "GET"})
    assert answer.status_code == 405
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"content-length": "99999999"}, 413),
        ({"content-length": b"\xb2"}, 413),  # a superscript two is a digit to Python
        ({"content-length": "9" * 5000}, 413),
        ({"content-length": "-1"}, 413),
        ({"origin": "http://evil.example"}, 403),
        ({}, 401),
    ],
    ids=str,
)
def test_refused_writes_carry_the_strict_headers_too(desk: Desk, headers: dict[str, Any], status: int) -> None:
    answer = client_of(desk).post("/login", data={"token": "x"}, headers=headers)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"a":' * 10_000, b"9" * 60_000, b"NaN", b"\xff\xfe", b"", b'{"item_id": 1e999}', b"null"],
    ids=["deep list", "deep object", "large number", "not a number", "no text", "nothing", "infinity", "null"],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_hostile_bodies_are_refused_without_an_echo(
    desk: Desk, body: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    client, proof = sign_in(desk, "amber")
    answer = client.post("/api/images/decisions", content=body, headers=proof | {"content-type": kind})
    assert answer.status_code in {400, 422}
    assert set(answer.json()) == {"message"}
    assert caplog.text == ""


def test_a_decision_goes_as_json_alone(desk: Desk, clock: Clock) -> None:
    """A form of another site cannot send JSON without the browser asking first."""
    client, proof = sign_in(desk, "amber")
    content = json.dumps(decision(queue_of(client)[0], clock)).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = client.post("/api/images/decisions", content=content, headers=proof | {"content-type": kind})
        assert answer.status_code == 422


def test_a_session_of_before_the_sign_in_is_not_taken_over(desk: Desk) -> None:
    """Nobody can be given a session that somebody else knows: each sign-in makes its own."""
    client, _ = sign_in(desk, "amber")
    first = client.cookies[COOKIE]
    assert client.post("/login", data={"token": token_of("basil")}).status_code == 303
    assert client.cookies[COOKIE] != first
    assert "basil" in client.get("/").text


def test_a_token_in_an_address_opens_nothing(desk: Desk) -> None:
    client = client_of(desk)
    assert client.get(f"/login?token={token_of('amber')}").status_code == 200
    assert client.get(f"/?token={token_of('amber')}").status_code == 303
    assert client.get(f"/api/images/queue?token={token_of('amber')}").status_code == 401


@pytest.mark.parametrize("text", ["' OR '1'='1", '"; DROP TABLE readers; --', "\0", "%00", "\U0001f600" * 50])
def test_no_text_of_a_request_becomes_a_statement(desk: Desk, text: str) -> None:
    assert client_of(desk).post("/login", data={"token": text}).status_code == 401
    client, _ = sign_in(desk, "amber")
    assert client.get(f"/api/images/{text}/half".replace("\0", "%00")).status_code == 404
    assert [reader.name for reader in desk.store.readers()] == ["amber", "basil", "coral", "dahlia"]


@pytest.mark.parametrize("path", ["/login", "/", "/read/images", "/api/images/queue", "/static/review.css", "/nowhere"])
def test_every_answer_carries_the_strict_headers(desk: Desk, path: str) -> None:
    client, _ = sign_in(desk, "amber")
    headers = client.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers


def test_no_page_has_a_script_or_style_in_it(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    lead, _ = sign_in(desk, "dahlia")
    pages = [client.get(path).text for path in ("/login", "/", "/read/images", "/read/reports", "/read/text")]
    for page in [*pages, lead.get("/dashboard").text]:
        assert re.findall(r"<script(?![^>]* src=)", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []
        assert re.findall(r"https?://", page) == []


def test_markup_in_a_report_leaves_as_text(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    answers = [client.get(f"/api/reports/{item}/text") for item in queue_of(client, "reports")]
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert any("<script>" in answer.text for answer in answers)
    assert "<script>document" not in client.get("/read/reports").text


def test_a_name_with_markup_is_escaped(desk: Desk, clock: Clock) -> None:
    desk.store.add_reader("<b>ivy", ReaderRole.READER, token_digest(token_of("<b>ivy")), clock.now)
    client, _ = sign_in(desk, "<b>ivy")
    assert "<b>ivy" not in client.get("/").text
    assert "&lt;b&gt;ivy" in client.get("/").text


def test_an_image_that_changed_since_the_draw_is_not_shown(desk: Desk) -> None:
    client, _ = sign_in(desk, "amber")
    for path in desk.workspace.jpeg.rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"\0")
    answer = client.get(f"/api/images/{queue_of(client)[0]}/full")
    assert (answer.status_code, answer.json()) == (410, {"message": "the image has changed since the sample was drawn"})


def test_a_fault_tells_and_logs_its_place_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = sign_in(desk, "amber")

    def fail(*_: object) -> None:
        raise RuntimeError("Jane Roe, born 1950")

    monkeypatch.setattr("flows.review_server.answers.queue_answer", fail)
    answer = client.get("/api/images/queue")
    assert (answer.status_code, answer.json()) == (500, {"message": "a fault of the program; the log names its place"})
    assert "RuntimeError at test_review_door.py" in caplog.text
    assert "Jane Roe" not in caplog.text
