//! Where the values of a deployment come from: a place in a file, or a flag that lies over it.

use yaml::{Node, Place};

use crate::problem::Origin;

/// Where the values of one entry come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    file: Option<(String, Node)>,
    flags: Vec<(String, String)>,
}

impl Places {
    /// Those of an entry in a file.
    pub(crate) fn of(file: &str, node: &Node) -> Self {
        Self { file: Some((file.to_owned(), node.clone())), flags: Vec::new() }
    }

    /// A flag says what stands at this JSON pointer, and below it.
    pub(crate) fn set(&mut self, pointer: &str, flag: &str) {
        self.flags.push((pointer.to_owned(), flag.to_owned()));
    }

    /// Where the value at a JSON pointer comes from; the nearest value around it if it is none of the file's own.
    pub(crate) fn origin(&self, pointer: &str) -> Option<Origin> {
        let covers =
            |flag: &str| pointer.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some((_, flag)) = self.flags.iter().rev().find(|(at, _)| covers(at)) {
            return Some(Origin::flag(flag));
        }
        let (file, root) = self.file.as_ref()?;
        Some(Origin::file(file, nearest(root, pointer)))
    }
}

/// The place of the value at a JSON pointer, or of the last value on the way to it.
pub(crate) fn nearest(root: &Node, pointer: &str) -> Place {
    let mut at = root.place;
    let mut node = root;
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        if let Some(item) = name.parse::<usize>().ok().and_then(|index| node.items().get(index)) {
            (at, node) = (item.place, item);
            continue;
        }
        let next = node.entries().iter().rev().find(|entry| entry.key.json_key() == name);
        let Some(entry) = next else { break };
        (at, node) = (entry.key.place, &entry.value);
    }
    at
}

/// A JSON pointer as people write a key: `work_pool.job_variables.cpu`, `schedules[0].cron`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut text = String::new();
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        if !name.is_empty() && name.bytes().all(|it| it.is_ascii_digit()) {
            text.push_str(&format!("[{name}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_shown_as_people_write_keys() {
        assert_eq!(dotted("/work_pool/job_variables/cpu"), "work_pool.job_variables.cpu");
        assert_eq!(dotted("/schedules/0/cron"), "schedules[0].cron");
        assert_eq!(dotted("/parameters/a~1b"), "parameters.a/b");
        assert_eq!(dotted(""), "");
    }

    #[test]
    fn a_flag_covers_what_is_below_it_and_nothing_beside_it() {
        let node = yaml::read("work_pool:\n  name: a\n  job_variables:\n    cpu: 1\n").expect("YAML");
        let mut places = Places::of("prefect.yaml", &node);
        let shown = |places: &Places, at: &str| places.origin(at).expect("a place").to_string();
        assert_eq!(shown(&places, "/work_pool/job_variables/cpu"), "prefect.yaml:4:5");
        assert_eq!(shown(&places, "/work_pool/job_variables/memory"), "prefect.yaml:3:3");
        places.set("/work_pool/name", "--pool");
        assert_eq!(shown(&places, "/work_pool/name"), "--pool");
        assert_eq!(shown(&places, "/work_pool/job_variables/cpu"), "prefect.yaml:4:5");
    }
}
