"""CSAF providers: what their documents' histories tell, and what a regeneration only
seems to tell (FORMATS 2 and 9).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stories.pages import CU14, OUTAGE, Cve, Fix, month
from tests.stories.telling import Shown, World

SU = "exchange-server-2024-11-su"
PROVIDER = "https://msrc.microsoft.com/csaf/provider-metadata.json"
DIRECTORY = "https://msrc.microsoft.com/csaf/advisories"
PUBLISHED = ("1", "2024-11-12", "Information published.")
PAUSED = ("2", "2024-11-14", "We have temporarily paused the rollout of this update.")
BACK = ("3", "2024-11-27", "The update has been re-released as KB5049233.")


def advisory(
    *revisions: tuple[str, str, str],
    kb: str = "5044062",
    build: str = "15.02.1544.013",
    generated: str = "2024-11-12",
    version: str = "",
) -> bytes:
    """Write a document about CVE-2024-49040.

    ``generated`` is when, ``version`` what it calls itself.
    """
    title = "Microsoft Exchange Server Spoofing Vulnerability"
    history = [
        {"date": f"{day}T08:00:00.000Z", "number": number, "summary": text}
        for number, day, text in revisions
    ]
    tracking = {
        "id": "msrc_CVE-2024-49040",
        "status": "final",
        "version": version or revisions[-1][0],
        "generator": {
            "date": f"{generated}T16:44:34.885Z",
            "engine": {"name": "Generator"},
        },
        "initial_release_date": "2024-11-12T08:00:00.000Z",
        "current_release_date": f"{revisions[-1][1]}T08:00:00.000Z",
        "revision_history": history,
    }
    branches = [
        {
            "category": "product_version_range",
            "name": f"<{build}",
            "product": {"name": f"{CU14} <{build}", "product_id": "1"},
        },
        {
            "category": "product_version",
            "name": build,
            "product": {"name": f"{CU14} {build}", "product_id": "12293"},
        },
    ]
    link = f"https://support.microsoft.com/help/{kb}"
    fix = {
        "category": "vendor_fix",
        "details": f"{build}:Security Update:{link}",
        "product_ids": ["1"],
        "url": link,
    }
    status = {
        "category": "exploit_status",
        "details": "Publicly Disclosed:No;Exploited:No",
    }
    document: dict[str, Any] = {
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": title,
            "publisher": {
                "category": "vendor",
                "name": "Microsoft",
                "namespace": "https://msrc.microsoft.com",
            },
            "tracking": tracking,
        },
        "product_tree": {
            "branches": [
                {"category": "product_name", "name": CU14, "branches": branches}
            ]
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2024-49040",
                "title": title,
                "product_status": {"fixed": ["12293"], "known_affected": ["1"]},
                "remediations": [fix],
                "threats": [status],
            }
        ],
    }
    return json.dumps(document).encode()


def provider(changed: str, document: bytes | None = None) -> dict[str, Shown]:
    """The provider's pages: ``changed`` is when the list says that the document has changed."""
    metadata = {
        "canonical_url": PROVIDER,
        "metadata_version": "2.0",
        "distributions": [{"directory_url": DIRECTORY}],
    }
    pages: dict[str, Shown] = {PROVIDER: json.dumps(metadata).encode()}
    old = '"2024/msrc_cve-2024-40000.json","2024-10-08T08:00:00+00:00"\n'
    listed = (
        f'"2024/msrc_cve-2024-49040.json","{changed}T08:00:00+00:00"\n'
        if document is not None
        else ""
    )
    pages[f"{DIRECTORY}/changes.csv"] = (listed + old).encode()
    if document is not None:
        pages[f"{DIRECTORY}/2024/msrc_cve-2024-49040.json"] = document
    return pages


@pytest.fixture
def released(world: World) -> World:
    """The provider alone has told of November's update."""
    world.at("2024-11-08 06:00", pages=provider(""))
    assert world.at(
        "2024-11-12 18:00", pages=provider("2024-11-12", advisory(PUBLISHED))
    ) == [f"released {SU} KB5044062"]
    return world


def test_a_provider_alone_tells_the_three_turns(released: World) -> None:
    assert released.at(
        "2024-11-14 18:00", pages=provider("2024-11-14", advisory(PUBLISHED, PAUSED))
    ) == [f"pulled {SU} KB5044062"]
    back = advisory(PUBLISHED, PAUSED, BACK, kb="5049233", build="15.02.1544.014")
    assert released.at("2024-11-27 18:00", pages=provider("2024-11-27", back)) == [
        f"re-released {SU} v2 KB5049233"
    ]


def test_what_msrcs_records_have_told_the_provider_only_adds_to(world: World) -> None:
    fixes = (Fix(CU14, "5044062", "15.02.1544.013"),)
    first, second = (
        ("1.0", "2024-11-12", PUBLISHED[2]),
        ("2.0", "2024-11-14", PAUSED[2]),
    )
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1), pages=provider(""))
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", fixes, (first,))),
        pages=provider("2024-11-12", advisory(PUBLISHED)),
    )
    both = month("2024-Nov", Cve("CVE-2024-49040", fixes, (first, second)))

    assert world.at(
        "2024-11-14 18:00",
        both,
        pages=provider("2024-11-14", advisory(PUBLISHED, PAUSED)),
    ) == [f"pulled {SU} KB5044062"]
    assert {piece.source for piece in world.event("pulled").evidence} == {
        "msrc-cvrf",
        "msrc-csaf",
    }


