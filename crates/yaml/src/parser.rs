//! Events of a text.

use std::collections::HashMap;

use saphyr_parser::{Event as Found, ScalarStyle, StrInput};

use crate::{
    error::YamlError,
    event::{Data, Event, Mark, Properties, Style},
};

pub(crate) struct Parser<'t> {
    text: &'t str,
    inner: saphyr_parser::Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, String>,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, inner: saphyr_parser::Parser::new_from_str(text), anchors: HashMap::new() }
    }

    pub(crate) fn next(&mut self) -> Result<Event<'t>, YamlError> {
        loop {
            let (found, span) = match self.inner.next_event() {
                Some(Ok(found)) => found,
                Some(Err(error)) => {
                    return Err(YamlError::new(mark(error.marker()).place(), error.info()));
                }
                None => {
                    return Ok(Event { data: Data::StreamEnd, start: Mark::default(), end: Mark::default() });
                }
            };
            let (start, end) = (mark(&span.start), mark(&span.end));
            let is_flow = self.text[start.byte..].starts_with(['{', '[']);
            let data = match found {
                Found::Nothing | Found::StreamStart => continue,
                Found::StreamEnd => Data::StreamEnd,
                Found::DocumentStart(_) => Data::DocumentStart,
                Found::DocumentEnd => Data::DocumentEnd,
                Found::Alias(id) => Data::Alias(self.anchor(id).unwrap_or_default()),
                Found::Scalar(value, style, anchor, tag) => Data::Scalar {
                    value,
                    properties: Properties { anchor: self.anchor(anchor), tag: tag_of(tag.as_deref()) },
                    style: match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::SingleQuoted => Style::SingleQuoted,
                        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                        _ => Style::Block,
                    },
                },
                Found::SequenceStart(anchor, tag) => Data::SequenceStart {
                    properties: Properties { anchor: self.anchor(anchor), tag: tag_of(tag.as_deref()) },
                    is_flow,
                },
                Found::SequenceEnd => Data::SequenceEnd,
                Found::MappingStart(anchor, tag) => Data::MappingStart {
                    properties: Properties { anchor: self.anchor(anchor), tag: tag_of(tag.as_deref()) },
                    is_flow,
                },
                Found::MappingEnd => Data::MappingEnd,
            };
            return Ok(Event { data, start, end });
        }
    }

    fn anchor(&mut self, id: usize) -> Option<String> {
        (id > 0).then(|| self.anchors.entry(id).or_insert_with(|| format!("{id}")).clone())
    }
}

fn tag_of(tag: Option<&saphyr_parser::Tag>) -> Option<String> {
    tag.map(|tag| format!("{}{}", tag.handle, tag.suffix))
}

fn mark(marker: &saphyr_parser::Marker) -> Mark {
    Mark { byte: marker.index(), line: marker.line().saturating_sub(1), column: marker.col() }
}
