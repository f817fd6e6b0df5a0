"""What an answer of the API must look like."""

from typing import Any

import requests

# Words that reveal what the backend is made of.
REVEALING = ("amazonaws", "arn:", "boto", "traceback", "exception", "dynamodb", "lambda", "iam")


def assert_problem(response: requests.Response, status: int, slug: str) -> dict[str, Any]:
    """Holds `response` to RFC 9457 with this status and type; returns the problem."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:in-app-calling:problem:{slug}"
    assert problem["status"] == status
    for member in ("title", "detail", "requestId"):
        assert isinstance(problem[member], str)
        assert problem[member], member
    text = response.text.replace(problem["requestId"], "").lower()  # which is random
    for word in REVEALING:
        assert word not in text, f"{word!r} in {response.text}"
    return problem


def assert_call(response: requests.Response, status: int = 201) -> dict[str, Any]:
    """Holds `response` to be a call that both the official sample and the Chime SDK can join; returns it."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    call: dict[str, Any] = response.json()
    meeting = call["ConnectionData"]["Meeting"]
    for url in ("AudioHostUrl", "AudioFallbackUrl", "SignalingUrl", "TurnControlUrl"):
        assert isinstance(meeting["MediaPlacement"][url], str)
    assert call["ConnectionData"]["MediaPlacement"] == meeting["MediaPlacement"]
    assert meeting["MeetingId"]
    assert meeting["MediaRegion"]
    assert meeting["MeetingFeatures"]["Audio"]["EchoReduction"] in {"AVAILABLE", "UNAVAILABLE"}
    assert call["ConnectionData"]["Attendee"]["AttendeeId"]
    assert call["ConnectionData"]["Attendee"]["JoinToken"]
    assert call["ContactId"]
    assert call["ParticipantId"]
    assert call["ParticipantToken"]
    return call
