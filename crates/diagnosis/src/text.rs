//! Texts of a bounded length.

/// Cuts a text off after so many characters, and says so with `…`.
pub fn shorten(text: &mut String, longest: usize) {
    if text.len() > longest
        && let Some((end, _)) = text.char_indices().nth(longest)
    {
        text.truncate(end);
        text.push('…');
    }
}
