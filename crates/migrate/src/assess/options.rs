//! What the user decides about an upgrade.

use std::collections::BTreeMap;

/// How an upgrade is planned.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// URL of the server, for the plan; without credentials.
    pub server_url: String,
    /// Where the estate comes from.
    pub source: Source,
    /// Which blocks share a pool.
    pub sharing: Sharing,
    /// Whether to take settings that fail under the agent today and have only one sensible meaning: missing parents of JSON patches
    /// are made, a command written as text is split, an object written as text is read, a strategy of capacity providers goes
    /// before the launch type that patches leave beside it, and a network that patches write without its wrapper, or take away
    /// where there must be one, is written.
    pub repair: bool,
    /// Whether to move deployments without a work queue, which no agent runs: they would start.
    pub without_queue: bool,
    /// Deployments of other infrastructure that go to a push pool: its name, by block (`docker-container/dock`), by type of block
    /// (`docker-container`), or by deployment (`flow/deployment`).
    pub map: BTreeMap<String, String>,
    /// Settings of the dispatcher, as far as they are known: with them, the plan renders exactly what it will send.
    pub settings: ecs::Settings,
}

/// Where an estate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// The server that the push pools will be on.
    #[default]
    SelfHosted,
    /// Another server: Prefect Cloud, or a self-hosted one. Its `ecs:push` pools are made under the same names; deployments
    /// cannot be moved between servers.
    Elsewhere,
}

/// Which blocks share a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// A pool for each block.
    #[default]
    PoolPerBlock,
    /// One pool for all blocks whose templates differ in defaults of job variables only.
    Shared,
}
