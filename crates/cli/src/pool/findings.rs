//! What trying a template brought up, on standard error.

use diagnosis::Diagnosis;
use manage::{ManageError, pool::template::Judged};

use crate::{
    error::CliError,
    output::{ODD, note, paint, say},
};

/// Tells warnings and notes.
///
/// # Errors
/// All reasons not to store the template.
pub(super) fn tell(judged: Judged) -> Result<(), CliError> {
    for Diagnosis { code, detail, resolution, .. } in &judged.warnings {
        let head = paint(ODD, format_args!("warning[{code}]:"));
        say(format_args!("{head} a run with these defaults alone would crash: {detail}\n  help: {resolution}"));
    }
    judged.notes.iter().for_each(note);
    if judged.refusals.is_empty() { Ok(()) } else { Err(ManageError::Crashing(judged.refusals).into()) }
}
