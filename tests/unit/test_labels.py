"""A label says which update a name, a title or a sentence speaks of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.records import Label

EXCHANGE = "Exchange Server"
NEAR = datetime(2024, 11, 27, tzinfo=UTC)


def su(month: str, product: str = "", version: int = 1) -> Label:
    return Label(EXCHANGE, product, "SU", month, version)


def hu(month: str, product: str = "") -> Label:
    return Label(EXCHANGE, product, "HU", month)


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (
            "\N{NO-BREAK SPACE}Exchange Server 2019 CU14 Nov24SU",
            su("2024-11", "Exchange Server 2019 CU14"),
        ),
        (
            "Exchange Server 2019 CU14 Nov24SUv2",
            su("2024-11", "Exchange Server 2019 CU14", 2),
        ),
        (
            "Exchange Server 2019 CU15 Dec2026SU",
            su("2026-12", "Exchange Server 2019 CU15"),
        ),
        (
            "Exchange Server 2019 CU15 Dec-26 SU",
            su("2026-12", "Exchange Server 2019 CU15"),
        ),
        (
            "Exchange Server 2019 CU15 Dec26OOB",
            replace(su("2026-12", "Exchange Server 2019 CU15"), type="OOB"),
        ),
        (
            "Exchange Server 2019 CU14 Nov24SU v2",
            su("2024-11", "Exchange Server 2019 CU14", 2),
        ),
        ("Exchange Server 2019 RTM Mar21SU", su("2021-03", "Exchange Server 2019")),
        ("Exchange Server SE RTM Sept26SU", su("2026-09", "Exchange Server SE")),
        (
            "Exchange Server 2016 CU23 Apr24HU",
            hu("2024-04", "Exchange Server 2016 CU23"),
        ),
        ("Nov24SUv3", su("2024-11", version=3)),
        (
            "Exchange Server 2019 CU14 (2024H1)",
            Label(EXCHANGE, "Exchange Server 2019 CU14", "CU"),
        ),
        (
            "Exchange Server 2013 CU2-v2",
            Label(EXCHANGE, "Exchange Server 2013 CU2", "CU", version=2),
        ),
        (
            "Update Rollup 8 v2 for Exchange Server 2010 SP3",
            Label(EXCHANGE, "Exchange Server 2010 SP3 RU8", "RU", version=2),
        ),
        (
            "Update Rollup 8-v3 for Exchange Server 2007 SP3",
            Label(EXCHANGE, "Exchange Server 2007 SP3 RU8", "RU", version=3),
        ),
        (
            "Exchange Server 2010 SP3 RU8-v2",
            Label(EXCHANGE, "Exchange Server 2010 SP3 RU8", "RU", version=2),
        ),
        (
            "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
            Label(EXCHANGE, "Exchange Server 2010 SP3 RU8", "RU", pulled=True),
        ),
        (
            "Exchange Server 2019 CU14 Nov24SU (withdrawn November 14)",
            Label(EXCHANGE, "Exchange Server 2019 CU14", "SU", "2024-11", pulled=True),
        ),
        ("Exchange Server 2010 SP3", Label(EXCHANGE, "Exchange Server 2010 SP3", "SP")),
        (
            "Exchange Server 2003 post-SP2",
            Label(EXCHANGE, "Exchange Server 2003 post-SP2", "SP"),
        ),
        (
            "Exchange Server version 5.5 SP4",
            Label(EXCHANGE, "Exchange Server 5.5 SP4", "SP"),
        ),
        ("Exchange Server 2013 RTM", Label(EXCHANGE, "Exchange Server 2013", "RTM")),
        ("Exchange Server SE RTM", Label(EXCHANGE, "Exchange Server SE", "RTM")),
        (
            "Exchange Server 2019 Preview",
            Label(EXCHANGE, "Exchange Server 2019 Preview", "Preview"),
        ),
    ],
)
def test_a_rows_name_is_a_label(row: str, label: Label) -> None:
    assert normalize.label(row) == label


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Released: November 2024 Exchange Server Security Updates", su("2024-11")),
        (
            "Re-release of November 2024 Exchange Server Security Update packages",
            su("2024-11", version=2),
        ),
        (
            "Released: September 2026 V2 Exchange Server Security Updates",
            su("2026-09", version=2),
        ),
        ("Released: April 2025 Exchange Server Hotfix Updates", hu("2025-04")),
        (
            "Released: May 2026 Hotfix Update for Exchange SE",
            hu("2026-05", "Exchange Server SE"),
        ),
        (
            "Released: 2025 H1 Cumulative Update for Exchange Server",
            Label(EXCHANGE, "", "CU"),
        ),
        (
            "Released: June 2021 Quarterly Exchange Updates",
            Label(EXCHANGE, "", "CU", "2021-06"),
        ),
        (
            "September 2021 Cumulative Updates for Exchange Server",
            Label(EXCHANGE, "", "CU", "2021-09"),
        ),
        (
            "June 2021 Cumulative Update 10 for Exchange Server 2019 CU10",
            Label(EXCHANGE, "Exchange Server 2019 CU10", "CU"),
        ),
        ("CU 14 for Exchange 2019", Label(EXCHANGE, "Exchange Server 2019 CU14", "CU")),
        (
            "November Exchange Security Update for Exchange 2016 & Exchange 2019 V2",
            su("2024-11", version=2),
        ),
        (
            "December Exchange Security Update for Exchange 2016",
            su("2023-12", "Exchange Server 2016"),
        ),
        (
            "March 2022 Security Update For Exchange Server 2013, 2016, 2019",
            su("2022-03"),
        ),
        (
            (
                "Description of the security update for Microsoft Exchange "
                "Server 2019: November 12, 2024 (KB5044062)"
            ),
            su("2024-11", "Exchange Server 2019"),
        ),
        ("Exchange Server security updates 2024-11", su("2024-11")),
        (
            (
                "Hybrid OWA Redirect is broken after application of November SU "
                "for Exchange 2013/2016 and 2019."
            ),
            su("2024-11"),
        ),
        (
            (
                "Following are the known issues with July 2021 security "
                "updates/cumulative updates for Exchange On-Premises servers"
            ),
            su("2021-07"),
        ),
        (
            "August 2025 Security Updates for SharePoint Server 2019",
            Label("SharePoint", "", "SU", "2025-08"),
        ),
    ],
)
def test_a_title_speaks_of_an_update(title: str, label: Label) -> None:
    assert normalize.label(title, NEAR) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Exchange Server 2003",
        "Exchange Server",
        "August 2024 update for Windows",
        "Windows 10 version 22H2",
        "Addressing Exchange Server May 2026 vulnerability CVE-2026-42897",
        "Security Update For Exchange Server 2019 CU14 SU4",
        "PrepareAD with Exchange 2016 CU21/Exchange 2019 CU10 error",
        "Exchange Server 2010 SP3 reaches its end of support",
        "We met in May 2026. Security Updates for Exchange Server are a good thing",
        "November 2024 Security Updates",
        "RU8-v2",
        "SQL Server 2019 CU14",
    ],
)
def test_other_texts_speak_of_none(text: str) -> None:
    assert normalize.label(text, NEAR) is None


def test_a_month_without_its_year_needs_a_date_to_be_near_to() -> None:
    assert normalize.label("November Security Update for Exchange 2019") is None


def test_a_source_of_one_subject_lends_its_family() -> None:
    text = "OWA stops working after installing July Security update"
    assert normalize.label(text, NEAR) is None
    assert normalize.label(text, NEAR, assumed=EXCHANGE) == su("2024-07")
    assert normalize.label("a text without any update", NEAR, assumed=EXCHANGE) is None


@given(st.text(), st.sampled_from([None, NEAR]))
def test_any_text_has_a_label_or_none(text: str, near: datetime | None) -> None:
    found = normalize.label(text, near)
    assert found is None or found.family


@pytest.mark.parametrize(
    ("title", "label"),
    [
        (
            "Veröffentlicht: Sicherheitsupdates für Exchange Server (November 2024)",
            su("2024-11"),
        ),
        (
            "Erneute Veröffentlichung der Exchange Server-Sicherheitsupdates (Mai 2024)",
            su("2024-05", version=2),
        ),
        (
            "Veröffentlicht: Exchange Server-Sicherheitsupdates vom Dezember 2024 V2",
            su("2024-12", version=2),
        ),
        (
            "Veröffentlicht: Hotfixupdates für Exchange Server (April 2025)",
            hu("2025-04"),
        ),
        (
            "Publication : mises à jour de sécurité Exchange Server de février 2024",
            su("2024-02"),
        ),
        (
            "Actualizaciones de seguridad de Exchange Server de noviembre de 2024",
            su("2024-11"),
        ),
        (
            "Gli aggiornamenti della sicurezza di Exchange Server di luglio 2024",
            su("2024-07"),
        ),
        ("Beveiligingsupdates voor Exchange Server van maart 2024", su("2024-03")),
        (
            "Atualizações de segurança do Exchange Server de outubro de 2024",
            su("2024-10"),
        ),
        (
            "Aktualizacje zabezpieczeń programu Exchange Server z sierpnia 2024",
            su("2024-08"),
        ),
        ("Aktualizace zabezpečení Exchange Server, červenec 2024", su("2024-07")),
        (
            "リリース: 2024 年 11 月の Exchange Server セキュリティ更新プログラム",
            su("2024-11"),
        ),
    ],
)
def test_titles_of_other_languages_name_months_and_updates(
    title: str, label: Label
) -> None:
    assert normalize.label(title) == label


@pytest.mark.parametrize(
    "title",
    [
        "Sicherheitsupdates für Exchange Server installieren",
        "Wie wir Aktualisierungen von Exchange Server testen, März 2024",
        "Der Exchange Server und der März 2024",
    ],
)
def test_titles_of_other_languages_without_month_or_update_name_none(
    title: str,
) -> None:
    assert normalize.label(title) is None
