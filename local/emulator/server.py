"""The emulator's process: MiniStack, extended. Started by `local.launcher`, with `.venv-local`'s Python.

Settings come from the environment, as MiniStack's do: GATEWAY_PORT, MINISTACK_ACCOUNT_ID, MINISTACK_REGION,
LOCAL_FUNCTIONS_PYTHON and LOCAL_FUNCTIONS_NODE (what functions run with), LOCAL_EXISTING (what the account
has from the beginning: `local.emulator.existing`, as JSON), LOCAL_STAND_IN (which issuer stands for which:
`local.issuer.stand_in`, as JSON), LOCAL_ACCESS (the folder of `local.access`), LOCAL_MEDIA_PORT (of the
media plane, where one runs), TMPDIR, AUTH=true, BIND_HOST.
"""

import os
import sys

import hypercorn.config
from ministack import app

from local import optional_rooms
from local.emulator import existing
from local.emulator.admission import Admission
from local.emulator.emulator import Emulator, Settings
from local.emulator.guard import guarded
from local.emulator.iam.access_keys import find_secret
from local.emulator.services import SERVICES


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    # MiniStack verifies presigned URLs of S3 with it. In this process alone: functions see nothing of it.
    os.environ["AWS_SECRET_ACCESS_KEY"] = settings.access.secret_access_key
    emulator = Emulator(settings)
    for service in SERVICES:
        service.install(emulator)
    for room in optional_rooms.in_emulator():
        room.install(emulator)
    emulator.records.take_missing_types()
    existing.make(settings.existing, emulator.connect, account=emulator.account, region=emulator.region)
    admission = Admission(
        control_token=settings.access.control_token,
        find_secret=lambda key_id, token: find_secret(settings.access, key_id, token),
    )
    app.app = guarded(app.app, admission, emulator.control)
    hypercorn.config.Config.backlog = 1024  # connections that wait: bursts of some hundred requests
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main()
