"""For each planted race the shortest course that found it.

They are what `shrink` made of the seeds in `FOUND_BY`. Decisions have names, so a course outlives most
changes of the simulation; one that does not is made anew, from a seed that finds the race.
"""

from tests.simulation.course import Course, Step

FOUND_BY = {
    "reads before it claims": 1,
    "frees the slot before it stops": 463,
    "same token for the same key": 20,
    "stops what is still being started": 11,
    "never stops after a failed start": 384,
    "new token for the second attempt": 49,
    "counts the first contact alone": 1,
    "gives events up at once": 829,
    "no grace for transfers": 2671,
    "verifies an ended call": 62,
    "stores an answer after the end": 910,
    "abandons what was answered": 5,
    "binds a second contact": 0,
    "stores events over others": 8,
}
"""The first seed that does."""

BREAKS = {
    "reads before it claims": "A call took the place of one that goes on",
    "frees the slot before it stops": "contact-# goes on although its hang-up was answered",
    "same token for the same key": "The record of user-# holds on to contact-#, which has ended",
    "stops what is still being started": (
        "contact-# was cut (contact-# INITIATED ##) while it was being started"
    ),
    "never stops after a failed start": "contact-# rings on although nobody can join it",
    "new token for the second attempt": "The digits ## were typed twice into contact-#",
    "counts the first contact alone": "The record has the call ended that goes on as contact-#",
    "gives events up at once": "The record of user-# holds on to contact-#, which has ended",
    "no grace for transfers": "user-# calls a second time while contact-# is transferred",
    "verifies an ended call": "contact-# was verified as user-#",
    "stores an answer after the end": "A start was answered that had ended",
    "abandons what was answered": "start_call ended a call that had been answered",
    "binds a second contact": "ContactId changed",
    "stores events over others": "The end of a contact was forgotten",
}
"""What the course of each then breaks, as `Finding.kind` has it."""

COURSES = {
    "reads before it claims": Course(
        [Step("tap-0", 0, "tap", user=0, device=1, key="key-0")],
        {"tap-0 is sent twice": 2},
    ),
    "frees the slot before it stops": Course(
        [Step("tap with another body-3", 163000, "tap with another body", user=0, device=1, key="key-3")],
        {
            "contact-1 is CONNECTED_TO_AGENT provokes": 6,
            "hang up as contact-1 is CONNECTED_TO_AGENT-91.3 fault": 20,
        },
    ),
    "same token for the same key": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=0, key="key-0"),
            Step("tap again-1", 130000, "tap again", user=0, device=0, key="key-1"),
        ],
        {},
    ),
    "stops what is still being started": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=0, key="key-0"),
            Step("tap again-1", 3, "tap again", user=0, device=0, key="key-1"),
        ],
        {
            "tap-0.1 request": 2,
            "tap again-1.3 fault": 8,
            "tap again-1.3 answer": 5,
            "tap again-1.3 backoff": 1,
            "tap again-1.4 fault": 9,
            "tap again-1.5 request": 5,
            "contact-2 enters its flow at once": 1,
            "tap-0, attempt 3.4 request": 5,
        },
    ),
    "never stops after a failed start": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=0, key="key-0"),
            Step("tap-2", 90000, "tap", user=0, device=0, key="key-2"),
        ],
        {
            "tap-0.4 fault": 1,
            "tap-0, attempt 3 is given up": 1,
            "contact-2 is left": 1,
            "contact-2 enters its flow at once": 1,
            "tap-2.7 fault": 1,
            "tap-2, attempt 3 is given up": 1,
        },
    ),
    "new token for the second attempt": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=1, key="key-0"),
            Step("send digits-3", 54000, "send digits", user=0, device=1, key="key-3"),
        ],
        {
            "tap-0.1 request": 5,
            "flow of contact-1.1 request": 5,
            "contact-1 queues": 3,
            "send digits-3 is not heard": 1,
        },
    ),
    "counts the first contact alone": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=1, key="key-0"),
            Step("come back-1", 20000, "come back", user=0, device=1, key="key-1"),
        ],
        {"contact-1 is QUEUED provokes": 6, "contact-2 ends by": 1},
    ),
    "gives events up at once": Course(
        [Step("tap-3", 72000, "tap", user=0, device=1, key="key-3")],
        {"tap-3.4 fault": 14, "tap-3.5 fault": 14},
    ),
    "no grace for transfers": Course(
        [
            Step("tap with another body-2", 130012, "tap with another body", user=0, device=1, key="key-2"),
            Step("tap-6", 390027, "tap", user=0, device=1, key="key-6"),
        ],
        {
            "contact-2 ends by": 1,
            "contact-3 is INITIATED provokes": 3,
            "contact-3 INITIATED #1.3 request": 5,
            "contact-3 CONNECTED_TO_AGENT #1.1 request": 4,
        },
    ),
    "verifies an ended call": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=0, key="key-0"),
            Step("forge-1", 27000, "forge", user=0, device=0, key="key-1"),
        ],
        {
            "tap-0.1 fault": 3,
            "tap-0, attempt 2.2 fault": 8,
            "tap-0, attempt 2.4 fault": 8,
            "tap-0, attempt 2.5 fault": 4,
        },
    ),
    "stores an answer after the end": Course(
        [Step("tap-0", 0, "tap", user=0, device=1, key="key-0")],
        {"tap-0.4 fault": 5, "tap-0.5 fault": 5},
    ),
    "abandons what was answered": Course(
        [Step("tap-0", 0, "tap", user=0, device=0, key="key-0")],
        {"tap-0.4 fault": 5, "tap-0.4 backoff": 1, "tap-0.5 fault": 5},
    ),
    "binds a second contact": Course(
        [
            Step("tap-0", 0, "tap", user=0, device=1, key="key-0"),
            Step("forge-5", 980, "forge", user=0, device=0, key="key-5"),
        ],
        {},
    ),
    "stores events over others": Course(
        [Step("come back-3", 45024, "come back", user=0, device=0, key="key-3")],
        {"contact-1 ends by": 1, "contact-2 INITIATED #1.2 request": 4, "contact-1 COMPLETED #1.2 answer": 6},
    ),
}
