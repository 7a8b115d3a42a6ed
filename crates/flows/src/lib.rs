//! Flows and their parameters from Python source, without running it.
