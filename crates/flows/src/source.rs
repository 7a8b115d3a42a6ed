//! One Python file: read, decoded and parsed.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use ruff_python_ast::{
    Expr, ModModule, Stmt,
    token::TokenKind,
    visitor::{self, Visitor},
};
use ruff_python_parser::{lexer, parse_module};
use ruff_text_size::{Ranged, TextSize};

use crate::error::Place;

/// Larger files hold data, not flows.
const MAX_BYTES: u64 = 4 << 20;

/// How deep expressions and blocks may nest. CPython itself stops at 200 brackets and 100 blocks; the rest is for chains
/// of operators. Dropping the tree takes stack for each level.
const MAX_DEPTH: usize = 2000;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Module {
    /// Where it was found.
    pub(crate) path: PathBuf,
    /// Relative to the project's root, for people.
    pub(crate) shown: PathBuf,
    /// Its name as Python would import it.
    pub(crate) name: String,
    pub(crate) text: String,
    /// `from __future__ import annotations`.
    pub(crate) deferred: bool,
    /// Names that functions may write with `global` and that `:=` binds: their values are not followed.
    pub(crate) volatile: HashMap<String, TextSize>,
    /// There until it is dropped.
    tree: Option<ModModule>,
    lines: Vec<usize>,
}

impl Drop for Module {
    fn drop(&mut self) {
        let tree = self.tree.take();
        on_enough_stack(|| drop(tree));
    }
}

/// A parsed annotation that was quoted.
#[derive(Debug)]
pub(crate) struct Snippet(Option<Expr>);

impl Snippet {
    pub(crate) fn parse(text: &str) -> Self {
        if is_too_deep(text) {
            return Self(None);
        }
        let parse = || ruff_python_parser::parse_expression(text.trim_start());
        Self(on_enough_stack(parse).ok().map(|parsed| parsed.into_expr()))
    }

    pub(crate) fn expr(&self) -> Option<&Expr> {
        self.0.as_ref()
    }
}

impl Drop for Snippet {
    fn drop(&mut self) {
        let expr = self.0.take();
        on_enough_stack(|| drop(expr));
    }
}

/// Run what recurses as deep as the source nests.
pub(crate) fn on_enough_stack<T>(work: impl FnOnce() -> T) -> T {
    const NEEDED: usize = 4 << 20;
    stacker::maybe_grow(NEEDED, 4 * NEEDED, work)
}

/// Why a file is no module.
#[derive(Debug)]
pub(crate) enum Broken {
    Unreadable(io::Error),
    Syntax { place: Place, message: String },
}

impl Module {
    pub(crate) fn read(path: PathBuf, shown: PathBuf, name: String) -> Result<Self, Broken> {
        let bytes = read_bounded(&path).map_err(Broken::Unreadable)?;
        let text = decode(&bytes).map_err(|message| Broken::Syntax { place: top(&shown), message })?;
        Self::parse(path, shown, name, text)
    }

    pub(crate) fn parse(path: PathBuf, shown: PathBuf, name: String, text: String) -> Result<Self, Broken> {
        if is_too_deep(&text) {
            return Err(Broken::Syntax { place: top(&shown), message: "the source nests too deeply".to_owned() });
        }
        let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let parsed = on_enough_stack(|| parse_module(&text)).map_err(|error| Broken::Syntax {
            place: place_in(&shown, &text, &lines, error.location.start()),
            message: plain(&error.error.to_string()),
        })?;
        let tree = parsed.into_syntax();
        let deferred = tree.body.iter().any(is_deferring);
        let mut volatile = Volatile::default();
        on_enough_stack(|| volatile.visit_body(&tree.body));
        Ok(Self { path, shown, name, text, deferred, volatile: volatile.names, tree: Some(tree), lines })
    }

    pub(crate) fn body(&self) -> &[Stmt] {
        self.tree.as_ref().map_or(&[], |tree| &tree.body)
    }

    pub(crate) fn place(&self, at: TextSize) -> Place {
        place_in(&self.shown, &self.text, &self.lines, at)
    }

