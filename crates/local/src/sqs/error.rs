//! The errors of SQS.
//!
//! Names are those of the service model (botocore, `sqs/2012-11-05`); the second name is the one of the query
//! protocol, which boto3 shows and which the model's `awsQueryError` traits give. Statuses other than 400 are from the
//! same traits. Messages are worded as the service words them where its answers are on record, because people search
//! for them.

use crate::wire::AwsError;

/// A parameter has a value that is not allowed. Not modelled; the framework's error.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValueException", message).with_query_code("InvalidParameterValue")
}

/// The usual wording of [`invalid_parameter`].
pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> AwsError {
    invalid_parameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

/// A required parameter is absent.
pub(crate) fn missing_parameter(parameter: &str) -> AwsError {
    AwsError::new("MissingRequiredParameterException", format!("The request must contain the parameter {parameter}."))
        .with_query_code("MissingParameter")
}

pub(crate) fn queue_does_not_exist() -> AwsError {
    AwsError::new("QueueDoesNotExist", "The specified queue does not exist.")
        .with_query_code("AWS.SimpleQueueService.NonExistentQueue")
}

pub(crate) fn queue_name_exists(attribute: &str) -> AwsError {
    let message = format!("A queue already exists with the same name and a different value for attribute {attribute}");
    AwsError::new("QueueNameExists", message).with_query_code("QueueAlreadyExists")
}

pub(crate) fn queue_deleted_recently() -> AwsError {
    simple(
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )
}

pub(crate) fn purge_in_progress(queue: &str) -> AwsError {
    simple("PurgeQueueInProgress", format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds."))
        .with_status(403)
}

pub(crate) fn unknown_attribute(name: &str) -> AwsError {
    AwsError::new("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(crate) fn invalid_attribute_name(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidAttributeName", message)
}

pub(crate) fn invalid_attribute_value(name: &str, reason: &str) -> AwsError {
    let reason = if reason.is_empty() { String::new() } else { format!(" Reason: {reason}") };
    AwsError::new("InvalidAttributeValue", format!("Invalid value for the parameter {name}.{reason}"))
}

pub(crate) fn invalid_message_contents() -> AwsError {
    AwsError::new("InvalidMessageContents", INVALID_CHARACTERS)
}

/// What a message with characters outside of XML 1.0's set is told.
pub(crate) const INVALID_CHARACTERS: &str = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | \
     #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";

pub(crate) fn receipt_handle_is_invalid(handle: &str) -> AwsError {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    AwsError::new("ReceiptHandleIsInvalid", message).with_status(404)
}

pub(crate) fn message_not_inflight() -> AwsError {
    simple("MessageNotInflight", "The specified message isn't in flight.")
}

pub(crate) fn over_limit() -> AwsError {
    AwsError::new("OverLimit", "The maximum number of in flight messages is reached.").with_status(403)
}

pub(crate) fn empty_batch() -> AwsError {
    simple("EmptyBatchRequest", "The batch request doesn't contain any entries.")
}

pub(crate) fn too_many_entries(entries: usize) -> AwsError {
    let message = format!("Maximum number of entries per request are 10. You have sent {entries}.");
    simple("TooManyEntriesInBatchRequest", message)
}

pub(crate) fn batch_ids_not_distinct(id: &str) -> AwsError {
    simple("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
}

pub(crate) fn invalid_batch_entry_id() -> AwsError {
    simple(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
         letters long.",
    )
}

pub(crate) fn batch_too_long(limit: usize, sent: usize) -> AwsError {
    let message = format!("Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes.");
    simple("BatchRequestTooLong", message)
}

pub(crate) fn resource_not_found(message: impl Into<String>) -> AwsError {
    AwsError::new("ResourceNotFoundException", message).with_status(404)
}

/// Errors whose name in the query protocol is the same with `AWS.SimpleQueueService.` before it.
fn simple(code: &'static str, message: impl Into<String>) -> AwsError {
    AwsError::new(code, message).with_query_code(format!("AWS.SimpleQueueService.{code}"))
}
