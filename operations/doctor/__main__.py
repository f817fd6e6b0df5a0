"""`python -m operations.doctor` writes each `policy.json`, after a check has changed."""

from operations.doctor.checks import policies
from operations.doctor.policy import write

if __name__ == "__main__":
    for path, reads in policies().items():
        write(path, reads)
