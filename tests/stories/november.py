"""November 2024, the case that many stories begin with: Exchange Server's update, its record's
revisions and its rows.
"""

from __future__ import annotations

from tests.stories.pages import month

SU = "exchange-server-2024-11-su"
PUBLISHED = ("1.0", "2024-11-12", "Information published.")
PAUSED = ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update.")
BACK = (
    "3.0",
    "2024-11-27",
    (
        "A new security update, identified by KB5049233, has been re-released to "
        "address the known issue."
    ),
)
OCTOBER = month("2024-Oct", linux=3)
OLD_ROW = (
    "Exchange Server 2019 CU14 Apr24HU",
    "April 23, 2024",
    "15.2.1544.11",
    "KB5037224",
)
# As it was, in bytes that were not read before
RESPACED_ROW = ("Exchange Server  2019 CU14 Apr24HU", *OLD_ROW[1:])
V1_ROW = (
    "Exchange Server 2019 CU14 Nov24SU",
    "November 12, 2024",
    "15.2.1544.13",
    "KB5044062",
)
V2_ROW = (
    "Exchange Server 2019 CU14 Nov24SUv2",
    "November 27, 2024",
    "15.2.1544.14",
    "KB5049233",
)
