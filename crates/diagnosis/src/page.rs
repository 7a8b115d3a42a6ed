//! `docs/errors.md`, made from the catalogue.

use std::fmt::Write;

use crate::families::families;

const HEAD: &str = "\
<!-- Made from crates/diagnosis. Change it there, and write it anew: cargo run -p diagnosis --example errors -->

# Error codes

Every failure has a code, a one-line summary, the detail (the field, what was found, what is
allowed, AWS's own words) and what to do about it. You find them in the function's log, in the
message attributes `ErrorCode`, `ErrorSummary` and `ErrorDetail` in the dead-letter queue, and in
the output of `pushpool render`. No text holds the value of a secret.

The tables list all codes. A failure can say more than its row does: its texts name your field and
your value. For what AWS itself says, and the code that each of its texts gets, see
[answers.md](answers.md).

What becomes of a run:

* **crashed**: there is no task and there will be none. Standalone, the dispatcher copies the
  message to the dead-letter queue; redrive it once the cause is gone.
* **handed back**: the run is tried again later as a new attempt, 3 to 6 minutes apart (standalone,
  from 10 s up to 6 minutes), until `PUSHPOOL_CAPACITY_TIMEOUT` has passed since it was due and it
  was handed back at least twice. With a Prefect server and the defaults that is at most 17 starts.
* **returned to the queue**: the outcome is unknown. The same attempt comes back, so no second task
  can start.
* **buried**: the body can never be read. The function keeps it in the dead-letter queue.
";

const TABLE: &str = "| code | what failed | what becomes of the run | what to do |\n| --- | --- | --- | --- |\n";

/// The whole page, as Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for family in families() {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}\n", family.title(), family.intro());
        if family.codes().is_empty() {
            let _ = writeln!(page, "The codes will begin with {}.", family.prefix());
            continue;
        }
        page.push('\n');
        page.push_str(TABLE);
        for code in family.codes() {
            let cells = [code.id(), code.summary(), &code.outcome().to_string(), code.resolution()].map(cell);
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
    }
    page
}

/// The text with what would end a cell written in another way.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
