"""An Amazon Connect instance to try things in, for accounts that have none."""

from __future__ import annotations

from aws_cdk import aws_connect as connect
from constructs import Construct

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


class ConnectSandbox(Construct):
    """An instance that is always open, with queues of verified and unverified callers, and one for those whom
    these do not take; and one for calls that only test, where that is wanted.
    """

    def __init__(
        self, scope: Construct, id_: str, *, instance_alias: str, with_smoke_queue: bool = False
    ) -> None:
        super().__init__(scope, id_)
        instance = connect.CfnInstance(
            self,
            "Instance",
            identity_management_type="CONNECT_MANAGED",
            instance_alias=instance_alias,
            attributes=connect.CfnInstance.AttributesProperty(
                inbound_calls=True,
                outbound_calls=False,
                # The flows switch them off around what they know of a caller.
                contactflow_logs=True,
            ),
        )
        hours = connect.CfnHoursOfOperation(
            self,
            "Hours",
            instance_arn=instance.attr_arn,
            name="In-app calling: always",
            time_zone="UTC",
            config=[
                connect.CfnHoursOfOperation.HoursOfOperationConfigProperty(
                    day=day,
                    start_time=connect.CfnHoursOfOperation.HoursOfOperationTimeSliceProperty(
                        hours=0, minutes=0
                    ),
                    # The type has no 24:00.
                    end_time=connect.CfnHoursOfOperation.HoursOfOperationTimeSliceProperty(
                        hours=23, minutes=59
                    ),
                )
                for day in _DAYS
            ],
        )
        self.instance_arn = instance.attr_arn
        self.verified_queue_arn = self._queue("VerifiedQueue", "In-app calling: verified", hours)
        self.unverified_queue_arn = self._queue("UnverifiedQueue", "In-app calling: unverified", hours)
        self.overflow_queue_arn = self._queue("OverflowQueue", "In-app calling: overflow", hours)
        self.smoke_queue_arn = (
            self._queue("SmokeQueue", "In-app calling: smoke", hours) if with_smoke_queue else None
        )

    def _queue(self, id_: str, name: str, hours: connect.CfnHoursOfOperation) -> str:
        return connect.CfnQueue(
            self,
            id_,
            instance_arn=self.instance_arn,
            hours_of_operation_arn=hours.attr_hours_of_operation_arn,
            name=name,
        ).attr_queue_arn
