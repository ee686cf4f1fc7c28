//! The command line.

mod storage;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use stateful_asg_campaign::classes::Class;

pub(crate) use storage::{
    AdoptArgs, CancelArgs, Chosen, ConsentArgs, GroupArgs, GroupCommand, ListArgs, ListSnapshotsArgs, MoveArgs,
    PlaceArgs, RemoveGroupArgs, RemoveVolumesArgs, RestoreArgs, RetireArgs, SlotArgs, SlotCommand, SnapshotsArgs,
    SnapshotsCommand, VolumesArgs, VolumesCommand,
};

/// How many slots the demo can show at most: as many as fit on a screen.
const MOST_SLOTS: i64 = 40;

/// Simulated seconds in a real second, where nobody says.
pub(crate) const SPEED: f64 = 5.0;

/// Gives the members of an Auto Scaling group a volume, an address and a name that outlive the instance.
#[derive(Debug, Parser)]
#[command(
    name = "stateful-asg",
    version,
    max_term_width = 110,
    after_help = "Exit codes: 0 fine, 1 something was found wrong or failed, 2 the command line was wrong.\n\
                  Data goes to stdout, everything else to stderr. NO_COLOR is respected."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Sim(SimArgs),
    Spec(SpecArgs),
    Slot(SlotArgs),
    Volumes(VolumesArgs),
    Snapshots(SnapshotsArgs),
    Adopt(AdoptArgs),
    Group(GroupArgs),
}

/// Shows on this machine, without an AWS account, how a replaced node keeps its volume, address and name.
///
/// Starts a simulated AWS, runs the compiled functions against it, creates a group of database nodes, lets something
/// happen to them, and compares what the nodes have afterwards with what they had. Where hours must go by, the
/// simulated clock leaps. The simulated AWS listens on 127.0.0.1 only. Nothing else is contacted, and nothing stays behind.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg demo                             three nodes come up, one dies\n  \
    stateful-asg demo --slots 5 --kill 2          five nodes, two die at once\n  \
    stateful-asg demo --story move                a node dies in a zone without capacity: its data goes elsewhere\n  \
    stateful-asg demo --story grow                volumes follow an edit of the spec\n  \
    stateful-asg demo --story scale-in            a slot is retired to its snapshots, and comes back\n  \
    stateful-asg demo --json | jq '.slots[0]'     for scripts\n\n\
    With --json one object is printed on stdout: `ok`; `story`; `problems`; `checks` (each `what`, `ok` and `detail`); \
    `slots` (each `slot`, `before` and `after`, which hold `instance`, `zone`, `volumes` and their `gib` by name, `ip` \
    and `name`); `killed` (slots); `volumes_created`; `api_calls` by operation, and those since the story's turn, which \
    are called `api_calls_of_replacement` in failover and `api_calls_of_story` in the others; `turn_at_seconds`, when \
    the nodes die, the spec is edited or the capacity goes down; `parts` (each `slot`, \
    `from_seconds` after the turn, `took_seconds`, `waited_on` and `what`); `timeline` (each `at_seconds`, `slot` and \
    `what`); `seconds`; `rights` of the functions (`used`, `unused`, and `spare`, which others give too). All times are simulated seconds, where nothing else is said since the group was created.")]
pub(crate) struct DemoArgs {
    /// What happens.
    #[arg(long, value_enum, default_value_t = Story::Failover)]
    pub(crate) story: Story,
    /// How many nodes the group has.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_SLOTS))]
    pub(crate) slots: u32,
    /// How many of them die, in the story `failover`.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_SLOTS))]
    pub(crate) kill: u32,
    /// Take this statement out of the functions' policies, such as `ServePolicy/OurVolumes`, and see what needs it.
    #[arg(long, value_name = "POLICY/STATEMENT")]
    pub(crate) without: Option<String>,
    /// Print one JSON object on stdout instead of the report.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
}

/// What the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Story {
    /// Nodes die; each replacement gets the volume, the address and the name.
    Failover,
    /// A node dies in a zone without capacity; its data and its name go to another zone.
    Move,
    /// The spec asks for larger and faster volumes; they grow under the running nodes.
    Grow,
    /// A slot is given up, retired to its snapshots, and needed again.
    ScaleIn,
}

impl Story {
    /// Simulated seconds in a real second, where nobody says. The longer stories would take minutes at the pace at which
    /// a person can follow the first.
    pub(crate) fn speed(self) -> f64 {
        match self {
            Self::Failover => SPEED,
            Self::Move | Self::Grow | Self::ScaleIn => 15.0,
        }
    }
}

