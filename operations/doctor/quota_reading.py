"""Quotas of Amazon Connect, as Service Quotas has them for the account or the instance."""

from __future__ import annotations

from dataclasses import dataclass

from operations.doctor.check import Read
from operations.doctor.subject import Subject


@dataclass(frozen=True)
class Quota:
    """A quota by its code; one `of_instance` is read with the instance's ARN."""

    code: str
    name: str
    of_instance: bool = False

    @property
    def request(self) -> str:
        """How more is asked for."""
        return (
            f"request an increase: Service Quotas console, Amazon Connect, {self.name!r} ({self.code}). "
            "AWS may take days."
        )


# Codes: Amazon Connect administrator guide, "Amazon Connect service quotas".
START_RATE = Quota("L-5CFC10A5", "Rate of StartWebRTCContact API requests")
STOP_RATE = Quota("L-650BD10F", "Rate of StopContact API requests")
PARTICIPANT_RATE = Quota("L-8FE21897", "Rate of CreateParticipant API requests")
CONCURRENT_CALLS = Quota("L-12AB7C57", "Concurrent active calls per instance", of_instance=True)
FUNCTIONS = Quota("L-E3D2F503", "AWS Lambda functions per instance", of_instance=True)
FLOWS = Quota("L-22922690", "Contact flows per instance", of_instance=True)
NUMBERS = Quota("L-8F812903", "Phone numbers per instance", of_instance=True)

QUOTA_READS = (
    Read("servicequotas:GetServiceQuota"),
    Read("servicequotas:GetAWSDefaultServiceQuota"),
)


def read_quota(subject: Subject, quota: Quota) -> tuple[float, bool]:
    """The value, and whether it is the one applied: else it is what AWS gives at first."""
    client = subject.client("service-quotas")
    named = {"ServiceCode": "connect", "QuotaCode": quota.code}
    context = {"ContextId": str(subject.instance_arn)} if quota.of_instance else {}
    try:
        return float(client.get_service_quota(**named, **context)["Quota"]["Value"]), True
    except client.exceptions.NoSuchResourceException:
        return float(client.get_aws_default_service_quota(**named)["Quota"]["Value"]), False
