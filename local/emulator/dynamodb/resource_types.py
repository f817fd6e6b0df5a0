"""DynamoDB tables: time to live, backups and encryption, which MiniStack's CloudFormation drops."""

from ministack.services import dynamodb

from local.emulator.cloudformation.provisioners import Properties, accepted, after


def install() -> None:
    """Finish what MiniStack makes of a table."""
    for resource_type in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        after(resource_type, _finish_table)


def _finish_table(name: str, old: Properties, new: Properties) -> None:
    ttl = new.get("TimeToLiveSpecification")
    if ttl and ttl != old.get("TimeToLiveSpecification"):
        accepted(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl}))
    replica = (new.get("Replicas") or [{}])[0]
    backups = new.get("PointInTimeRecoverySpecification") or replica.get("PointInTimeRecoverySpecification")
    if backups:
        request = {"TableName": name, "PointInTimeRecoverySpecification": backups}
        accepted(dynamodb._update_continuous_backups(request))
    encryption = new.get("SSESpecification") or {}
    if encryption.get("SSEEnabled"):
        key = encryption.get("KMSMasterKeyId") or (replica.get("SSESpecification") or {}).get(
            "KMSMasterKeyId"
        )
        described = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
        dynamodb._tables[name]["SSEDescription"] = {name: value for name, value in described.items() if value}
