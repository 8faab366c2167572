"""Neither the welcome nor the page gives an all-clear for a source that was not read."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

from tests.run.stage import ISSUE, Stage
from tests.servers import Reply, SourceServer
from tests.stories.pages import issues
from watcher.store import Store


def test_a_source_that_fails_at_the_first_check_is_named_in_the_welcome(
    tmp_path: Path,
) -> None:
    with SourceServer() as web:
        stage = Stage(web, tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
        stage.show(issues=Reply(b"gone", status=404))
        stage.check("2024-11-11T18:00:00Z")
    with Store.open(stage.settings.state, hold=False) as store:
        (welcome,) = store.messages(kind="welcome")
    message = email.message_from_bytes(welcome.body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert "Among what could be read, nothing is pulled. Not read yet: issues." in text
    assert "Nothing that is watched is pulled." not in text
    assert text.count("Could not be read yet: ") == 1
    assert "404" in text


def test_the_page_says_what_could_not_be_read_until_it_was(tmp_path: Path) -> None:
    with SourceServer() as web:
        stage = Stage(web, tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
        stage.show(issues=Reply(b"gone", status=404))
        stage.check("2024-11-11T18:00:00Z", publish=True)
        page = (tmp_path / "public" / "index.html").read_text(encoding="utf-8")
        assert "Among what could be read, nothing is pulled" in page
        assert "Not read yet: issues." in page
        assert "Nothing is pulled right now" not in page

        stage.show(issues=issues(ISSUE))
        stage.check("2024-11-11T19:00:00Z", publish=True)
        assert "Nothing is pulled right now" in (
            tmp_path / "public" / "index.html"
        ).read_text(encoding="utf-8")
