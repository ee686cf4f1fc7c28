//! A simulated AWS with the functions installed: what `demo` and `sim serve` have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use stateful_asg_runtime::config;
use stateful_asg_sim::iam::Ledger;
use stateful_asg_sim::model::types::CreateHostedZone;
use stateful_asg_sim::model::{GuestMode, Settings, Span};
use stateful_asg_sim::simulator::{FunctionsConfig, Simulator, SimulatorConfig};
use stateful_asg_sim::stack::{Facts, Stack};

/// The functions' table.
pub(crate) const TABLE: &str = "stateful-asg";
/// The domain of the hosted zone.
pub(crate) const DOMAIN: &str = "prod.internal";

/// How to set it up.
#[derive(Debug)]
pub(crate) struct Plot<'a> {
    /// The deployment's ID.
    pub(crate) deployment: &'a str,
    /// The compiled functions; without them, hooks wait for a person.
    pub(crate) functions: Option<PathBuf>,
    /// The port on 127.0.0.1; a free one where absent.
    pub(crate) port: Option<u16>,
    pub(crate) seed: u64,
    /// Simulated seconds in a real second.
    pub(crate) speed: f64,
    /// The functions may write names into every hosted zone, not only into the one that is made here.
    pub(crate) any_zone: bool,
    /// A statement that is left out of the functions' policies, as `POLICY/STATEMENT`.
    pub(crate) without: Option<&'a str>,
}

/// A running simulated AWS, with a table and a hosted zone.
pub(crate) struct Site {
    pub(crate) simulator: Simulator,
    /// The hosted zone's ID.
    pub(crate) zone: String,
}

/// Starts it.
///
/// # Errors
/// What keeps it from starting.
pub(crate) fn start(plot: Plot<'_>) -> anyhow::Result<Site> {
    let functions = plot.functions.map(|binary| FunctionsConfig {
        binary,
        env: environment(plot.deployment),
        deployment: plot.deployment.to_owned(),
    });
    let guest = GuestMode::Reports { delay: Span::secs(1, 4) };
    let settings = Settings { seed: plot.seed, guest, ..Settings::default() };
    let simulator = Simulator::start(SimulatorConfig { port: plot.port, settings, speed: plot.speed, functions })
        .context("the simulated AWS does not start")?;
    simulator.dynamo().create_functions_table(TABLE).context("the functions' table cannot be created")?;
    let zone = simulator.with(|aws| {
        aws.create_hosted_zone(&CreateHostedZone {
            name: DOMAIN.to_owned(),
            caller_reference: "stateful-asg".to_owned(),
            private_zone: true,
        })
    });
    let zone = zone.context("the hosted zone cannot be created")?.hosted_zone.id;
    let site = Site { simulator, zone };
    let rights = rights(&site, plot.deployment, plot.any_zone, plot.without)?;
    site.simulator.enforce(rights);
    Ok(site)
}

/// What the functions may do: what the template lets them. A person may do everything.
fn rights(site: &Site, deployment: &str, any_zone: bool, without: Option<&str>) -> anyhow::Result<Ledger> {
    let (region, account) = site.simulator.with(|aws| (aws.settings().region.clone(), aws.settings().account.clone()));
    let table = format!("arn:aws:dynamodb:{region}:{account}:table/{TABLE}");
    let facts = Facts::of(deployment)
        .with("Region", region)
        .with("Account", account)
        .with("Table.Arn", table)
        .with("Zone", if any_zone { "*" } else { &site.zone })
        .with("Names", if any_zone { "*".to_owned() } else { format!("*.{DOMAIN}") });
    let mut stack = Stack::with(&facts);
    if let Some(without) = without {
        ensure!(stack.remove(without), "the template has no statement {without}: write it as ServePolicy/OurVolumes");
    }
    Ok(stack.rights())
}

/// What the deployment's template would set. Any hosted zone is allowed, since a person may make more of them; deleting
/// on proof is allowed, since nothing here is anybody's.
fn environment(deployment: &str) -> BTreeMap<String, String> {
    let pairs = [
        (config::DEPLOYMENT, deployment),
        (config::TABLE, TABLE),
        (config::ALLOWED_ZONES, "*"),
        (config::ALLOWED_KMS_KEYS, "*"),
        (config::ALLOWED_SUBNETS, "*"),
        (config::ALLOW_DELETES, "true"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
