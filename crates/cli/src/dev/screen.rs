//! What is seen while messages are under way: a table that redraws itself on a terminal, else a line for each step. In the
//! background of a terminal it is lines as well: the screen belongs to the commands in the foreground.
//!
//! All of it goes to standard error: standard output is for the result.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use terminal_size::{Height, Width, terminal_size_of};

use super::board::{Board, Row};
use crate::{
    output::{DIM, paint, say},
    terminal::{Easel, Turn},
};

/// How often a terminal is redrawn.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Where progress is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    started: Instant,
    easel: Easel,
    /// A line for each step, even where a table could be drawn.
    plain: bool,
    /// Lines of the last frame, which the next one replaces.
    drawn: usize,
}

impl Screen {
    /// Standard error, whatever it is connected to.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), easel: Easel::new(std::io::stderr().is_terminal()), plain: false, drawn: 0 }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A row changed. A terminal sees it with the next frame.
    pub(crate) fn changed(&mut self, row: &Row) {
        self.step(|elapsed| row.entry().line(elapsed));
    }

    /// Something changed, which a line tells where no table does.
    pub(crate) fn step(&mut self, line: impl FnOnce(Duration) -> String) {
        if !self.is_live() {
            say(line(self.elapsed()));
        }
    }

    /// Says something outside of the table.
    pub(crate) fn interject(&mut self, line: &str) {
        self.clear();
        say(line);
    }

    /// Draws the board on a terminal.
    pub(crate) fn draw(&mut self, board: &Board) {
        let elapsed = self.elapsed();
        self.draw_frame(|width, height| board.frame(elapsed, width, height));
    }

    /// Draws the lines that `frame` makes for a terminal of so many columns and lines, on a terminal.
    pub(crate) fn draw_frame(&mut self, frame: impl FnOnce(usize, usize) -> Vec<String>) {
        if !self.is_live() {
            return;
        }
        let (width, height) = terminal_size_of(std::io::stderr())
            .map_or((80, 24), |(Width(width), Height(height))| (usize::from(width), usize::from(height)));
        // The last column stays free: a line that fills it makes some terminals wrap.
        let frame = frame(width.saturating_sub(1), height);
        let mut text = self.erasure();
        for line in &frame {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = frame.len();
        write(&text);
    }

    /// From now on a line for each step.
    pub(crate) fn plain(&mut self) {
        self.clear();
        self.plain = true;
    }

    /// Takes the table away again.
    pub(crate) fn clear(&mut self) {
        self.look();
        if self.drawn > 0 {
            write(&self.erasure());
            self.drawn = 0;
        }
    }

    /// Whether a table may be drawn now.
    fn is_live(&mut self) -> bool {
        self.look();
        self.easel.is_free() && !self.plain
    }

    /// Looks whose turn it is on the terminal. What was drawn before a shell took it is the shell's to keep.
    fn look(&mut self) {
        match self.easel.look() {
            Turn::Same => {}
            Turn::Moved => self.drawn = 0,
            Turn::Lost => {
                self.drawn = 0;
                let way = self.easel.place().way_to_end();
                say(paint(DIM, format_args!("In the background: a line for each step. It ends with {way}.")));
            }
        }
    }

    /// Moves to the first line of the last frame and clears from there.
    fn erasure(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\u{1b}[{}A\u{1b}[J", self.drawn) }
    }
}

/// Past `anstream`'s stripping, for without colours (`NO_COLOR`) a terminal still has a cursor.
fn write(text: &str) {
    let coloured = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let text = if coloured { text.to_owned() } else { without_colours(text) };
    let mut error = std::io::stderr().lock();
    let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
}

/// Removes what sets colours (`ESC [ … m`) and leaves what moves the cursor.
fn without_colours(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        let (before, sequence) = rest.split_at(start);
        kept.push_str(before);
        let end = sequence[2..].find(|c: char| c.is_ascii_alphabetic()).map_or(sequence.len(), |end| end + 3);
        if !sequence[..end].ends_with('m') {
            kept.push_str(&sequence[..end]);
        }
        rest = &sequence[end..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_the_cursor_still_moves() {
        assert_eq!(without_colours("\u{1b}[3A\u{1b}[J\u{1b}[1m\u{1b}[31mred\u{1b}[0m x"), "\u{1b}[3A\u{1b}[Jred x");
        assert_eq!(without_colours("plain"), "plain");
    }
}
