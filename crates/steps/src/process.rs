//! Programs that steps run.
//!
//! Each leads a process group of its own, so that an interrupt ends all that it has started. A group in the background
//! cannot read from the terminal; the kernel stops it when it tries, which would look like a hang and is an error here.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Child,
    signal::unix::{SignalKind, signal},
};

use crate::{
    context::{Scene, Stream},
    error::Problem,
};

/// Time for a program to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// Lines of a program that an error repeats.
const TAIL_LINES: usize = 10;

/// Characters of such a line.
const TAIL_COLUMNS: usize = 400;

/// A program to run.
#[derive(Debug)]
pub(crate) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    input: Vec<u8>,
    streamed: bool,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// A program in the step's directory, with the variables of the context. Its output is streamed.
    pub(crate) fn new(name: impl Into<OsString>, scene: Scene<'_>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            directory: scene.directory.to_owned(),
            environment: scene.context.environment.clone(),
            input: Vec::new(),
            streamed: true,
        }
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn streamed(mut self, streamed: bool) -> Self {
        self.streamed = streamed;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It does not start, is interrupted, or wants the terminal. How it ends is in the answer.
    pub(crate) async fn run(self, scene: Scene<'_>) -> Result<Ended, Problem> {
        let name = self.name.to_string_lossy().into_owned();
        let (interrupt, streamed) = (&scene.context.interrupt, self.streamed);
        if interrupt.is_cancelled() {
            return Err(Problem::Interrupted);
        }
        let input = self.input.clone();
        let mut child = self.spawn()?;
        let mut group = Group::of(&child);
        let stopped = group.stopped();
        let ended = {
            let following = follow(&mut child, input, streamed.then_some(scene));
            tokio::select! {
                ended = following => Some(ended),
                () = interrupt.cancelled() => None,
                () = stopped => return Err(Problem::Terminal { command: format!("`{name}`") }),
            }
        };
        let Some(ended) = ended else {
            group.signal(Signal::TERM);
            // Whether it ends in time or not, what is left of the group is killed with it.
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            return Err(Problem::Interrupted);
        };
        group.release();
        ended.map_err(|source| Problem::Start { program: name, source: Arc::new(source) })
    }

    /// Runs it to its end and takes its failure as an error.
    pub(crate) async fn succeed(self, scene: Scene<'_>, command: &str) -> Result<Ended, Problem> {
        let ended = self.run(scene).await?;
        if ended.status.success() { Ok(ended) } else { Err(ended.failure(command)) }
    }

    fn spawn(self) -> Result<Child, Problem> {
        let mut command = tokio::process::Command::new(&self.name);
        command
            .args(&self.arguments)
            .envs(&self.environment)
            .current_dir(&self.directory)
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let program = self.name.to_string_lossy().into_owned();
        command.spawn().map_err(|source| {
            // The same error stands for a directory that is not there.
            if !self.directory.is_dir() {
                return Problem::file("run in the directory", &self.directory, source);
            }
            match source.kind() {
                io::ErrorKind::NotFound => Problem::NoProgram { program, hint: None },
                _ => Problem::Start { program, source: Arc::new(source) },
            }
        })
    }
}

impl Ended {
    /// The failure of `command`, with the last lines of its errors, or of its output if it wrote none.
    pub(crate) fn failure(&self, command: &str) -> Problem {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        Problem::Exit { command: command.to_owned(), status: status_of(self.status), tail: tail_of(text), hint: None }
    }
}

/// Writes the input and reads the output until the program has ended.
async fn follow(child: &mut Child, input: Vec<u8>, scene: Option<Scene<'_>>) -> io::Result<Ended> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read its input.
            let _ = stdin.write_all(&input).await;
        }
    };
    let ((), stdout, stderr) =
        tokio::join!(write, read(stdout, Stream::Stdout, scene), read(stderr, Stream::Stderr, scene));
    Ok(Ended { status: child.wait().await?, stdout: stdout?, stderr: stderr? })
}

/// Reads to the end; gives out lines as they become complete.
async fn read(pipe: Option<impl AsyncRead + Unpin>, stream: Stream, scene: Option<Scene<'_>>) -> io::Result<String> {
    let Some(mut pipe) = pipe else { return Ok(String::new()) };
    let (mut bytes, mut shown) = (Vec::new(), 0);
    let give = |line: &[u8]| {
        if let Some(scene) = scene {
            scene.line(stream, &String::from_utf8_lossy(line));
        }
    };
    while pipe.read_buf(&mut bytes).await? > 0 {
        // A carriage return ends a line of progress, too.
        while let Some(length) = bytes[shown..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let line = &bytes[shown..shown + length];
            let is_second = shown > 0 && bytes[shown - 1] == b'\r';
            if !line.is_empty() || (bytes[shown + length] == b'\n' && !is_second) {
                give(line);
            }
            shown += length + 1;
        }
    }
    if shown < bytes.len() {
        give(&bytes[shown..]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A process group, killed when its owner goes away before the program has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// A group that is gone has what it was to get.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, signal);
        }
    }

    /// What a program that has ended leaves running, it has left on purpose.
    fn release(&mut self) {
        self.0 = None;
    }

    /// Waits until the kernel stops the leader because it uses the terminal.
    fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let leader = self.0;
        async move {
            let (Some(leader), Ok(mut children)) = (leader, signal(SignalKind::child())) else {
                return std::future::pending().await;
            };
            while !wants_terminal(leader) {
                if children.recv().await.is_none() {
                    return std::future::pending().await;
                }
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn wants_terminal(leader: Pid) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(leader), options).ok().flatten();
    let stopping = status.and_then(|status| status.stopping_signal());
    stopping.is_some_and(|number| number == Signal::TTIN.as_raw() || number == Signal::TTOU.as_raw())
}

/// "exited with status 3", "was killed by signal 9".
fn status_of(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The last lines, shortened.
fn tail_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    tail.iter().map(|line| line.chars().take(TAIL_COLUMNS).collect::<String>()).collect::<Vec<_>>().join("\n")
}