def test_a_mass_regeneration_is_nothing(released: World) -> None:
    """The generator's date moves, versions are renumbered, dates go back."""
    renumbered = ("5", "2024-11-12", "Information published.")

    assert (
        released.at(
            "2024-11-20 18:00",
            pages=provider("2024-11-20", advisory(PUBLISHED, generated="2024-11-20")),
        )
        == []
    )
    assert (
        released.at(
            "2024-11-21 18:00",
            pages=provider(
                "2024-11-21",
                advisory(renumbered, generated="2024-11-21", version="1.0.0"),
            ),
        )
        == []
    )
    assert (released.failures, released.pulled) == ([], [])


def test_a_document_taken_off_the_list_is_no_pull(released: World) -> None:
    """21 advisories were deleted in 2023 and never came back."""
    pages = provider("")
    assert (
        released.at(
            "2024-11-20 18:00",
            pages={**pages, f"{DIRECTORY}/2024/msrc_cve-2024-49040.json": OUTAGE},
        )
        == []
    )
    assert released.at("2024-11-20 20:00") == []
    assert released.pulled == []


def test_a_document_that_is_none_is_its_own_failure(released: World) -> None:
    assert (
        released.at(
            "2024-11-20 18:00",
            pages=provider("2024-11-20", b'{"document": {"title": "x"}}'),
        )
        == []
    )
    assert len(released.failures) == 1
    assert "msrc_cve-2024-49040" in released.failures[0]
    assert (
        released.at(
            "2024-11-20 20:00", pages=provider("2024-11-21", advisory(PUBLISHED))
        )
        == []
    )
    assert released.failures == []


def test_an_informational_advisory_tells_by_its_words(world: World) -> None:
    document = {
        "document": {
            "category": "csaf_informational_advisory",
            "csaf_version": "2.0",
            "title": "Exchange Server update paused",
            "publisher": {
                "category": "vendor",
                "name": "Microsoft",
                "namespace": "https://msrc.microsoft.com",
            },
            "notes": [
                {
                    "category": "general",
                    "text": "We have paused the rollout of KB5044062 for Exchange Server"
                    " 2019 because mail flow may stop.",
                }
            ],
            "tracking": {
                "id": "msrc_CVE-2024-49040",
                "status": "final",
                "version": "1",
                "initial_release_date": "2024-11-14T08:00:00.000Z",
                "current_release_date": "2024-11-14T08:00:00.000Z",
                "revision_history": [
                    {
                        "date": "2024-11-14T08:00:00.000Z",
                        "number": "1",
                        "summary": "Information published.",
                    }
                ],
            },
        }
    }
    world.at("2024-11-08 06:00", pages=provider(""))
    pages = provider("2024-11-14", json.dumps(document).encode())
    assert world.at("2024-11-14 18:00", pages=pages) == [
        "pulled exchange-server-kb5044062 KB5044062"
    ]


def of_other_vendor(number: int) -> bytes:
    """An advisory of a vendor whose fixes name neither builds nor articles."""
    document = json.loads(advisory(PUBLISHED))
    tracking = document["document"]["tracking"]
    tracking["id"] = f"example-sa-gateway-{number}"
    product = {"name": "Example Gateway", "product_id": "1"}
    document["product_tree"] = {"full_product_names": [product]}
    (vulnerability,) = document["vulnerabilities"]
    vulnerability["cve"] = f"CVE-2024-6000{number}"
    vulnerability["product_status"] = {"known_affected": ["1"]}
    vulnerability["remediations"] = [
        {
            "category": "vendor_fix",
            "details": "Install the fixed release.",
            "url": "https://software.example.org/gateway",
            "product_ids": ["1"],
        }
    ]
    vulnerability.pop("scores", None)
    vulnerability.pop("threats", None)
    return json.dumps(document).encode()


def test_two_advisories_of_one_month_without_builds_are_two_updates(
    world: World,
) -> None:
    """Cisco's of June and July 2025 were one each month, named by the month."""
    world.watches("Example Gateway*")
    world.at("2024-11-08 06:00", pages=provider(""))
    names = [f"2024/example-sa-gateway-{number}.json" for number in (1, 2)]
    listed = "".join(f'"{name}","2024-11-12T08:00:00+00:00"\n' for name in names)
    pages = provider("") | {
        f"{DIRECTORY}/changes.csv": listed.encode(),
        f"{DIRECTORY}/{names[0]}": of_other_vendor(1),
        f"{DIRECTORY}/{names[1]}": of_other_vendor(2),
    }
    said = world.at("2024-11-12 18:00", pages=pages)
    assert [each for each in world.failures if "csaf" in each] == []
    assert said == [
        "released example-gateway-example-sa-gateway-1",
        "released example-gateway-example-sa-gateway-2",
    ]
    assert world.last.update.title == "Example Gateway EXAMPLE-SA-GATEWAY-2"
