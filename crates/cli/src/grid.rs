//! Text in aligned columns, for a terminal of a certain width or for a file.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Space between two columns.
const GAP: &str = "  ";

/// One field of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
    right: bool,
}

impl Cell {
    /// Plain text. Names come from messages and files: control characters, which could move the cursor, are shown as
    /// the replacement character.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        Self { text, style: Style::new(), right: false }
    }

    /// The text without its style.
    pub(crate) fn plain(&self) -> &str {
        &self.text
    }

    /// In a style.
    pub(crate) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Aligned to the right, for numbers.
    pub(crate) fn right(self) -> Self {
        Self { right: true, ..self }
    }
}

/// Lines with aligned columns; where `width` is given, none is wider.
pub(crate) fn lines(rows: &[Vec<Cell>], width: Option<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (cell, widest) in row.iter().zip(&mut widths) {
            *widest = (*widest).max(cell.text.width());
        }
    }
    rows.iter().map(|row| line(row, &widths, width.unwrap_or(usize::MAX))).collect()
}

fn line(row: &[Cell], widths: &[usize], width: usize) -> String {
    let mut line = String::new();
    let mut room = width;
    // Nothing is padded behind the last text of a line.
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |index| index + 1);
    for (index, (cell, column)) in row.iter().zip(widths).take(last).enumerate() {
        if index > 0 {
            if room <= GAP.len() {
                break;
            }
            line.push_str(GAP);
            room -= GAP.len();
        }
        let text = cut(&cell.text, room);
        let padding = column.saturating_sub(text.width()).min(room - text.width());
        // Behind a text that had to be shortened there is no room for more.
        let last = if text.len() < cell.text.len() { index + 1 } else { last };
        let (before, after) = if cell.right { (padding, 0) } else { (0, if index + 1 == last { 0 } else { padding }) };
        let style = cell.style;
        line.push_str(&format!("{:before$}{style}{text}{style:#}{:after$}", "", ""));
        room -= text.width() + before + after;
    }
    line
}

/// The text, shortened to `width` columns; an ellipsis shows that something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rows: &[Vec<Cell>], width: Option<usize>) -> Vec<String> {
        lines(rows, width).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let rows = [
            vec![Cell::new("a"), Cell::new("1").right(), Cell::new("x")],
            vec![Cell::new("日本"), Cell::new("20").right(), Cell::new("")],
        ];
        assert_eq!(plain(&rows, None), ["a      1  x", "日本  20"]);
    }

    #[test]
    fn no_line_is_wider_than_asked_for() {
        let rows = [vec![Cell::new("first"), Cell::new("日本語です"), Cell::new("third")]];
        for width in 0..30 {
            let line = plain(&rows, Some(width)).remove(0);
            assert!(line.width() <= width, "{width}: {line:?}");
        }
        assert_eq!(plain(&rows, Some(11)), ["first  日…"]);
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(plain(&[vec![Cell::new("a\u{1b}[2J\nb")]], None), ["a\u{fffd}[2J\u{fffd}b"]);
    }
}
