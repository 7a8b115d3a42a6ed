//! Manners towards whoever reads: data to standard output, the rest to standard error, colours only where they are
//! wanted (`anstream` strips them elsewhere), and silence when the reader has gone.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use diagnosis::Diagnosis;
use terminal_size::{Width, terminal_size_of};

/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What moves.
pub(crate) const BUSY: Style = AnsiColor::Cyan.on_default();
/// What deserves a look.
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
/// What may be overlooked.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings.
pub(crate) const HEAD: Style = Style::new().bold();

/// `text` in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes data to standard output.
///
/// # Errors
/// The write failed. A reader that has closed the pipe got all it wanted: that is no error.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn width() -> Option<usize> {
    let (Width(width), _) = terminal_size_of(io::stdout())?;
    Some(usize::from(width))
}

/// Columns of the terminal that standard error is, if it is one.
pub(crate) fn width_of_errors() -> Option<usize> {
    let (Width(width), _) = terminal_size_of(io::stderr())?;
    Some(usize::from(width))
}

/// Writes a line to standard error. Where that is closed there is nobody left to tell.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Tells something worth knowing on standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    say(format_args!("{} {text}", paint(ODD, "note:")));
}

/// A diagnosis as people read it: what, then why, then what to do.
pub(crate) fn explain(diagnosis: &Diagnosis) -> String {
    let Diagnosis { code, summary, detail, resolution } = diagnosis;
    explained(&paint(BAD, format_args!("error[{code}]:")), summary, detail, resolution)
}

/// What, why and what to do, below a head like `error:`.
pub(crate) fn explained(head: &str, summary: &str, detail: &str, help: &str) -> String {
    let mut text = format!("{head} {summary}");
    for (label, content) in [("detail", detail), ("help", help)] {
        if !content.is_empty() {
            let mut lines = content.lines();
            let first = lines.next().unwrap_or_default();
            text.push_str(&format!("\n  {} {first}", paint(HEAD, format_args!("{label}:"))));
            for line in lines {
                text.push_str(&format!("\n    {line}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_says_what_why_and_what_to_do() {
        let diagnosis = Diagnosis {
            code: diagnosis::PP0499,
            summary: "It failed".to_owned(),
            detail: "first\nsecond".to_owned(),
            resolution: "Do it right.".to_owned(),
        };
        let text = anstream::adapter::strip_str(&explain(&diagnosis)).to_string();
        assert_eq!(text, "error[PP0499]: It failed\n  detail: first\n    second\n  help: Do it right.");
    }
}
