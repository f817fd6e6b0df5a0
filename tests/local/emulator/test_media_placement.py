import socket
from urllib.parse import urlsplit

import pytest

from local.emulator.connect.connect import Connect
from local.emulator.connect.media_placement import MediaPlane
from tests.local.emulator.connect_instance import Instance


def test_media_leads_to_this_machine_and_nobody_else_gets_its_port() -> None:
    media, another = MediaPlane.reserve(), MediaPlane.reserve()
    assert media.reserved
    assert another.reserved
    placement = media.placement("a-meeting")
    assert placement.pop("AudioHostUrl") == f"127.0.0.1:{media.port}"
    assert {urlsplit(url).netloc for url in placement.values()} == {f"127.0.0.1:{media.port}"}
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", media.port))
    # Nothing answers yet: a client is refused at once, and does not wait.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", media.port), timeout=5)
    assert media.port != another.port
    media.reserved.close()
    another.reserved.close()


def test_what_connect_answers_names_no_host_of_aws(instance: Instance, connect: Connect) -> None:
    answer = instance.queued()
    given = answer["ConnectionData"]["Meeting"]["MediaPlacement"]
    assert given == MediaPlane(4571).placement(answer["ConnectionData"]["Meeting"]["MeetingId"])
    assert "amazonaws" not in str(answer)
    assert ".aws" not in str(answer)
    assert connect.contacts()
