//! Prints what the source says of flows: `cargo run -p flows --example describe -- ROOT [ENTRYPOINT…]`. Without
//! entrypoints, all flows of the project.

use std::time::Instant;

use flows::Project;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let project = Project::new(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let mut entrypoints: Vec<String> = arguments.collect();
    if entrypoints.is_empty() {
        entrypoints = project.find().into_iter().map(|found| found.entrypoint).collect();
    }
    let start = Instant::now();
    for entrypoint in &entrypoints {
        match project.flow(entrypoint) {
            Ok(flow) => {
                println!("{entrypoint}\t{}\t{}", flow.name, flow.schema);
                for unknown in flow.unknown {
                    println!("{entrypoint}\t? {:?}: {} ({})", unknown.part, unknown.why, unknown.place);
                }
            }
            Err(error) => println!("{entrypoint}\t! {error}"),
        }
    }
    eprintln!("{} entrypoints in {:?}", entrypoints.len(), start.elapsed());
}
