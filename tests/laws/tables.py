"""A full table of builds as the vendor writes it, and everything that happens to a page
while nothing happens to an update.
"""

from __future__ import annotations

import calendar
import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.records import Page, Snapshot, Watch
from watcher.sources import build_table

URL = "https://learn.example.org/build-numbers"
FIRST_CHECK = datetime(2030, 10, 20, 6, tzinfo=UTC)
SUPPORT = "https://support.microsoft.com/help/"
DOWNLOAD = "https://www.microsoft.com/download/details.aspx?familyID="


class Row(Struct, frozen=True):
    """A row as it is written: all cells are texts."""

    name: str
    date: str
    build: str
    long: str
    link: str


def written(day: date) -> str:
    return f"{calendar.month_name[day.month]} {day.day}, {day.year}"


def row(name: str, day: date, numbers: tuple[int, int, int, int], link: str) -> Row:
    """Write a row in both forms of its build."""
    first, second, third, fourth = numbers
    return Row(
        name,
        written(day),
        ".".join(map(str, numbers)),
        f"{first}.{second:02}.{third:04}.{fourth:03}",
        link,
    )


def patch_day(month: int) -> date:
    """Second Tuesday of a month of 2030."""
    return date(2030, month, 8 + (1 - date(2030, month, 1).weekday()) % 7)


LINES = (  # product, the three numbers of its line, its first number
    ("Exchange Server SE", (15, 2, 2562), 17),
    ("Exchange Server 2019 CU15", (15, 2, 1748), 10),
    ("Exchange Server 2019 CU14", (15, 2, 1544), 4),
    ("Exchange Server 2016 CU23", (15, 1, 2507), 6),
    ("Exchange Server 2013 CU23", (15, 0, 1497), 2),
)


def security_update(line: int, month: int, version: int = 1) -> Row:
    """Write the SU of a month for one of ``LINES``; each month leaves room for a second version."""
    product, numbers, first = LINES[line]
    token = f"{calendar.month_abbr[month]}30SU" + (f"v{version}" if version > 1 else "")
    day = patch_day(month) + timedelta(days=15 * (version - 1))
    return row(
        f"{product} {token}",
        day,
        (*numbers, first + 4 * month + version),
        f"{SUPPORT}{9000000 + 10 * month + version}",
    )


def _line(line: int) -> list[Row]:
    product, numbers, first = LINES[line]
    rows = [security_update(line, month) for month in range(10, 0, -1)]
    if line != 4:
        rows.insert(3, security_update(line, 8, version=2))
    name = f"{product} RTM" if product.endswith("SE") else f"{product} (2029H2)"
    return [
        *rows,
        row(
            name,
            date(2029, 12, 1),
            (*numbers, first),
            f"{DOWNLOAD}a149e06c-62f4-4b62-adf8-7d382223a{line:03}",
        ),
    ]


