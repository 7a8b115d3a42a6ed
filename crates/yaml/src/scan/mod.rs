//! From characters to tokens.
//!
//! Two things make YAML's tokens depend on what stands around them. Indentation opens and closes collections, so the scanner
//! keeps the open columns. And a word is known to be a key only at the `:` behind it, so every word that may be a key is kept
//! as a candidate, and its tokens are held back until the `:` comes or cannot come any more: in YAML 1.1 a key stands on
//! one line and has at most 1024 characters.

mod block;
mod plain;
mod property;
mod quoted;

use std::collections::VecDeque;

use crate::{
    cursor::{Cursor, END, Mark, is_break_or_end, is_space},
    error::YamlError,
    hint,
    token::{Kind, Token},
    tree::DEPTH,
};

/// The longest key without a `?` before it.
const KEY_LENGTH: usize = 1024;

/// What may turn out to be a key.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// The number of its first token.
    token: usize,
    mark: Mark,
    /// Whether the text is not YAML unless it is a key.
    is_required: bool,
}

pub(crate) struct Scanner<'t> {
    cursor: Cursor<'t>,
    tokens: VecDeque<Token<'t>>,
    /// How many tokens have been handed out.
    taken: usize,
    is_done: bool,
    /// The column of the innermost block collection, -1 outside of all.
    indent: isize,
    indents: Vec<isize>,
    /// Whether a key may begin here.
    is_key_allowed: bool,
    /// For each level of brackets, the outermost of which is none.
    candidates: Vec<Option<Candidate>>,
    long_quote: Option<(Mark, Mark)>,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            is_done: false,
            indent: -1,
            indents: Vec::new(),
            is_key_allowed: true,
            candidates: vec![None],
            long_quote: None,
        }
    }

    /// The next token, which stays.
    pub(crate) fn peek(&mut self) -> Result<&Token<'t>, YamlError> {
        self.fill()?;
        self.tokens.front().ok_or_else(|| YamlError::new(self.cursor.mark.place(), "the file ends too early"))
    }

    /// The next token. The last one, [`Kind::StreamEnd`], stays.
    pub(crate) fn next(&mut self) -> Result<Token<'t>, YamlError> {
        let token = self.peek()?.clone();
        if token.kind != Kind::StreamEnd {
            self.tokens.pop_front();
            self.taken += 1;
        }
        Ok(token)
    }

    /// Begin and end of the last text in quotes that goes over several lines.
    pub(crate) fn long_quote(&self) -> Option<(Mark, Mark)> {
        self.long_quote
    }

    /// Scans until it is known what the next token is.
    fn fill(&mut self) -> Result<(), YamlError> {
        while !self.is_done {
            if !self.tokens.is_empty() {
                self.drop_stale_candidates()?;
                if self.candidates.iter().flatten().all(|candidate| candidate.token > self.taken) {
                    break;
                }
            }
            self.scan_token()?;
        }
        Ok(())
    }

    fn is_in_flow(&self) -> bool {
        self.candidates.len() > 1
    }

    fn column(&self) -> isize {
        column(self.cursor.mark)
    }

    fn scan_token(&mut self) -> Result<(), YamlError> {
        self.skip_to_token();
        self.drop_stale_candidates()?;
        self.close_blocks(self.column());
        let (c, next) = (self.cursor.peek(), self.cursor.peek_at(1));
        let is_indicator = self.is_in_flow() || is_space(next);
        match c {
            END => self.stream_end(),
            '%' if self.cursor.mark.column == 0 => self.directive(),
            '-' if self.cursor.is_at_word("---") => self.document_mark(Kind::DocumentStart),
            '.' if self.cursor.is_at_word("...") => self.document_mark(Kind::DocumentEnd),
            '[' => self.open_flow(Kind::FlowSequenceStart),
            '{' => self.open_flow(Kind::FlowMappingStart),
            ']' => self.close_flow(Kind::FlowSequenceEnd),
            '}' => self.close_flow(Kind::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if is_space(next) => self.block_entry(),
            '?' if is_indicator => self.key(),
            ':' if is_indicator => self.value(),
            '*' | '&' | '!' => self.property(c),
            '|' | '>' if !self.is_in_flow() => self.block_scalar(c),
            '\'' | '"' => self.quoted_scalar(c),
            _ if self.is_plain(c, next) => self.plain_scalar(),
            _ => Err(self.no_token(c)),
        }
    }

    /// Goes over spaces, comments and empty lines. A tab separates too, but does not indent: PyYAML takes no tab here at
    /// all, so no text that it reads means something else here.
    fn skip_to_token(&mut self) {
        loop {
            let is_tab_allowed = self.is_in_flow() || !self.is_key_allowed;
            self.cursor.skip_while(|c| c == ' ' || (c == '\t' && is_tab_allowed));
            if self.cursor.peek() == '#' {
                self.cursor.skip_while(|c| !is_break_or_end(c));
            }
            if self.cursor.line_break().is_none() {
                return;
            }
            self.is_key_allowed |= !self.is_in_flow();
        }
    }

    fn push(&mut self, kind: Kind<'t>, start: Mark) {
        self.tokens.push_back(Token { kind, start, end: self.cursor.mark });
    }

    /// A token of so many characters.
    fn push_indicator(&mut self, kind: Kind<'t>, length: usize) {
        let start = self.cursor.mark;
        self.cursor.skip(length);
        self.push(kind, start);
    }

    fn candidate(&mut self) -> &mut Option<Candidate> {
        let level = self.candidates.len() - 1;
        &mut self.candidates[level]
    }

    fn drop_stale_candidates(&mut self) -> Result<(), YamlError> {
        let mark = self.cursor.mark;
        for candidate in &mut self.candidates {
            let Some(found) = *candidate else { continue };
            if found.mark.line != mark.line || mark.column - found.mark.column > KEY_LENGTH {
                *candidate = None;
                refuse_required(found)?;
            }
        }
        Ok(())
    }

    /// What begins here may be a key.
    fn save_candidate(&mut self) -> Result<(), YamlError> {
        if !self.is_key_allowed {
            return Ok(());
        }
        self.drop_candidate()?;
        let is_required = !self.is_in_flow() && self.indent == self.column();
        let token = self.taken + self.tokens.len();
        *self.candidate() = Some(Candidate { token, mark: self.cursor.mark, is_required });
        Ok(())
    }

    fn drop_candidate(&mut self) -> Result<(), YamlError> {
        self.candidate().take().map_or(Ok(()), refuse_required)
    }

    /// Ends the block collections that are indented deeper.
    fn close_blocks(&mut self, column: isize) {
        if self.is_in_flow() {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push(Kind::BlockEnd, self.cursor.mark);
        }
    }

    /// Begins a block collection, unless the innermost one is in this column.
    fn open_block(&mut self, column: isize) -> Result<bool, YamlError> {
        if self.indent >= column {
            return Ok(false);
        }
        self.indents.push(self.indent);
        self.indent = column;
        self.refuse_depth(self.indents.len())?;
        Ok(true)
    }

    fn refuse_depth(&self, depth: usize) -> Result<(), YamlError> {
        if depth <= DEPTH {
            return Ok(());
        }
        Err(YamlError::new(self.cursor.mark.place(), format!("the file nests deeper than {DEPTH} levels here")))
    }

    fn stream_end(&mut self) -> Result<(), YamlError> {
        self.close_blocks(-1);
        self.drop_candidate()?;
        self.candidates = vec![None];
        self.is_key_allowed = false;
        self.push(Kind::StreamEnd, self.cursor.mark);
        self.is_done = true;
        Ok(())
    }

    fn document_mark(&mut self, kind: Kind<'t>) -> Result<(), YamlError> {
        self.close_blocks(-1);
        self.drop_candidate()?;
        self.is_key_allowed = false;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn open_flow(&mut self, kind: Kind<'t>) -> Result<(), YamlError> {
        self.save_candidate()?;
        self.candidates.push(None);
        self.refuse_depth(self.candidates.len())?;
        self.is_key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn close_flow(&mut self, kind: Kind<'t>) -> Result<(), YamlError> {
        self.drop_candidate()?;
        if !self.is_in_flow() {
            let problem = format!("{} closes nothing here: remove it, or put the value in quotes", kind.name());
            return Err(YamlError::new(self.cursor.mark.place(), problem));
        }
        self.candidates.pop();
        self.is_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), YamlError> {
        self.is_key_allowed = true;
        self.drop_candidate()?;
        self.push_indicator(Kind::FlowEntry, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), YamlError> {
        if !self.is_in_flow() {
            if !self.is_key_allowed {
                let problem = "a list cannot begin here: put `- ` on a line of its own, or put the value in quotes if it \
                               is text";
                return Err(YamlError::new(self.cursor.mark.place(), problem));
            }
            let mark = self.cursor.mark;
            if self.open_block(self.column())? {
                self.push(Kind::BlockSequenceStart, mark);
            }
        }
        self.is_key_allowed = true;
        self.drop_candidate()?;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    /// `? `: what follows is a key.
    fn key(&mut self) -> Result<(), YamlError> {
        if !self.is_in_flow() {
            if !self.is_key_allowed {
                let problem = "a key cannot begin here: put the value in quotes if the `?` belongs to it";
                return Err(YamlError::new(self.cursor.mark.place(), problem));
            }
            let mark = self.cursor.mark;
            if self.open_block(self.column())? {
                self.push(Kind::BlockMappingStart, mark);
            }
        }
        self.is_key_allowed = !self.is_in_flow();
        self.drop_candidate()?;
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), YamlError> {
        match self.candidate().take() {
            Some(key) => self.value_of(key)?,
            None => self.value_without_candidate()?,
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }

    /// The candidate is a key: the tokens that say so go before it.
    fn value_of(&mut self, key: Candidate) -> Result<(), YamlError> {
        let position = key.token - self.taken;
        let before = |kind| Token { kind, start: key.mark, end: key.mark };
        self.tokens.insert(position, before(Kind::Key));
        if !self.is_in_flow() && self.open_block(column(key.mark))? {
            self.tokens.insert(position, before(Kind::BlockMappingStart));
        }
        self.is_key_allowed = false;
        Ok(())
    }

    /// The `:` of a key with `?`, or of an empty key.
    fn value_without_candidate(&mut self) -> Result<(), YamlError> {
        if !self.is_in_flow() {
            if !self.is_key_allowed {
                return Err(YamlError::new(self.cursor.mark.place(), hint::UNEXPECTED_COLON));
            }
            let mark = self.cursor.mark;
            if self.open_block(self.column())? {
                self.push(Kind::BlockMappingStart, mark);
            }
        }
        self.is_key_allowed = !self.is_in_flow();
        Ok(())
    }

    fn no_token(&self, c: char) -> YamlError {
        let problem = match c {
            '\t' => "a tab cannot indent: use spaces".to_owned(),
            '@' | '`' | '%' | '|' | '>' => format!("a value cannot begin with `{c}`: put it in quotes"),
            _ => format!("`{c}` cannot stand here: put the value in quotes"),
        };
        YamlError::new(self.cursor.mark.place(), problem)
    }
}

fn column(mark: Mark) -> isize {
    isize::try_from(mark.column).unwrap_or(isize::MAX)
}

fn refuse_required(candidate: Candidate) -> Result<(), YamlError> {
    if !candidate.is_required {
        return Ok(());
    }
    Err(YamlError::new(candidate.mark.place(), hint::NO_COLON))
}
