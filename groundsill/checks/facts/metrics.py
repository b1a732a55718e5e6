"""Metrics that AWS services write: names and the dimensions that they are found by.

Sources: each service's page on its CloudWatch metrics, for example AWS Lambda Developer Guide, "Types of metrics for Lambda
functions"; Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS". A namespace that is not here is not judged.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Namespace(NamedTuple):
    """One service's metrics.

    Arguments:
        names: of its metrics.
        dimensions: each group of dimensions that a metric is found by.
    """

    names: frozenset[str]
    dimensions: tuple[tuple[str, ...], ...]


def _namespace(names: str, *dimensions: tuple[str, ...]) -> Namespace:
    return Namespace(frozenset(names.split()), dimensions)


GLOBAL_NAMESPACES = ("AWS/Route53", "AWS/CloudFront", "AWS/Billing")
"""Written to us-east-1 alone."""

METRICS: MappingProxyType[str, Namespace] = MappingProxyType(
    {
        "AWS/Lambda": _namespace(
            "Invocations Errors DeadLetterErrors DestinationDeliveryFailures Throttles ProvisionedConcurrencyInvocations "
            "ProvisionedConcurrencySpilloverInvocations RecursiveInvocationsDropped Duration "
            "PostRuntimeExtensionsDuration IteratorAge "
            "OffsetLag ConcurrentExecutions ProvisionedConcurrentExecutions ProvisionedConcurrencyUtilization "
            "UnreservedConcurrentExecutions AsyncEventsReceived AsyncEventAge AsyncEventsDropped ClaimedAccountConcurrency",
            ("FunctionName",),
            ("FunctionName", "Resource"),
            ("FunctionName", "Resource", "ExecutedVersion"),
            ("Resource",),
            (),
        ),
        "AWS/SQS": _namespace(
            "ApproximateAgeOfOldestMessage ApproximateNumberOfGroupsWithInflightMessages ApproximateNumberOfMessagesDelayed "
            "ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesVisible NumberOfEmptyReceives "
            "NumberOfDeduplicatedSentMessages NumberOfMessagesDeleted NumberOfMessagesReceived "
            "NumberOfMessagesSent SentMessageSize",
            ("QueueName",),
        ),
        "AWS/SNS": _namespace(
            "NumberOfMessagesPublished NumberOfNotificationsDelivered NumberOfNotificationsFailed "
            "NumberOfNotificationsFilteredOut NumberOfNotificationsFailedToRedriveToDlq NumberOfNotificationsRedrivenToDlq "
            "PublishSize SMSMonthToDateSpentUSD SMSSuccessRate",
            ("TopicName",),
            ("PhoneNumber",),
            (),
        ),
        "AWS/DynamoDB": _namespace(
            "AccountMaxReads AccountMaxTableLevelReads AccountMaxTableLevelWrites AccountMaxWrites "
            "ConditionalCheckFailedRequests "
            "ConsumedReadCapacityUnits ConsumedWriteCapacityUnits OnlineIndexConsumedWriteCapacity "
            "OnlineIndexPercentageProgress "
            "OnlineIndexThrottleEvents PendingReplicationCount ProvisionedReadCapacityUnits ProvisionedWriteCapacityUnits "
            "ReadThrottleEvents ReplicationLatency ReturnedBytes ReturnedItemCount ReturnedRecordsCount "
            "SuccessfulRequestLatency "
            "SystemErrors TimeToLiveDeletedItemCount ThrottledRequests TransactionConflict UserErrors WriteThrottleEvents "
            "AgeOfOldestUnreplicatedRecord FailedToReplicateRecordCount ThrottledPutRecordCount",
            ("TableName",),
            ("TableName", "Operation"),
            ("TableName", "GlobalSecondaryIndexName"),
            ("TableName", "GlobalSecondaryIndexName", "Operation"),
            ("TableName", "ReceivingRegion"),
            ("TableName", "Operation", "StreamLabel"),
            (),
        ),
        "AWS/DDoSProtection": _namespace(
            "DDoSDetected DDoSAttackBitsPerSecond DDoSAttackPacketsPerSecond DDoSAttackRequestsPerSecond "
            "VolumePacketsPerSecond VolumeBitsPerSecond",
            ("ResourceArn",),
            ("ResourceArn", "AttackVector"),
        ),
        "AWS/Route53": _namespace(
            "ChildHealthCheckHealthyCount ConnectionTime HealthCheckPercentageHealthy HealthCheckStatus "
            "SSLHandshakeTime TimeToFirstByte "
            "DNSQueries DNSSECInternalFailure DNSSECKeySigningKeysNeedingAction",
            ("HealthCheckId",),
            ("Region", "HealthCheckId"),
            ("HostedZoneId",),
            ("Region",),
        ),
        "AWS/Billing": _namespace(
            "EstimatedCharges",
            ("Currency",),
            ("ServiceName", "Currency"),
            ("LinkedAccount", "Currency"),
            ("LinkedAccount", "ServiceName", "Currency"),
        ),
    }
)