    /// The source of a node, on one line.
    pub(crate) fn snippet(&self, node: &impl Ranged) -> String {
        let range = node.range();
        let text = self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > 60 { line.chars().take(60).chain("…".chars()).collect() } else { line }
    }
}

#[derive(Default)]
struct Volatile {
    names: HashMap<String, TextSize>,
    functions: usize,
}

impl<'a> Visitor<'a> for Volatile {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::Global(global) = statement {
            self.names.extend(global.names.iter().map(|name| (name.as_str().to_owned(), name.range.start())));
        }
        let is_function = statement.is_function_def_stmt();
        self.functions += usize::from(is_function);
        visitor::walk_stmt(self, statement);
        self.functions -= usize::from(is_function);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Named(named) = expression
            && let Expr::Name(name) = &*named.target
            && self.functions == 0
        {
            self.names.insert(name.id.as_str().to_owned(), named.range.start());
        }
        visitor::walk_expr(self, expression);
    }
}

/// The parser names the error with a capital where this crate goes on after a colon.
fn plain(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn is_deferring(statement: &Stmt) -> bool {
    statement.as_import_from_stmt().is_some_and(|import| {
        import.module.as_ref().is_some_and(|module| module.as_str() == "__future__")
            && import.names.iter().any(|alias| alias.name.as_str() == "annotations")
    })
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 4 MiB"));
    }
    fs::read(path)
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match declared_encoding(bytes).as_deref() {
        Some("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1") => {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
        None | Some("utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii") => String::from_utf8(bytes.to_vec())
            .map_err(|error| format!("the file is not UTF-8 at byte {}", error.utf8_error().valid_up_to() + 1))?,
        Some(other) => return Err(format!("the file declares the encoding {other:?}, which pushpool does not read")),
    };
    if text.contains('\0') {
        return Err("the file holds null bytes".to_owned());
    }
    // Python reads all line ends as one.
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text })
}

/// The encoding that a comment in the first two lines names (PEP 263).
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.split(|byte| *byte == b'\n').take(2);
    head.filter_map(|line| std::str::from_utf8(line).ok()).find_map(|line| {
        let comment = line.trim_start().strip_prefix('#')?;
        let (_, value) = comment.split_once("coding")?;
        let value = value.strip_prefix([':', '='])?.trim_start();
        let name: String = value.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        Some(name.to_ascii_lowercase().replace('_', "-"))
    })
}

/// Whether some expression or block nests deeper than [`MAX_DEPTH`]. Within one bracket, every token since the last comma
/// may be a level of its own (`- - - x`, `a.b.c.d`).
fn is_too_deep(text: &str) -> bool {
    let mut lexer = lexer::lex(text, ruff_python_parser::Mode::Module);
    let mut levels: Vec<usize> = vec![0];
    let mut depth = 0;
    let mut blocks: usize = 0;
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => levels.push(0),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                depth -= if levels.len() > 1 { levels.pop().unwrap_or(0) } else { 0 };
            }
            TokenKind::Comma | TokenKind::Newline | TokenKind::Semi => {
                depth -= std::mem::take(levels.last_mut().unwrap_or(&mut 0));
            }
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::String => continue,
            TokenKind::FStringStart | TokenKind::FStringMiddle | TokenKind::FStringEnd => continue,
            _ => {}
        }
        if let Some(level) = levels.last_mut() {
            *level += 1;
            depth += 1;
        }
        if depth + blocks > MAX_DEPTH {
            return true;
        }
    }
}

fn top(shown: &Path) -> Place {
    Place { file: shown.to_owned(), line: 1, column: 1 }
}

fn place_in(shown: &Path, text: &str, lines: &[usize], at: TextSize) -> Place {
    let at = at.to_usize().min(text.len());
    let line = lines.partition_point(|start| *start <= at).max(1);
    let start = lines.get(line - 1).copied().unwrap_or(0);
    let column = text.get(start..at).map_or(0, |before| before.chars().count()) + 1;
    Place { file: shown.to_owned(), line, column }
}
