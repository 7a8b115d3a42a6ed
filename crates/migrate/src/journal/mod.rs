//! What an upgrade has written, kept so that it survives the process.
//!
//! A journal is a file of JSON lines that is only ever appended to. Each write to the server has a line before it, with what
//! was there and what is sent, and a line after it, with what is there now. A line is on the disk (`fsync`) before the next
//! step is taken. So wherever a process ends, the journal names every object that may have been changed, and holds what
//! a rollback puts back.
//!
//! A line that was cut off in the middle was never relied on: it is dropped when the file is opened again. Two processes
//! cannot use one journal at once, because the file is locked.

mod event;

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use prefect_api::models::Object as Document;

pub use self::event::{Event, Object, Request};
use self::event::{Line, VERSION};
use crate::{error::UpgradeError, plan::ServerSeen};

/// How far the work on an object is, by the last line about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A request was sent, or was to be; its effect is not known.
    Writing,
    /// It is written.
    Written,
    /// The server refused the request.
    Refused,
    /// A request that puts it back was sent, or was to be.
    Restoring,
    /// It is as it was before.
    Restored,
}

/// What the journal holds about an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The object.
    pub object: Object,
    /// How far the work is.
    pub stage: Stage,
    /// What was sent last.
    pub request: Request,
    /// What was there before the upgrade; none if there was no such object.
    pub before: Option<Document>,
    /// What was there afterwards, as far as that is known.
    pub after: Option<Document>,
}

/// The journal of one upgrade.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    plan: String,
    server: ServerSeen,
    /// In the order of their first lines.
    records: Vec<Record>,
    by_object: BTreeMap<Object, usize>,
}

/// A process that was forked meanwhile may hold the file open, and with it the lock, for a moment longer.
impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Journal {
    /// The journal of a plan: a new file, or the one that an earlier process has left.
    ///
    /// # Errors
    /// The file cannot be written, is in use, or belongs to another plan.
    pub fn of_plan(path: &Path, plan: &str, server: &ServerSeen) -> Result<Self, UpgradeError> {
        let (file, text) = whole_lines(Self::locked(path, true)?).map_err(|source| unusable_file(path, source))?;
        let mut journal = match text.is_empty() {
            true => Self::begun(file, path, plan, server)?,
            false => Self::read(file, path, &text)?,
        };
        if journal.plan != plan {
            return Err(journal.unusable(format!("it belongs to another plan ({})", crate::file::short(&journal.plan))));
        }
        journal.sync_directory()?;
        Ok(journal)
    }

    /// A journal that exists.
    ///
    /// # Errors
    /// There is none, it is in use, or it cannot be read.
    pub fn existing(path: &Path) -> Result<Self, UpgradeError> {
        let (file, text) = whole_lines(Self::locked(path, false)?).map_err(|source| unusable_file(path, source))?;
        Self::read(file, path, &text)
    }

    /// The server that it is about.
    #[must_use]
    pub fn server(&self) -> &ServerSeen {
        &self.server
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds, in the order of the first writes.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What it holds about an object.
    #[must_use]
    pub fn record(&self, object: &Object) -> Option<&Record> {
        self.by_object.get(object).map(|index| &self.records[*index])
    }

    /// Appends a line, and returns when it is on the disk.
    ///
    /// # Errors
    /// The file cannot be written: nothing more may be sent to the server.
    pub fn append(&mut self, event: Event) -> Result<(), UpgradeError> {
        let line = Line { at: Timestamp::now(), event };
        let written = serde_json::to_string(&line).map_err(io::Error::from).and_then(|text| {
            self.file.write_all(format!("{text}\n").as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|source| unusable_file(&self.path, source))?;
        self.note(line.event);
        Ok(())
    }

    fn locked(path: &Path, create: bool) -> Result<File, UpgradeError> {
        let mut options = OpenOptions::new();
        // Documents may hold what a user would not show.
        options.read(true).append(true).create(create).mode(0o600);
        let file = options.open(path).map_err(|source| unusable_file(path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(UpgradeError::Journal { path: path.to_owned(), problem: "another process uses it".to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(unusable_file(path, source)),
        }
    }

    fn begun(file: File, path: &Path, plan: &str, server: &ServerSeen) -> Result<Self, UpgradeError> {
        let mut journal = Self::empty(file, path, plan.to_owned(), server.clone());
        journal.append(Event::Opened { version: VERSION, plan: plan.to_owned(), server: server.clone() })?;
        Ok(journal)
    }

    fn read(file: File, path: &Path, text: &str) -> Result<Self, UpgradeError> {
        let unusable = |problem: String| UpgradeError::Journal { path: path.to_owned(), problem };
        let mut lines = text.lines().enumerate().map(|(index, line)| {
            serde_json::from_str::<Line>(line).map_err(|_| unusable(format!("line {} is none of a journal", index + 1)))
        });
        let (plan, server) = match lines.next().transpose()?.map(|line| line.event) {
            Some(Event::Opened { version: VERSION, plan, server }) => (plan, server),
            Some(Event::Opened { version, .. }) => {
                return Err(unusable(format!("its version is {version}, and this pushpool reads version {VERSION}")));
            }
            _ => return Err(unusable("it does not begin as a journal does".to_owned())),
        };
        let mut journal = Self::empty(file, path, plan, server);
        for line in lines {
            journal.note(line?.event);
        }
        Ok(journal)
    }

    fn empty(file: File, path: &Path, plan: String, server: ServerSeen) -> Self {
        Self { file, path: path.to_owned(), plan, server, records: Vec::new(), by_object: BTreeMap::new() }
    }

    /// Takes a line into account.
    fn note(&mut self, event: Event) {
        let Some(object) = event.object().cloned() else { return };
        if let Event::Writing { request, before, .. } = event {
            self.note_writing(object, request, before);
            return;
        }
        let Some(record) = self.by_object.get(&object).map(|index| &mut self.records[*index]) else { return };
        match event {
            Event::Written { after, .. } => {
                record.stage = Stage::Written;
                record.after = Some(after);
            }
            Event::Refused { .. } => record.stage = Stage::Refused,
            Event::Restoring { .. } => record.stage = Stage::Restoring,
            Event::Restored { .. } => record.stage = Stage::Restored,
            Event::Opened { .. } | Event::Writing { .. } => {}
        }
    }

    fn note_writing(&mut self, object: Object, request: Request, before: Option<Document>) {
        let record = Record { object: object.clone(), stage: Stage::Writing, request, before, after: None };
        match self.by_object.get(&object) {
            Some(index) => self.records[*index] = record,
            None => {
                self.by_object.insert(object, self.records.len());
                self.records.push(record);
            }
        }
    }

    fn unusable(&self, problem: String) -> UpgradeError {
        UpgradeError::Journal { path: self.path.clone(), problem }
    }

    /// A new file is only there for certain when its directory is on the disk.
    fn sync_directory(&mut self) -> Result<(), UpgradeError> {
        let parent = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let directory = parent.unwrap_or_else(|| Path::new("."));
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|source| unusable_file(&self.path, source))
    }
}

/// The text of a journal. A line that was cut off at its end is dropped, in the file too.
fn whole_lines(mut file: File) -> io::Result<(File, String)> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        // A file of another kind is refused as it is.
        if whole > 0 || text.starts_with("{\"at\":") {
            file.set_len(whole as u64)?;
            file.sync_data()?;
            text.truncate(whole);
        }
    }
    Ok((file, text))
}

fn unusable_file(path: &Path, source: io::Error) -> UpgradeError {
    UpgradeError::JournalFile { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
