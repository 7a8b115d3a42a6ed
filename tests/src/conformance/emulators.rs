//! Emulators of AWS that others wrote, from PyPI, as processes that end with their guard.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::rig::python::python;

/// How long an emulator may take until it listens. moto imports for 3 s on a quiet machine.
const START: Duration = Duration::from_secs(120);

/// How long it may take to end when told to.
const END: Duration = Duration::from_secs(5);

/// A running emulator; stopped on drop, with everything it started.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    address: SocketAddr,
    scratch: TempDir,
}

/// `moto_server` on a free port of 127.0.0.1.
pub fn moto() -> Emulator {
    Emulator::start("moto", |port, scratch| {
        let mut command = python().command(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        command.current_dir(scratch);
        command
    })
}

/// ministack on a free port of 127.0.0.1. Functions it runs are host processes.
pub fn ministack() -> Emulator {
    Emulator::start("ministack", |port, scratch| {
        let mut command = python().command(["-m", "ministack"]);
        command
            .current_dir(scratch)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("TMPDIR", scratch)
            // The one listener of its own, on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            // No container engine, also where there is one: tasks are only entries in its tables.
            .env("DOCKER_HOST", "unix:///nonexistent");
        command
    })
}

impl Emulator {
    fn start(name: &str, command: impl Fn(u16, &Path) -> Command) -> Self {
        // Between finding a port free and using it someone else may take it.
        for _ in 0..3 {
            let scratch = TempDir::new().expect("a scratch directory can be made");
            let log = File::create(scratch.path().join("log")).expect("the emulator's log can be created");
            let address = free_address();
            let mut process = command(address.port(), scratch.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a file handle can be cloned"))
                .stderr(log)
                // Its own group, so that the functions it runs end with it.
                .process_group(0)
                .spawn()
                .unwrap_or_else(|error| panic!("{name} can not be started: {error}"));
            let started = Instant::now();
            while process.try_wait().expect("the emulator can be waited for").is_none() {
                if TcpStream::connect(address).is_ok() {
                    return Self { process, address, scratch };
                }
                assert!(started.elapsed() < START, "{name} does not listen:\n{}", log_of(&scratch));
                sleep(Duration::from_millis(50));
            }
            eprintln!("{name} ended at once, trying another port:\n{}", log_of(&scratch));
        }
        panic!("{name} does not start");
    }

    /// For `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        log_of(&self.scratch)
    }

    /// Signals the whole group. `kill` because the standard library can only kill outright, and only one process.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status().ok();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.signal("-TERM");
        let told = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && told.elapsed() < END {
            sleep(Duration::from_millis(20));
        }
        self.signal("-KILL");
        self.process.wait().ok();
    }
}

fn free_address() -> SocketAddr {
    let find = || -> io::Result<SocketAddr> { TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr() };
    find().expect("127.0.0.1 has a free port")
}

fn log_of(scratch: &TempDir) -> String {
    std::fs::read_to_string(scratch.path().join("log")).unwrap_or_default()
}
