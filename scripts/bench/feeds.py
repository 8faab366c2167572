"""The feeds that the benchmark serves.

74 kB on average, in the form of a vendor's blog, no two alike.
"""

from __future__ import annotations

from functools import cache

SIZE = 74_000  # bytes on average: from half to one and a half of it
POSTS = 20
HOSTS = 16  # as many servers as the watcher asks at a time: 127.0.0.1 to 127.0.0.16
_SENTENCE = (
    "<p>This update improves the health of mailbox servers and of the "
    "<b>transport service</b>; see the notes, and <i>plan</i> ahead.</p>"
)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
    "<title>Blog "
    "@N@</title><link>https://blog@N@.example.org/</link><description>What "
    "is new</description>"
)
_POST = (
    "<item><title>Post {place} of blog "
    "@N@</title><link>https://blog@N@.example.org/post/{place}</link><guid "
    'isPermaLink="true">'
    "https://blog@N@.example.org/post/{place}</guid><pubDate>{day:02} Nov "
    "2024 18:00:00 GMT</pubDate><dc:creator>the team</dc:creator>"
    "<description>{text}</description></item>"
)


@cache
def _form(posts: int, sentences: int) -> bytes:
    text = (_SENTENCE * sentences).replace("<", "&lt;").replace(">", "&gt;")
    items = [
        _POST.format(place=place, day=place % 28 + 1, text=text)
        for place in range(posts, 0, -1)
    ]
    return (_HEAD + "".join(items) + "</channel></rss>").encode()


def feed(number: int, edition: int = 0) -> bytes:
    """Give feed ``number``; an edition above 0 has a new post at its top for each."""
    sentences = SIZE // POSTS * (50 + number % 101) // 100 // (len(_SENTENCE) + 24)
    return _form(POSTS + edition, sentences).replace(b"@N@", str(number).encode())


def host(number: int) -> str:
    """Give the host that serves feed ``number``."""
    return f"127.0.0.{number % HOSTS + 1}"
