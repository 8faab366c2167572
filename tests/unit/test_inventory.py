"""The inventory is read in every form in which it comes, and a bad line costs that line only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks import tried
from watcher import inventory
from watcher.errors import ParseError
from watcher.inventory import Inventory, build_of, parse
from watcher.records import Server

EX01 = Server("EX01", "15.2.1544.13", "Exchange Server 2019 CU14")
PLAIN = "server,product,build\nEX01,Exchange Server 2019 CU14,15.2.1544.13\n"
SHELL = (
    '#TYPE Selected.Server\r\n"Name","AdminDisplayVersion"\r\n"EX01","Version '
    '15.2 (Build 1544.13)"\r\n'
)


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        f"sep=,\n\n{PLAIN}".encode(),
        (
            b"Product,Build,Server\nMicrosoft Exchange Server 2019 Cumulative "
            b"Update 14, 15.02.1544.013 ,EX01\n"
        ),
    ],
)
def test_one_server_is_read_in_every_form(body: bytes) -> None:
    assert parse(body) == Inventory((EX01,))


@pytest.mark.parametrize(
    "body",
    [
        SHELL.encode(),
        SHELL.encode("utf-16"),
        SHELL.replace("#TYPE Selected.Server\r\n", "").encode(),
    ],
)
def test_what_the_exchange_shell_exports_is_read(body: bytes) -> None:
    assert parse(body) == Inventory((Server("EX01", "15.2.1544.13"),))


@pytest.mark.parametrize(
    ("cell", "owners"),
    [
        ("mail-team", ("mail-team",)),
        (
            '"anna@example.org; mail-team ;anna@example.org"',
            ("anna@example.org", "mail-team"),
        ),
        ("Mail Team|web", ("Mail Team", "web")),
        ("", ()),
    ],
)
def test_a_server_may_have_owners(cell: str, owners: tuple[str, ...]) -> None:
    assert parse(
        f"server,build,Owner\nEX01,15.2.1544.13,{cell}\n".encode()
    ).servers == (Server("EX01", "15.2.1544.13", "", owners),)


def test_other_columns_are_left_alone_and_a_product_may_be_missing() -> None:
    assert parse(
        b"Site,Name,Edition,Version,Product\nX,EX01,Enterprise,15.2.1544.13\n"
    ).servers == (Server("EX01", "15.2.1544.13"),)


def test_a_bad_line_is_named_and_the_others_count() -> None:
    read = parse(
        b"server,build\nEX01,15.2.1544.13\nEX02,unknown\n,15.2.1544.14\n\n"
        b"ex01,15.2.1544.14\nEX03\nEX04,15.2.1258.38\n"
    )

    assert [server.name for server in read.servers] == ["EX01", "EX04"]
    assert read.complaints == (
        'line 3: "unknown" of EX02 is no build; write it as 15.2.1544.13',
        "line 4: it names no server",
        'line 6: "ex01" stands there twice; the first line counts',
        'line 7: "" of EX03 is no build; write it as 15.2.1544.13',
    )


def test_lines_above_the_head_are_counted() -> None:
    assert (
        parse(b"#TYPE x\n\nserver,build\nEX01,?\n").complaints[0].startswith("line 4: ")
    )


def test_letters_of_windows_are_read() -> None:
    assert (
        parse("server,build\nMÜNCHEN,15.2.1544.13\n".encode("cp1252")).servers[0].name
        == "MÜNCHEN"
    )


def test_a_field_that_is_too_long_costs_its_line() -> None:
    read = parse(b"server,build\nEX01," + b"1" * 200_000 + b"\nEX02,15.2.1544.13\n")

    assert [server.name for server in read.servers] == ["EX02"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "it is empty"),
        (b"EX01,15.2.1544.13\n", 'its first line is "EX01,15.2.1544.13"'),
    ],
)
def test_a_file_without_a_head_is_refused_with_a_remedy(
    body: bytes, found: str
) -> None:
    with pytest.raises(
        ParseError, match="no column of servers and one of builds"
    ) as refused:
        parse(body)

    assert found in refused.value.cause
    assert "server,product,build" in refused.value.remedy


@pytest.mark.parametrize(
    ("written", "build"),
    [
        ("Version 15.2 (Build 1544.13)", "15.2.1544.13"),
        ("Version 14.3 (Build 123.4)", "14.3.123.4"),
        ("15.02.1544.013", "15.2.1544.13"),
        ("15.2", ""),
    ],
)
def test_a_build_is_read_in_every_form(written: str, build: str) -> None:
    assert build_of(written) == build


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(
        lambda text: f"server,build\n{text}".encode("utf-8", "surrogatepass")
    )
)
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    try:
        read = parse(body)
    except ParseError:
        return
    assert all(server.name and server.build for server in read.servers)


# --- what asks the program itself -------------------------------------------------------

SCRIPTED = (
    '"Server","AdminDisplayVersion","ExSetup"\n'
    '"EX01","Version 15.2 (Build 1544.4)","15.02.1544.013"\n'
    '"EX02","Version 15.2 (Build 1544.4)",""\n'
)
CHECKED = """<?xml version="1.0"?>
<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">
 <Obj RefId="0"><Props>
  <S N="ServerName">EX01</S>
  <Obj N="OSInformation"><Props><S N="FileVersion">10.0.1</S></Props></Obj>
  <Obj N="ExchangeInformation"><Props><Obj N="BuildInformation"><Props>
   <Obj N="ExchangeSetup"><Props><S N="FileVersion">15.02.1544.013</S></Props></Obj>
  </Props></Obj></Props></Obj>
 </Props></Obj>
