"""`python -m operations.doctor` writes each policy of a command, after what it calls has changed."""

from operations import smoke
from operations.canary import POLICY, canary_policy
from operations.doctor.checks import policies
from operations.doctor.policy import policy, write

if __name__ == "__main__":
    for path, reads in policies().items():
        write(path, policy(reads))
    write(smoke.POLICY, policy([*smoke.CALLS, *smoke.CALLS_OF_USER]))
    write(POLICY, canary_policy())
