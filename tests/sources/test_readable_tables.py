"""Tables in prose are read cell by cell, when they are for reading."""

from __future__ import annotations

import pytest

from watcher.records import Table
from watcher.sources import markup

HEAD = "<tr><th>If you</th><th>Then</th></tr>"
ROW = (
    "<tr><td><p>use <b>transport</b> rules</p></td><td><ol><li>Uninstall "
    "it.</li><li>Restart.</li></ol></td></tr>"
)
READ = ("use transport rules", "Uninstall it.\nRestart.")


def test_a_table_is_read_with_its_head_and_the_lines_of_its_cells() -> None:
    assert markup.readable_tables(
        f"<p>Before</p><table><thead>{HEAD}</thead><tbody>{ROW}</tbody></table>"
    ) == (Table(("If you", "Then"), (READ,)),)


def test_bold_cells_are_a_head_too_and_a_table_may_have_none() -> None:
    bold = "<tr><td><strong>If you</strong></td><td><p><b>Then</b></p></td></tr>"
    assert markup.readable_tables(f"<table>{bold}{ROW}</table>") == (
        Table(("If you", "Then"), (READ,)),
    )
    assert (
        markup.readable_tables(f"<table>{ROW}{ROW.replace('Restart', 'Wait')}</table>")[
            0
        ].head
        == ()
    )


def test_every_word_of_a_table_stands_in_the_text_in_its_order() -> None:
    html = f"<p>Before</p><table>{HEAD}{ROW}</table><p>After</p>"
    (table,) = markup.readable_tables(html)
    words = " ".join(cell for row in (table.head, *table.rows) for cell in row).split()
    assert " ".join(words) in " ".join(markup.plain(html).split())


def test_cells_that_reach_over_rows_and_columns_keep_the_others_in_their_columns() -> (
    None
):
    rows = (
        '<tr><td rowspan="2">A</td><td>b</td></tr><tr><td>c</td></tr><tr><td '
        'colspan="2">D</td></tr><tr><td rowspan="x">e</td></tr>'
    )
    assert markup.readable_tables(f"<table>{HEAD}{rows}</table>")[0].rows == (
        ("A", "b"),
        ("", "c"),
        ("D", ""),
        ("e", ""),
    )
    last = '<tr><td>b</td><td rowspan="2">A</td></tr><tr><td>c</td></tr>'
    assert markup.readable_tables(f"<table>{HEAD}{last}</table>")[0].rows == (
        ("b", "A"),
        ("c", ""),
    )


@pytest.mark.parametrize(
    "html",
    [
        "no table at all",
        "<table></table>",
        f"<table>{ROW}</table>",  # one row
        "<table><tr><td>one</td></tr><tr><td>column</td></tr></table>",
        (
            "<table><tr><td><img src=x></td><td>for "
            "looks</td></tr><tr><td></td><td>only</td></tr></table>"
        ),
        "<table>" + "<tr>" + "<td>x</td>" * 5 + "</tr>" * 2 + "</table>",
        "<table>" + ROW * 60 + "</table>",
        "<table>" + ROW * 100 + "</table>",
        f"<table>{HEAD}<tr><td>long</td><td>{'word ' * 2000}</td></tr></table>",
        f"<del><table>{HEAD}{ROW}</table></del>",
        f'<div style="text-decoration: Line-Through"><table>{HEAD}{ROW}</table></div>',
        "<table>" + "<tr><td colspan='9'>wide</td><td>x</td></tr>" * 2 + "</table>",
        "<!-- <table> -->",
    ],
)
def test_what_is_laid_out_or_struck_out_or_too_large_is_no_table(html: str) -> None:
    assert markup.readable_tables(html) == ()


def test_of_tables_in_tables_the_inner_ones_are_read_and_each_once() -> None:
    inner = f"<table>{HEAD}{ROW}</table>"
    assert (
        len(
            markup.readable_tables(
                f"<table><tr><td>{inner}</td><td>{inner}</td></tr><tr><td>x</td><td>y</td></tr></table>"
            )
        )
        == 1
    )


def test_what_a_cell_must_not_hold_is_left_out() -> None:
    evil = (
        "<tr><td>a<script>alert(1)</script>&#x1b;b</td><td><a "
        'href="javascript:x">c</a></td></tr>'
    )
    assert markup.readable_tables(f"<table>{HEAD}{evil}</table>")[0].rows == (
        ("a b", "c"),
    )
