//! The messages as people and programs read them.

use jiff::Timestamp;
use manage::{
    redrive::{Done, Fate, Item, Mailbox, messages},
    times::ago,
};
use serde_json::{Value, json};

use crate::{
    grid::{self, Cell},
    output::{BAD, DIM, GOOD, HEAD, ODD},
};

/// A table for each queue.
pub(super) fn text(boxes: &[Mailbox], now: Timestamp, width: Option<usize>) -> String {
    let mut lines = Vec::new();
    for it in boxes {
        let heading = format!("{}: {}", it.name(), held(it));
        lines.push(crate::output::paint(HEAD, heading));
        if it.items.is_empty() {
            continue;
        }
        let headings = ["CODE", "SINCE", "WORK POOL", "RUN", "", "WHY"].map(|text| Cell::new(text).styled(DIM));
        let mut rows = vec![headings.to_vec()];
        rows.extend(it.items.iter().map(|item| row(item, now)));
        lines.extend(grid::lines(&rows, width));
        // What the function said, once for each code.
        let mut said: Vec<&str> = Vec::new();
        for item in &it.items {
            let (Some(code), Some(summary)) = (&item.letter.code, &item.letter.summary) else { continue };
            if !said.contains(&code.as_str()) {
                said.push(code);
                let detail = item.letter.detail.as_deref().unwrap_or_default();
                lines.extend(grid::lines(
                    &[vec![Cell::new(code).styled(DIM), Cell::new(format!("{summary}. {detail}")).styled(DIM)]],
                    width,
                ));
            }
        }
        lines.push(String::new());
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// "empty", "2 messages", "10 of about 25 messages".
fn held(it: &Mailbox) -> String {
    match (it.items.len(), it.depth) {
        (0, 0) => "empty".to_owned(),
        (seen, depth) if depth > seen => format!("{seen} of about {}", messages(depth)),
        (seen, _) => messages(seen),
    }
}

fn row(item: &Item, now: Timestamp) -> Vec<Cell> {
    let fate = match (&item.done, item.verdict.fate) {
        (Done::Nothing, Fate::Send) => Cell::new("send").styled(GOOD),
        (Done::Nothing, Fate::Leave) => Cell::new("leave").styled(DIM),
        (Done::Nothing, Fate::Uncertain) => Cell::new("unclear").styled(ODD),
        (Done::Sent, _) => Cell::new("sent").styled(GOOD),
        (Done::Deleted, _) => Cell::new("deleted"),
        (Done::SentAndKept(_), _) => Cell::new("sent, still here").styled(ODD),
        (Done::NotSent(_), _) => Cell::new("not sent").styled(BAD),
        (Done::NotDeleted(_), _) => Cell::new("not deleted").styled(BAD),
    };
    let run = item.message.as_ref().map(|message| message.flow_run_id.to_string());
    let name = item.name.clone().or(run).unwrap_or_else(|| "-".to_owned());
    let why = item.done.trouble().unwrap_or(&item.verdict.why);
    vec![
        Cell::new(item.letter.code.as_deref().unwrap_or("-")),
        Cell::new(item.letter.sent_at.map(|at| ago(at, now)).unwrap_or_default()),
        Cell::new(item.message.as_ref().map_or("-", |message| &message.work_pool)),
        Cell::new(name),
        fate,
        Cell::new(why),
    ]
}

/// One document.
pub(super) fn json(boxes: &[Mailbox]) -> Value {
    let queues: Vec<Value> = boxes
        .iter()
        .map(|it| json!({"name": it.name(), "messages": it.items.iter().map(item).collect::<Vec<_>>(), "depth": it.depth}))
        .collect();
    json!({"queues": queues})
}

fn item(item: &Item) -> Value {
    let fate = match item.verdict.fate {
        Fate::Send => "send",
        Fate::Leave => "leave",
        Fate::Uncertain => "unclear",
    };
    let message = item.message.as_ref();
    json!({
        "message_id": item.letter.message_id,
        "code": item.letter.code,
        "summary": item.letter.summary,
        "detail": item.letter.detail,
        "sent_at": item.letter.sent_at,
        "flow_run_id": message.map(|message| message.flow_run_id),
        "flow_run_name": item.name,
        "work_pool": message.map(|message| &message.work_pool),
        "standalone": message.map(|message| message.run.is_some()),
        "verdict": fate,
        "why": item.verdict.why,
        "to": item.to,
        "done": item.done.word(),
        "trouble": item.done.trouble(),
    })
}
