//! Looking again and again: in place in the foreground of a terminal, one after the other elsewhere.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

use crate::{
    error::CliError,
    terminal::{Easel, Turn},
};

/// Where standard output goes, and how many rows of it the last frame took.
pub(super) struct Canvas {
    easel: Easel,
    drawn: usize,
}

impl Canvas {
    /// `text`: the frames are for people.
    pub(super) fn new(text: bool) -> Self {
        Self { easel: Easel::new(text && io::stdout().is_terminal()), drawn: 0 }
    }

    /// Whether a frame replaces the one before.
    pub(super) fn in_place(&self) -> bool {
        self.easel.is_free()
    }

    /// Shows a frame; false when the reader has gone, which ends watching.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn show(&mut self, frame: &str) -> Result<bool, CliError> {
        // What is on the screen by now is the shell's.
        if self.easel.look() != Turn::Same {
            self.drawn = 0;
        }
        let written = if self.in_place() { self.redraw(frame) } else { append(frame) };
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(CliError::WriteOutput(error)),
        }
    }

    /// Past `anstream`'s stripping, for without colours (`NO_COLOR`) a terminal still has a cursor.
    fn redraw(&mut self, frame: &str) -> io::Result<()> {
        let coloured = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let frame = if coloured { frame.to_owned() } else { anstream::adapter::strip_str(frame).to_string() };
        let (width, height) = terminal_size_of(io::stdout())
            .map_or((80, 24), |(Width(width), Height(height))| (usize::from(width).max(1), usize::from(height)));
        let mut text = if self.drawn == 0 { String::new() } else { format!("\x1b[{}A", self.drawn) };
        self.drawn = 0;
        for line in frame.lines() {
            // What has scrolled away cannot be drawn over.
            let rows = rows(line, width);
            if self.drawn + rows >= height {
                break;
            }
            self.drawn += rows;
            // Cleared at its end and not before: a cleared line flickers.
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn append(frame: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(frame.as_bytes())?;
    out.flush()
}

/// Rows of a terminal that a line takes.
fn rows(line: &str, width: usize) -> usize {
    anstream::adapter::strip_str(line).to_string().width().div_ceil(width).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_wraps_takes_more_rows() {
        assert_eq!(rows("", 10), 1);
        assert_eq!(rows("\x1b[1m0123456789\x1b[0m", 10), 1);
        assert_eq!(rows("0123456789a", 10), 2);
        assert_eq!(rows("日本語日本語", 10), 2);
    }
}
