"""What the local media plane and an agent's desk request: `/_local/media`.

GET  /_local/media                                                what is to be heard in each
POST /_local/media/places     {"ContactId": …}                    what the agent who takes it joins with
POST /_local/media/admission  {"JoinToken": …}                    whose place that is
POST /_local/media/presence   {"JoinToken": …, "Presence": …}     they have Joined, Left or Gone
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local.emulator.connect.contact import ContactStateError
from local.emulator.connect.presence import CallOver, Meetings, Presence
from local.emulator.control import Control, ControlError, no_such

_NAME = "media"


def serve(meetings: Meetings, control: Control) -> None:
    """Add the list and the routes."""

    def route(parts: list[str], document: Mapping[str, Any]) -> Any:
        try:
            match parts[1:], document:
                case ["places"], {"ContactId": str(contact_id)}:
                    return meetings.offer(contact_id)
                case ["admission"], {"JoinToken": str(token)}:
                    return meetings.admit(token)
                case ["presence"], {"JoinToken": str(token), "Presence": str(presence)}:
                    return meetings.report(token, Presence(presence))
        except KeyError:
            raise ControlError(HTTPStatus.NOT_FOUND, "there is no such place, or no longer") from None
        except CallOver:
            raise ControlError(HTTPStatus.GONE, "the call has ended") from None
        except ContactStateError as error:
            raise ControlError(HTTPStatus.CONFLICT, str(error)) from None
        except ValueError:
            message = f"Presence is one of {', '.join(Presence)}"
            raise ControlError(HTTPStatus.BAD_REQUEST, message) from None
        raise no_such("POST", parts)

    control.add_list(_NAME, meetings.shown)
    control.add_route(_NAME, route)