def full() -> list[list[Row]]:
    """Give the page's tables: one a product line, the newest row first."""
    rollups = [
        _rollup("2010", n, date(2013 + n // 5, 1 + n % 12, 9), (14, 3, 120 + 11 * n, 0))
        for n in range(32, 22, -1)
    ]
    older = [
        _rollup("2007", n, date(2010 + n // 4, 1 + n % 12, 9), (8, 3, 80 + 9 * n, 0))
        for n in range(20, 14, -1)
    ]
    cumulative = [_cumulative(n) for n in (13, 12, 11, 10, 9)]
    return [
        _line(0)[:2] + _line(0)[-1:],
        _line(1) + _line(2) + cumulative,
        _line(3),
        _line(4),
        rollups,
        older,
    ]


def _rollup(
    edition: str, number: int, day: date, build: tuple[int, int, int, int]
) -> Row:
    return row(
        f"Update Rollup {number} for Exchange Server {edition} SP3",
        day,
        build,
        f"{SUPPORT}{8000000 + int(edition) * 100 + number}",
    )


def _cumulative(number: int) -> Row:
    day = date(2019 + number // 3, 1 + number % 12, 12)
    return row(
        f"Exchange Server 2019 CU{number}",
        day,
        (15, 2, 300 + 80 * number, 5),
        f"{SUPPORT}{8300000 + number}",
    )


HEADS = (
    "Product name",
    "Release date",
    "Build number<br>(short format)",
    "Build number<br>(long format)",
)


def html(
    tables: list[list[Row]],
    heads: tuple[str, ...] = HEADS,
    order: tuple[int, ...] = (0, 1, 2, 3),
) -> str:
    """Write the page; ``order`` is that of the columns."""
    parts = [
        (
            "<!DOCTYPE html><html><head><title>Build "
            "numbers</title></head><body><h1>Exchange Server build numbers</h1>"
        )
    ]
    for table in tables:
        head = "".join(f"<th>{heads[place]}</th>" for place in order)
        parts.append(f"<h2>Builds</h2><table><thead><tr>{head}</tr></thead><tbody>")
        for each in table:
            name = f'<a href="{each.link}">{each.name}</a>' if each.link else each.name
            cells = (name, each.date, each.build, each.long)
            parts.append(
                "<tr>"
                + "".join(f"<td>{cells[place]}</td>" for place in order)
                + "</tr>"
            )
        parts.append("</tbody></table>")
    return "\n".join([*parts, "</body></html>"])


def read(page: str, time: datetime = FIRST_CHECK) -> Snapshot:
    """Parse a page; raises ParseError as the source does."""
    return build_table.parse(
        Page("builds", "", URL, time, 200, page.encode(), "text/html; charset=utf-8"),
        Watch(),
    )


# --- what happens to one row ----------------------------------------------------------


def mistyped(
    text: str,
    chance: random.Random,
    letters: str = "abcdefghijklmnopqrstuvwxyz0123456789 .-",
) -> str:
    """Drop, add, change or swap a letter."""
    if not text:
        return chance.choice(letters)
    place = chance.randrange(len(text))
    kind = chance.randrange(4)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + chance.choice(letters) + text[place:]
    if kind == 2:
        return text[:place] + chance.choice(letters) + text[place + 1 :]
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]


def _another_date(each: Row, chance: random.Random) -> str:
    return written(
        datetime.strptime(each.date, "%B %d, %Y").replace(tzinfo=UTC).date()
        + timedelta(days=chance.randint(-9, 9))
    )


def _another_link(each: Row, chance: random.Random) -> str:
    number = each.link.rpartition("/")[2]
    forms = [
        f"{each.link}?WT.mc_id=x",
        each.link.replace("https:", "http:"),
        "",
        f"{SUPPORT}en-us/{number}",
        each.link.upper(),
    ]
    return chance.choice([*forms, f"{DOWNLOAD}{chance.getrandbits(120):030x}"])


def _another_name(each: Row, chance: random.Random) -> str:
    return chance.choice(
        [
            each.name.replace(" ", "&nbsp;"),
            f"&nbsp;&nbsp;{each.name} ",
            each.name.replace("Exchange Server", "Microsoft Exchange Server"),
            each.name.replace("Exchange Server", "Exchange  server"),
            each.name.replace("SU", " SU"),
            each.name.upper(),
            f"<strong>{each.name}</strong>",
            f"{each.name}<sup>1</sup>",
            f"{each.name} (*)",
        ]
    )


EDITS: dict[str, Callable[[Row, random.Random], Row]] = {
    "typing error in the name": lambda each, chance: replace(
        each, name=mistyped(each.name, chance)
    ),
    "typing error in the date": lambda each, chance: replace(
        each, date=mistyped(each.date, chance)
    ),
    "typing error in the short build": lambda each, chance: replace(
        each, build=mistyped(each.build, chance, "0123456789.")
    ),
    "typing error in the long build": lambda each, chance: replace(
        each, long=mistyped(each.long, chance, "0123456789.")
    ),
    "typing error in the link": lambda each, chance: replace(
        each, link=mistyped(each.link, chance)
    ),
    "another date": lambda each, chance: replace(
        each, date=_another_date(each, chance)
    ),
    "another link": lambda each, chance: replace(
        each, link=_another_link(each, chance)
    ),
    "another spelling": lambda each, chance: replace(
        each, name=_another_name(each, chance)
    ),
    "no short build": lambda each, chance: replace(each, build=""),
    "no long build": lambda each, chance: replace(each, long=""),
    "padded build": lambda each, chance: replace(
        each, build=re.sub(r"\.(\d+)$", r".0\1", each.build)
    ),
}


def edited(
    tables: list[list[Row]], chance: random.Random
) -> tuple[str, list[list[Row]]]:
    """Edit one row; says what was done."""
    table = chance.randrange(len(tables))
    place = chance.randrange(len(tables[table]))
    kind = chance.choice(list(EDITS))
    before = tables[table][place]
    after = EDITS[kind](before, chance)
    rows = [*tables[table]]
    rows[place] = after
    return f"{kind}: {before} -> {after}", [*tables[:table], rows, *tables[table + 1 :]]


# --- what happens to the page ---------------------------------------------------------


def shifted(tables: list[list[Row]], chance: random.Random) -> tuple[str, str]:
    """Shift the layout; says what was done."""
    table = chance.randrange(len(tables))
    others = [*tables[:table], *tables[table + 1 :]]
    cut = chance.randrange(1, len(tables[table]))
    shuffled = chance.sample(tables[table], len(tables[table]))
    heads = list(HEADS)
    heads[chance.randrange(4)] = chance.choice(
        ["", "Name", "Build", "Released", "Version", "&nbsp;"]
    )
    page = html(tables)
    forms: dict[str, Callable[[], str]] = {
        "columns in another order": lambda: html(
            tables, order=tuple(chance.sample(range(4), 4))
        ),
        "a column is gone": lambda: html(
            tables, order=tuple(sorted(chance.sample(range(4), 3)))
        ),
        "another head": lambda: html(tables, heads=tuple(heads)),
        "one table's head mistyped": lambda: _one_head(page, chance),
        "tables in another order": lambda: html(chance.sample(tables, len(tables))),
        "rows in another order": lambda: html([shuffled, *others]),
        "a table split": lambda: html(
            [tables[table][:cut], tables[table][cut:], *others]
        ),
        "tables joined": lambda: html([[each for rows in tables for each in rows]]),
        "a table repeated": lambda: html([tables[table], *tables]),
        "no heads": lambda: re.sub(r"<thead>.*?</thead>", "", page),
        "heads as cells": lambda: page.replace("<th>", "<td>").replace(
            "</th>", "</td>"
        ),
        "names as heads": lambda: re.sub(
            r"<tr><td>(.*?)</td>", r"<tr><th>\1</th>", page
        ),
        "wrapped": lambda: page.replace("<table>", "<div><table class=x>").replace(
            "</table>", "</table></div>"
        ),
        "no line ends": lambda: page.replace("\n", ""),
        "bodies unmarked": lambda: re.sub(r"</?t(?:body|head)>", "", page),
        "spaces in cells": lambda: page.replace("<td>", "<td>&nbsp;\n ").replace(
            "</td>", " </td>"
        ),
        "a column more": lambda: page.replace("<tr>", "<tr><td>more</td>"),
        "cut off": lambda: page[: chance.randrange(len(page) // 4, len(page))],
    }
    kind = chance.choice(list(forms))
    return kind, forms[kind]()


def _one_head(page: str, chance: random.Random) -> str:
    places = [found.span() for found in re.finditer(r"(?<=<th>).*?(?=</th>)", page)]
    start, end = chance.choice(places)
    return (
        page[:start]
        + chance.choice(["", mistyped(page[start:end], chance)])
        + page[end:]
    )
