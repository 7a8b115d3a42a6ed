//! Writes `docs/errors.md` anew: `cargo run -p diagnosis --example errors`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    fs::write(path, diagnosis::page())
}
