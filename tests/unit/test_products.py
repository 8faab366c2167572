"""One product has one name, whoever writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.judgement import normalize
from watcher.judgement.normalize.products import own_versions_in
from watcher.records import Watch


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (
            "Microsoft Exchange Server 2019 Cumulative Update 14",
            "Exchange Server 2019 CU14",
        ),
        ("Exchange 2019 CU14", "Exchange Server 2019 CU14"),
        (
            "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}Exchange Server 2019 CU14 Nov24SUv2",
            "Exchange Server 2019 CU14",
        ),
        ("Exchange Server 2019 CU14 (2024H1)", "Exchange Server 2019 CU14"),
        ("CU 14 for Exchange 2019", "Exchange Server 2019 CU14"),
        (
            "Microsoft Exchange Server 2010 Service Pack 3 Update Rollup 31",
            "Exchange Server 2010 SP3 RU31",
        ),
        (
            "Update Rollup 8-v2 forExchange Server 2007 SP3",
            "Exchange Server 2007 SP3 RU8",
        ),
        ("Update Rollup 6 Exchange Server 2010 SP2", "Exchange Server 2010 SP2 RU6"),
        (
            "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
            "Exchange Server 2010 SP3 RU8",
        ),
        ("Microsoft Exchange Server Subscription Edition RTM", "Exchange Server SE"),
        ("Exchange Server SE RTM Aug26SU", "Exchange Server SE"),
        ("Exchange SE CU1", "Exchange Server SE CU1"),
        ("Microsoft Exchange Server 2013 Service Pack 1", "Exchange Server 2013 SP1"),
        ("Microsoft Exchange Server 2019", "Exchange Server 2019"),
        ("Exchange Server 2019 Preview", "Exchange Server 2019 Preview"),
        ("Exchange 2000 Server SP3", "Exchange Server 2000 SP3"),
        ("Exchange Server version 5.5 SP4", "Exchange Server 5.5 SP4"),
        ("Exchange Server 2003 post-SP2", "Exchange Server 2003 post-SP2"),
        ("Exchange", "Exchange Server"),
        ("Microsoft Exchange Server", "Exchange Server"),
        ("Exchange Online", "Exchange Online"),
        (
            "Windows Server, version 1709  (Server Core Installation)",
            "Windows Server, version 1709 (Server Core installation)",
        ),
        ("Microsoft SharePoint Server 2019", "SharePoint Server 2019"),
        (
            "azl3 curl 8.5.0-1 on Azure Linux 3.0",
            "azl3 curl 8.5.0-1 on Azure Linux 3.0",
        ),
        ("", ""),
    ],
)
def test_a_product_has_one_name(written: str, name: str) -> None:
    assert normalize.product(written) == name


@pytest.mark.parametrize(
    ("product", "family"),
    [
        ("Exchange Server 2019 CU14", "Exchange Server"),
        ("Windows Server 2019", "Windows"),
        ("Windows Server, version 20H2 (Server Core installation)", "Windows"),
        ("Windows 11 Version 24H2 for x64-based Systems", "Windows"),
        ("Windows Defender on Windows 10 for 32-bit Systems", "Windows Defender"),
        ("SharePoint Server 2019", "SharePoint"),
        ("Excel 2016 (32-bit edition)", "Office"),
        ("Office LTSC for Mac 2021", "Office"),
        ("Edge (Chromium-based)", "Edge"),
        (".NET Framework 4.8 on Windows 10", ".NET Framework"),
        ("SQL Server 2019 for x64-based Systems (GDR)", "SQL Server"),
        ("Visual Studio Code - Kubernetes Tools", "Visual Studio Code"),
        ("Dynamics 365 (on-premises) version 9.0", "Dynamics 365"),
        ("azl3 curl 8.5.0-1 on Azure Linux 3.0", "Azure Linux"),
        ("qemu-img-4.2.0-27.cm1.x86_64.rpm on CBL Mariner 1.0 x64", "Azure Linux"),
        ("2 Fast", "2 Fast"),
        ("", ""),
    ],
)
def test_a_product_has_a_family(product: str, family: str) -> None:
    assert normalize.family(product) == family


@pytest.mark.parametrize(
    ("prose", "products"),
    [
        (
            "Exchange Server 2013, 2016, 2019",
            ("Exchange Server 2013", "Exchange Server 2016", "Exchange Server 2019"),
        ),
        ("for Exchange 2019,2016", ("Exchange Server 2019", "Exchange Server 2016")),
        (
            "for Exchange 2013/2016 and 2019.",
            ("Exchange Server 2013", "Exchange Server 2016", "Exchange Server 2019"),
        ),
        (
            "Exchange 2016 CU21/Exchange 2019 CU10",
            ("Exchange Server 2016 CU21", "Exchange Server 2019 CU10"),
        ),
        (
            "Exchange Server 2019 CU13 and CU14, 2016 CU23",
            (
                "Exchange Server 2019 CU13",
                "Exchange Server 2019 CU14",
                "Exchange Server 2016 CU23",
            ),
        ),
        (
            "Exchange Server Subscription Edition (SE) and Windows Server 2022",
            ("Exchange Server SE", "Windows Server 2022"),
        ),
        ("CU 14 for Exchange 2019", ("Exchange Server 2019 CU14",)),
        ("Exchange Server hotfixes of Exchange 2019", ("Exchange Server 2019",)),
        ("issues of Exchange On-Premises deployments", ("Exchange Server",)),
        ("a key exchange, and the Stack Exchange", ()),
        (
            "SharePoint Server 2019, .NET Framework 4.8 and SQL Server 2022",
            ("SharePoint Server 2019", ".NET Framework 4.8", "SQL Server 2022"),
        ),
    ],
)
def test_prose_names_products(prose: str, products: tuple[str, ...]) -> None:
    assert normalize.products_in(prose) == products


@pytest.mark.parametrize(
    ("patterns", "name", "concerned"),
    [
        (("Exchange Server*",), "Exchange Server 2019 CU14", True),
        (("Exchange Server*",), "Exchange Server", True),
        (("exchange server 2019*",), "Exchange Server", True),
        (("Exchange Server 2019*",), "Exchange Server 2016", False),
        (("Exchange Server 2019*",), "Windows", False),
        (("Windows*",), "Exchange Server", False),
        (("*",), "Anything", True),
        (("Exchange Server 2019 CU14*",), "Exchange Server 2019", True),
        (("Windows Server 2022 Datacenter*",), "Windows Server 2022", True),
        (("SharePoint Server 2019*",), "SharePoint Server", True),
        # Another product
        (("Windows Server 2012 R2*",), "Windows Server 2012", False),
    ],
)
def test_a_product_of_no_edition_concerns_whoever_watches_one(
    patterns: tuple[str, ...], name: str, concerned: bool
) -> None:
    assert normalize.concerns(Watch(patterns), name) is concerned


def test_linux_packages_are_known_as_such() -> None:
    assert normalize.is_linux("cm1 vim 9.0.1189-1 on CBL Mariner 1.0")
    assert not normalize.is_linux("Windows Server 2019")


EXCHANGE = st.builds(
    "{} {}{}{}".format,
    st.sampled_from(
        [
            "Exchange",
            "Exchange Server",
            "Microsoft Exchange Server",
            "microsoft exchange server",
        ]
    ),
    st.sampled_from(
        ["2007", "2010", "2013", "2016", "2019", "SE", "Subscription Edition", "2031"]
    ),
    st.sampled_from(["", " SP1", " Service Pack 3", " RTM"]),
    st.sampled_from(
        [
            "",
            " CU1",
            " Cumulative Update 23",
            " RU8 v2",
            " Update Rollup 31",
            " CU14 Nov24SU",
        ]
    ),
)


@given(EXCHANGE)
def test_a_canonical_name_is_its_own(written: str) -> None:
    name = normalize.product(written)
    assert normalize.product(name) == name
    assert normalize.family(name) == "Exchange Server"
    assert Watch().wants(name)


@given(st.text())
def test_any_text_has_a_name_that_stays(text: str) -> None:
    assert (
        normalize.product(normalize.product(text)) == normalize.product(text)
        or "Microsoft" in text
    )
    normalize.products_in(text)


def test_only_what_stands_right_before_a_version_says_what_it_is_named_for() -> None:
    """A text of 8,000 versions was searched from its beginning at each of them."""
    near = "It replaces ESXi 8.0 Update 3"
    far = f"It replaces much {'that is old ' * 20}beside ESXi 8.0 Update 3"
    assert own_versions_in(near, ["ESXi"]) == ()
    assert own_versions_in(far, ["ESXi"]) == ("ESXi 8.0 Update 3",)