/// A simulated AWS to play with.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    #[command(subcommand)]
    pub(crate) command: SimCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    Serve(ServeArgs),
    Run(RunArgs),
    Replay(ReplayArgs),
}

/// Runs random histories of groups, with everything that can go wrong, and holds the rules against each of them.
///
/// Each history is drawn from a seed: a group, a spec, what people and AWS do to it, which calls and events fail and how.
/// The functions' own code runs in it, in simulated time; after everything that takes effect the rules of docs/safety.md
/// are checked against the truth. At its end faults and people rest, and the group must be served, or say what it waits
/// for, and then be quiet. What was reached is counted. The first history that breaks a rule is made short and written to a
/// file: what each actor saw, planned and did.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg sim run --histories 1000\n  \
    stateful-asg sim run --histories 1000000 --seed 7 --until-failure\n  \
    stateful-asg sim run --histories 1000 --json | jq .violations\n  \
    stateful-asg sim run --only killed-after --only stalled\n\n\
    With --json one object is printed on stdout: `histories`, `violations`, `seed` (the first that broke a rule, else the \
    first of all), `seconds`, `faults`, `classes`, `steps` and `waitings` (counts by kind), and `broken` (each `seed`, `rule`, `what`).")]
pub(crate) struct RunArgs {
    /// How many histories.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) histories: u64,
    /// The first one's seed; the others follow it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many at once; as many as there are cores by default.
    #[arg(long, value_name = "J", value_parser = jobs)]
    pub(crate) jobs: Option<usize>,
    /// End at the first history that breaks a rule.
    #[arg(long)]
    pub(crate) until_failure: bool,
    /// Where the short history that breaks a rule is written down, step by step; `sim-SEED.trace.txt` by default.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// Print one JSON object on stdout instead of the tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which classes of faults happen.
#[derive(Debug, Args)]
pub(crate) struct ClassArgs {
    /// Leave faults of this class out; may be said again.
    #[arg(long, value_name = "CLASS", value_parser = class())]
    pub(crate) without: Vec<Class>,
    /// Leave all other classes out; may be said again.
    #[arg(long, value_name = "CLASS", value_parser = class(), conflicts_with = "without")]
    pub(crate) only: Vec<Class>,
}

/// A class by its name; `--help` lists them.
fn class() -> impl clap::builder::TypedValueParser<Value = Class> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    let names = Class::ALL.map(|class| PossibleValue::new(class.name()).help(class.about()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Class>())
}

/// Shows one history step by step: what each actor saw, planned and did, what it was answered, and what came of it.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The history's seed.
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// If it breaks a rule, show the shortest history found that breaks the same one.
    #[arg(long)]
    pub(crate) shortest: bool,
}

/// Serves a simulated AWS on 127.0.0.1 until Ctrl-C, with the functions connected.
///
/// It is for the AWS CLI, boto3 and any other client of EC2, Auto Scaling, Route 53, DynamoDB, EventBridge and STS. The
/// functions are connected as the deployment `sim`: they serve groups whose hooks begin with `stateful-asg-sim-`
/// and that bear its tags. A hosted zone `prod.internal` and the functions' table `stateful-asg` exist from the start,
/// and a subnet in each of three zones. Stdout gets the lines to paste into another shell, stderr what the functions
/// do.
#[derive(Debug, Args)]
#[command(after_help = crate::serve::EXAMPLE)]
pub(crate) struct ServeArgs {
    /// The port to listen on; a free one by default.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Leave the functions out: hooks then wait until you complete them yourself.
    #[arg(long, conflicts_with = "functions")]
    pub(crate) no_functions: bool,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
}

/// How the simulated AWS runs.
#[derive(Debug, Args)]
pub(crate) struct WorldArgs {
    /// Everything random (identifiers, delays) is drawn from this.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub(crate) seed: u64,
    /// Simulated seconds in a real second; 5 by default, 15 in the demo's longer stories.
    #[arg(long, value_name = "X", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// The compiled functions; by default `stateful-asg-functions` beside this program.
    #[arg(long, value_name = "PATH")]
    pub(crate) functions: Option<PathBuf>,
}

/// Checks a group's settings, or puts them into the table.
#[derive(Debug, Args)]
pub(crate) struct SpecArgs {
    #[command(subcommand)]
    pub(crate) command: SpecCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpecCommand {
    Check(CheckArgs),
    Apply(ApplyArgs),
}

/// Names every problem of a spec, or prints the text to paste into the launch hook.
///
/// AWS is not asked. A good spec is printed on stdout in its shortest form, to paste as `NotificationMetadata` of the launch hook; its
/// length and what is worth a second look go to stderr. Otherwise every problem is named with its path.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg spec check cassandra.json\n  \
    jsonnet cassandra.jsonnet | stateful-asg spec check -\n  \
    aws autoscaling put-lifecycle-hook --auto-scaling-group-name cass \\\n    \
    --lifecycle-hook-name stateful-asg-main-launch \\\n    \
    --notification-metadata \"$(stateful-asg spec check cassandra.json)\"")]
