//! The arguments of `pushpool render`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::args::{Output, RequestArgs};

pub(crate) const HELP: &str = "\
Examples:
  pushpool render --pool events/pools/demo.json \\
      --deployment events/deployments/orders-report.json
      The requests for a run of a deployment.
  prefect work-pool inspect my-pool --output json | pushpool render --pool - --explain
      Where each value comes from.
  curl -s $PREFECT_API_URL/deployments/$ID |
      pushpool render --pool pool.json --deployment - | jq .runTask
      A deployment as the Prefect API returns it.

Documents are JSON as the Prefect API returns them; a base job template alone
serves as a pool, too. The output has AWS's own names. registerTaskDefinition is
null when the pool brings its own task_definition_arn.

Exit codes:
  0    printed
  1    the run cannot be rendered, or a document cannot be read; standard error
       has the code and what to do
  2    the command line is wrong";

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The work pool, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pool: PathBuf,

    /// A deployment of the pool, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) deployment: Option<PathBuf>,

    /// The flow run, or - for standard input; without one the ids are placeholders
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) flow_run: Option<PathBuf>,

    /// The flow, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) flow: Option<PathBuf>,

    /// What {{ prefect.blocks… }}, {{ prefect.variables… }} and $ref stand for: {"blocks": {"TYPE/NAME": data},
    /// "block_documents": {"ID": data}, "variables": {"NAME": value}}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) references: Option<PathBuf>,

    /// Print where each value comes from instead of the requests
    #[arg(long)]
    pub(crate) explain: bool,

    /// Form of the explanation; the requests are JSON always
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text, requires = "explain")]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}