</Objs>
"""


def test_what_exsetup_says_goes_before_what_active_directory_says() -> None:
    assert parse(SCRIPTED.encode("utf-8-sig")).servers == (
        Server("EX01", "15.2.1544.13", exact=True),
        Server("EX02", "15.2.1544.4"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_health_checker_keeps_is_an_inventory(encoding: str) -> None:
    assert parse(CHECKED.encode(encoding)).servers == (
        Server("EX01", "15.2.1544.13", exact=True),
    )


def test_health_checkers_own_form_of_a_version_is_read() -> None:
    newer = CHECKED.replace(
        '<S N="FileVersion">15.02.1544.013</S>', '<I32 N="FileMajorPart">15</I32>'
    ).replace(
        '<Obj N="ExchangeSetup">',
        '<Version N="BuildVersion">15.2.1544.14</Version><Obj N="ExchangeSetup">',
    )
    newer = newer.replace('<S N="FileVersion">10.0.1</S>', "")

    assert parse(newer.encode()).servers == (
        Server("EX01", "15.2.1544.14", exact=True),
    )


def test_where_exsetup_could_not_be_asked_its_version_is_active_directorys() -> None:
    # Get-ExchangeInformation.ps1 then puts AdminDisplayVersion in ExSetup's place
    failed = CHECKED.replace(
        '<S N="FileVersion">15.02.1544.013</S>',
        '<S N="FileVersion">15.2.1544.4</S><B N="FailedGetExSetup">true</B>',
    )

    assert parse(failed.encode()).servers == (Server("EX01", "15.2.1544.4"),)


REPORTED = """{
    "VersionReport":  "25.11.04.1853",
    "ReportDate":  "11/27/2024 12:00:00 PM",
    "Organization":  "CN=Example,DC=example,DC=org",
    "Servers":  [
                    {
                        "Name":  "EX01.example.org",
                        "BuildVersion":  "15.2.1544.13",
                        "HasVulnerability":  true,
                        "Vulnerabilities":  ["CVE-2024-49040"],
                        "Online":  true
                    },
                    {
                        "Name":  "EX02",
                        "BuildVersion":  "15.2.1544.4",
                        "HasVulnerability":  "Unknown",
                        "Vulnerabilities":  [],
                        "Online":  false
                    },
                    {"Name":  "EX03", "BuildVersion":  "", "Online":  true},
                    "EX04"
                ]
}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_health_checkers_vulnerability_report_is_an_inventory(encoding: str) -> None:
    read = parse(REPORTED.encode(encoding))

    assert read.servers == (
        Server("EX01.example.org", "15.2.1544.13", exact=True),
        # It was not reached: that is what Active Directory says
        Server("EX02", "15.2.1544.4"),
    )
    assert read.complaints == (
        'server 3: "" of EX03 is no build; write it as 15.2.1544.13',
        "server 4: it names no server",
    )


# As Get-HtmlServerReport.ps1 writes it, with its rows that begin where others should end
PAGE = """<html>
        <style>TABLE{border: 1px solid black;}</style>
        <body>
        <h1 align="center">Exchange Health Checker v25.11.04.1853</h1><br>
        <h2>Servers Overview</h2> <p>
        <table>
        <tr> <th>Server Name</th> <th>Generation Time</th> <th>Exchange Version</th> </tr> <tr>
 <td class="">EX01.example.org</td> <td class="">11/27/2024 12:00:00</td>
 <td class="">Exchange 2019 CU14</td> </tr> </table></p>
 <p><h2>Server Details</h2><table>
 <tr><th>Server Name</th><th>EX01.example.org</th><tr>
 <tr><td class="">Exchange Version</td><td class="">Exchange 2019 CU14</td><tr>
 <tr><td class="">Build Number</td><td class="">15.02.1544.013</td><tr>
 <tr><td class="Red">Out of date</td><td class="Red">True</td><tr>
 <tr><th>Server Name</th><th>EX02.example.org</th><tr>
 <tr><td class="">Build Number</td><td class="">15.01.2507.043</td><tr>
 </table></p></body></html>
"""


def test_health_checkers_html_report_is_an_inventory() -> None:
    assert parse(PAGE.encode("utf-8-sig")).servers == (
        Server("EX01.example.org", "15.2.1544.13"),
        Server("EX02.example.org", "15.1.2507.43"),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html><p>Sign in</p></html>",
        b"<!DOCTYPE html><title>Sign in</title>",
        b"<html>",
        b"<Objs",
        b"<a>&x;</a>",
        b"{}",
        b'{"Servers": 1}',
        b'{"Servers": [',
        b"[" * 100_000,
        b"{" * 100_000,
        b'{"Servers":' + b"[" * 100_000,
    ],
)
def test_other_xml_html_and_json_is_no_inventory(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


@tried("limits")
@pytest.mark.parametrize(
    "body",
    [
        b"server,product,build\n" + b"EX01,,15.2.1544.13\n" * (inventory.MOST + 2),
        b"server,product,build\n" + b"EX01\n" * (inventory.MOST + 2),
        b"server,product,build\n"
        + b"".join(b"EX%d,,15.2.1\n" % number for number in range(inventory.MOST + 2)),
        b"server,product,build\n" + b" " * inventory.LARGEST,
        b"<Objs>" + b" " * inventory.LARGEST,
    ],
    ids=["one server", "no build", "servers", "bytes", "XML"],
)
def test_what_is_larger_than_any_inventory_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(ParseError, match="larger than an inventory is"):
        parse(body)


def test_a_large_companys_inventory_is_read() -> None:
    lines = "".join(f"EX{number},,15.2.1544.13\n" for number in range(20_000))
    found = parse(f"server,product,build\n{lines}".encode())
    assert len(found.servers) == 20_000
    assert not found.complaints