pub(crate) struct CheckArgs {
    /// The spec as JSON; `-` reads stdin.
    pub(crate) file: PathBuf,
    /// Print one JSON object on stdout: `ok`, `problems`, `notices` (each `path`, `message`), `length`, `compact`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows what a spec would change for a group, then puts it into the table.
///
/// The group's launch hook must say `{"spec":"table"}`. First the group is read and the steps and waits are shown that follow from the new spec. Nothing is changed when
/// anything is wrong. Credentials, Region and endpoint are taken from the AWS SDK's own environment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg spec apply cass cassandra.json --dry-run    only show the plan\n  \
    stateful-asg spec apply cass cassandra.json              show it, ask, apply\n  \
    stateful-asg spec apply cass cassandra.json --yes        for scripts")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The spec as JSON; `-` reads stdin, and then --yes is needed.
    pub(crate) file: PathBuf,
    /// Apply without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl Cli {
    /// What one argument says against another.
    pub(crate) fn check(&self) -> Result<(), clap::Error> {
        match &self.command {
            Command::Demo(demo) if demo.kill > demo.slots => {
                let message = format!(
                    "--kill {} is more than --slots {}: a group cannot lose more members than it has",
                    demo.kill, demo.slots
                );
                Err(usage(&["demo"], ErrorKind::ValueValidation, message))
            }
            Command::Demo(demo) if demo.kill > 1 && demo.story != Story::Failover => {
                let message = "--kill is for the story `failover`: in the others at most one node goes";
                Err(usage(&["demo"], ErrorKind::ArgumentConflict, message))
            }
            Command::Spec(SpecArgs { command: SpecCommand::Apply(apply) })
                if apply.file.as_os_str() == "-" && !apply.yes && !apply.dry_run =>
            {
                let message = "with the spec on stdin nobody can be asked: add --yes or --dry-run";
                Err(usage(&["spec", "apply"], ErrorKind::MissingRequiredArgument, message))
            }
            Command::Demo(_)
            | Command::Sim(_)
            | Command::Spec(_)
            | Command::Slot(_)
            | Command::Volumes(_)
            | Command::Snapshots(_)
            | Command::Adopt(_)
            | Command::Group(_) => Ok(()),
        }
    }
}

/// An error that shows the usage of the command on this path.
fn usage(path: &[&str], kind: ErrorKind, message: impl std::fmt::Display) -> clap::Error {
    let mut root = Cli::command();
    root.build();
    let mut command = &mut root;
    for name in path {
        command = command.find_subcommand_mut(name).expect("a command of this program");
    }
    command.error(kind, message)
}

fn jobs(given: &str) -> Result<usize, String> {
    given
        .parse()
        .ok()
        .filter(|jobs| (1..=1024).contains(jobs))
        .ok_or_else(|| "a number from 1 to 1024 is needed".to_owned())
}

fn speed(given: &str) -> Result<f64, String> {
    let speed: f64 = given.parse().map_err(|_| "a number such as 10 or 0.5 is needed".to_owned())?;
    if (0.1..=60.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.1 to 60: the functions run at real speed, and would be too slow beyond that".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn more_deaths_than_nodes_is_a_usage_error() {
        let cli = Cli::try_parse_from(["stateful-asg", "demo", "--slots", "2", "--kill", "3"]).unwrap();
        assert_eq!(cli.check().unwrap_err().exit_code(), 2);
        let cli = Cli::try_parse_from(["stateful-asg", "demo", "--slots", "2", "--kill", "2"]).unwrap();
        assert!(cli.check().is_ok());
    }

    #[test]
    fn several_deaths_are_for_the_failover_alone() {
        let cli = Cli::try_parse_from(["stateful-asg", "demo", "--story", "scale-in", "--kill", "2"]).unwrap();
        assert_eq!(cli.check().unwrap_err().exit_code(), 2);
        let cli = Cli::try_parse_from(["stateful-asg", "demo", "--story", "failover", "--kill", "2"]).unwrap();
        assert!(cli.check().is_ok());
    }

    #[test]
    fn a_speed_that_nothing_can_keep_is_refused() {
        for bad in ["0", "-1", "NaN", "inf", "61", "fast"] {
            assert!(speed(bad).is_err(), "{bad}");
        }
        assert!(speed("0.5").is_ok_and(|speed| speed < 1.0));
    }
}
