//! Docstrings: cleaned as `inspect.getdoc` does, and the parameters of a Google-style section.
//!
//! Prefect reads parameter descriptions with griffe, and only Google's style. Sections have quirks that are kept: a
//! section needs a blank line above and none below its title, and of several sections the last one counts.

use ruff_python_ast::Stmt;

/// The docstring of a function or a class, as written.
pub(crate) fn of(body: &[Stmt]) -> Option<String> {
    let first = body.first()?.as_expr_stmt()?;
    Some(first.value.as_string_literal_expr()?.value.to_str().to_owned())
}

/// Python's `inspect.cleandoc`: tabs expanded, common indentation and blank lines around removed.
pub(crate) fn clean(doc: &str) -> String {
    let expanded = expand_tabs(doc);
    let mut lines: Vec<&str> = expanded.split('\n').collect();
    let indent_of = |line: &&str| {
        let content = line.trim_start_matches(is_space);
        (!content.is_empty()).then(|| line.chars().count() - content.chars().count())
    };
    let margin = lines.iter().skip(1).filter_map(indent_of).min();
    if let Some(first) = lines.first_mut() {
        *first = first.trim_start_matches(is_space);
    }
    if let Some(margin) = margin {
        for line in lines.iter_mut().skip(1) {
            let cut = line.char_indices().nth(margin).map_or(line.len(), |(at, _)| at);
            *line = &line[cut..];
        }
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let start = lines.iter().take_while(|line| line.is_empty()).count();
    lines[start..].join("\n")
}

/// What Python's `str.strip` takes for white space, beyond Unicode's.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

fn expand_tabs(text: &str) -> String {
    if !text.contains('\t') {
        return text.to_owned();
    }
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' => {
                let width = 8 - column % 8;
                expanded.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\n' | '\r' => {
                expanded.push(character);
                column = 0;
            }
            _ => {
                expanded.push(character);
                column += 1;
            }
        }
    }
    expanded
}

/// The descriptions of parameters in a cleaned docstring.
pub(crate) fn parameters(doc: &str) -> Vec<(String, String)> {
    let doc = clean(doc.trim_end_matches(is_space));
    let lines: Vec<&str> = doc.split('\n').collect();
    let mut found = Vec::new();
    let mut is_code = false;
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        let is_fence = line.trim_start_matches(' ').starts_with("```");
        if is_fence || is_code {
            is_code = is_fence != is_code;
            index += 1;
            continue;
        }
        match section(&lines, index) {
            None => index += 1,
            Some(Section::Parameters) => {
                let (items, next) = items(&lines, index + 1);
                let described: Vec<_> = items.iter().filter_map(|item| parameter(item)).collect();
                // A section without parameters counts as none.
                if !described.is_empty() {
                    found = described;
                }
                index = next;
            }
            Some(Section::Items) => index = items(&lines, index + 1).1,
            Some(Section::Block) => index = block_end(&lines, index + 1),
        }
    }
    found
}

/// What follows a title line.
enum Section {
    Parameters,
    /// Items with continuation lines indented further.
    Items,
    /// Text with any indentation: examples and admonitions.
    Block,
}

fn section(lines: &[&str], index: usize) -> Option<Section> {
    let name = title_line(lines[index])?.to_lowercase();
    let at = |offset: usize| lines.get(index + offset).copied();
    let is_blank = |line: Option<&str>| line.is_some_and(is_empty);
    let is_indented = |line: Option<&str>| line.is_some_and(|line| !is_empty(line) && line.starts_with(' '));
    let is_above_blank = index == 0 || is_empty(lines[index - 1]);
    let is_next = is_indented(at(1));
    if !is_next && !is_indented(at(2)) || !is_above_blank || is_blank(at(1)) && is_indented(at(2)) {
        return None;
    }
    Some(match name.as_str() {
        "args" | "arguments" | "params" | "parameters" => Section::Parameters,
        "keyword args" | "keyword arguments" | "other args" | "other arguments" | "other params"
        | "other parameters" | "type args" | "type arguments" | "type params" | "type parameters" | "raises"
        | "exceptions" | "returns" | "yields" | "receives" | "attributes" | "functions" | "methods" | "classes"
        | "type aliases" | "modules" | "warns" | "warnings" => Section::Items,
        _ => Section::Block,
    })
}

/// The words before the colon of `Args:` or `Note: title`.
fn title_line(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(':')?;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_title = name.starts_with(is_word) && name.chars().all(|c| is_word(c) || c == '-' || is_space(c));
    let is_apart = rest.trim_matches(is_space).is_empty() || rest.starts_with(is_space);
    (is_title && is_apart).then_some(name)
}

fn is_empty(line: &str) -> bool {
    line.chars().all(is_space)
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|c| is_space(*c)).count()
}

/// The items of a section that starts at `from`, and the line after it.
fn items(lines: &[&str], from: usize) -> (Vec<Vec<String>>, usize) {
    let Some(start) = (from..lines.len()).find(|index| !is_empty(lines[*index])) else {
        return (Vec::new(), lines.len());
    };
    let indent = indent_of(lines[start]);
    if indent == 0 {
        return (Vec::new(), start);
    }
    let spaces = |count: usize| " ".repeat(count);
    let skip = |line: &str, count: usize| line.chars().skip(count).collect::<String>();
    let mut items: Vec<Vec<String>> = vec![vec![skip(lines[start], indent)]];
    let mut index = start + 1;
    while let Some(line) = lines.get(index) {
        let continued = if is_empty(line) {
            Some(String::new())
        } else if line.starts_with(&spaces(indent * 2)) {
            Some(skip(line, indent * 2))
        } else if line.starts_with(&spaces(indent + 1)) {
            Some(line.trim_start_matches(is_space).to_owned())
        } else {
            None
        };
        match continued {
            Some(line) => items.last_mut().into_iter().for_each(|item| item.push(line.clone())),
            None if line.starts_with(&spaces(indent)) => items.push(vec![skip(line, indent)]),
            None => break,
        }
        index += 1;
    }
    (items, index)
}

/// The line after an indented block.
fn block_end(lines: &[&str], from: usize) -> usize {
    let Some(start) = (from..lines.len()).find(|index| !is_empty(lines[*index])) else { return lines.len() };
    let indent = indent_of(lines[start]);
    if indent == 0 {
        return from;
    }
    let belongs = |line: &str| is_empty(line) || line.starts_with(&" ".repeat(indent));
    (start + 1..lines.len()).find(|index| !belongs(lines[*index])).unwrap_or(lines.len())
}

fn parameter(item: &[String]) -> Option<(String, String)> {
    let (name, first) = item.first()?.split_once(':')?;
    let mut lines = vec![first.trim_start_matches(is_space)];
    lines.extend(item[1..].iter().map(String::as_str));
    let description = lines.join("\n").trim_end_matches('\n').to_owned();
    let name = match name.split_once('(') {
        Some((before, _)) if name.ends_with(')') => before.trim_matches(is_space),
        _ => name,
    };
    Some((name.to_owned(), description))
}
