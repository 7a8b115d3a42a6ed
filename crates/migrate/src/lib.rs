//! From agents, workers and blocks to push pools.
