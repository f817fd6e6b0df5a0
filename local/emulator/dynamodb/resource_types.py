"""DynamoDB tables: what MiniStack's CloudFormation drops of them, and that it deletes protected ones."""

from ministack.services import dynamodb

from local.emulator.cloudformation.provisioners import PROVISIONERS, Properties, accepted, after


def install() -> None:
    """Finish what MiniStack makes of a table."""
    for resource_type in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        after(resource_type, _finish_table)
        _protect(resource_type)


def _protect(resource_type: str) -> None:
    """Have the table's own setting decide, which may have changed since the stack gave it."""
    delete = PROVISIONERS[resource_type]["delete"]

    def delete_unprotected(name: str, properties: Properties) -> None:
        if dynamodb._tables.get(name, {}).get("DeletionProtectionEnabled"):
            raise ValueError(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
                "protection first."
            )
        delete(name, properties)

    PROVISIONERS[resource_type] = {**PROVISIONERS[resource_type], "delete": delete_unprotected}


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
