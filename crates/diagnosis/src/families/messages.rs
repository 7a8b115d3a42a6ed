//! PP04: the dispatcher itself, its messages, pool documents and queues.

use crate::code::{Family, Outcome::*, family};

family! {
    "PP04", "Messages, pools, queues",
    "The dispatcher failed, or what it reads is wrong.";

    PP0401 => Buried, "The message body is not a JSON object",
        "Send one message of events/scheduled-run.v1.schema.json as the body.";

    PP0402 => Buried, "The message version is not known",
        "Deploy the dispatcher before the program that sends to it.";

    PP0403 => Buried, "A field of the message is missing, unknown or of the wrong kind",
        "Compare the body with events/scheduled-run.v1.schema.json.";

    PP0404 => Crashed, "There is no such work pool",
        "Add the pool document, or correct `work_pool`, then redrive the message.";

    PP0405 => Crashed, "The pool document cannot be used",
        "Write it as `pushpool pool inspect --output json` or the Prefect API shows a work pool: an object with \
         `name` and `base_job_template`.";

    PP0406 => Returned, "The pool document could not be read",
        "It is tried again. If it stays: the function needs permission to read where the documents are.";

    PP0407 => Returned, "The function ran out of time",
        "It is delivered again, and whatever was started is adopted. If it goes on: raise the timeout, or lower \
         the batch size.";

    PP0408 => Crashed, "The message carries no run",
        "Send the run inline, or set the dispatcher's PREFECT_API_URL.";

    PP0409 => Returned, "A queue did not take a message",
        "It is tried again. If it stays: check the queue's URL and the function's permission to send.";

    PP0410 => Crashed, "No capacity for a task in time",
        "Do what the last reason says: the detail names it with its code.";

    PP0411 => Returned, "Another delivery of the message has claimed the run",
        "Nothing: the message comes back when the other delivery has ended, and finishes what it left.";

    PP0412 => Returned, "EventBridge Scheduler did not make a schedule",
        "The message is delivered again. If it goes on: check that the schedule group exists, and that the \
         dispatcher may call scheduler:CreateSchedule in it and pass the schedules' role.";

    PP0499 => Returned, "An error in pushpool",
        "The message is delivered again, and ends in the dead-letter queue if it goes on. Please report it with \
         the log line.";
}
