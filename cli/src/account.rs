//! An installation of the functions, in an account or in a simulated AWS.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use stateful_asg_aws::{Aws, SimClock};
use stateful_asg_core::observed::{FailureKind, Notes, Observed};
use stateful_asg_core::plan::Look;
use stateful_asg_core::spec::Spec;
use stateful_asg_runtime::config::{self, Config};
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::{CallError, Cloud, SettleRequest};

use crate::args::PlaceArgs;
use crate::output::{say, yellow};

/// A group of an installation, connected to.
pub(crate) struct Account<'a> {
    pub(crate) world: Aws,
    pub(crate) config: Config,
    pub(crate) place: &'a PlaceArgs,
}

/// Connects, and works on the group.
///
/// # Errors
/// A bad environment, and whatever the work meets.
pub(crate) fn with<'a, T>(
    place: &'a PlaceArgs,
    work: impl AsyncFnOnce(&Account<'a>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = settings(place)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread to work on")?;
    runtime.block_on(async {
        let world = stateful_asg_aws::connect(&connection(&config)).await;
        Box::pin(work(&Account { world, config, place })).await
    })
}

/// The deployment's settings, as its functions have them; limits that are not given here are left to the functions.
///
/// # Errors
/// Every bad variable at once.
pub(crate) fn settings(place: &PlaceArgs) -> anyhow::Result<Config> {
    #[expect(clippy::disallowed_methods, reason = "handed to runtime::config, which names every problem at once")]
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let lists = [config::ALLOWED_ZONES, config::ALLOWED_KMS_KEYS, config::ALLOWED_SUBNETS];
    let config = Config::from_vars(|name| match name {
        "_HANDLER" => Some("lifecycle".to_owned()),
        config::DEPLOYMENT => Some(place.deployment.to_string()),
        config::TABLE => Some(place.table.clone()),
        config::EVENT_BUS => place.event_bus.clone(),
        other if lists.contains(&other) => variable(other).or_else(|| Some("*".to_owned())),
        other => variable(other),
    });
    config.context("the environment is not as it should be")
}

fn connection(config: &Config) -> stateful_asg_aws::Settings {
    stateful_asg_aws::Settings {
        table: config.table.clone(),
        event_bus: config.event_bus.clone(),
        sim_clock: config.sim_clock.map(|clock| SimClock {
            real_origin_ms: clock.real_origin_ms,
            sim_origin_ms: clock.sim_origin_ms,
            speed: clock.speed,
        }),
    }
}

impl Account<'_> {
    /// Everything that is known of the group, its snapshots and the subnets of its Auto Scaling groups among it.
    ///
    /// # Errors
    /// The first call that failed; and a group of which nothing is known.
    pub(crate) async fn read(&self) -> anyhow::Result<Observed> {
        let mut observed = self.observe().await.with_context(|| self.unread())?;
        let subnets: BTreeSet<_> = observed.asgs.iter().flat_map(|asg| asg.subnets.iter().cloned()).collect();
        let wanted = Look { snapshots: true, subnets, ..Look::default() };
        look(&self.world, &mut observed, &wanted).await.with_context(|| self.unread())?;
        let snapshots = observed.snapshots.as_ref().is_none_or(|snapshots| snapshots.is_empty());
        let unknown = observed.asgs.is_empty() && observed.record.is_none() && observed.slots.is_empty();
        let PlaceArgs { group, deployment, table, .. } = self.place;
        ensure!(
            !(unknown && snapshots && observed.volumes.is_empty() && observed.interfaces.is_empty()),
            "nothing bears the tags stateful-asg:group={group} and stateful-asg:deployment={deployment}, and table {table} does not know the group: check them, the Region and the credentials"
        );
        Ok(observed)
    }

    /// The usual reading.
    ///
    /// # Errors
    /// The first call that failed.
    pub(crate) async fn observe(&self) -> Result<Observed, CallError> {
        let target = Target {
            group: self.place.group.clone(),
            deployment: self.place.deployment.clone(),
            limits: self.config.limits.clone(),
        };
        observe(&self.world, &target, None, Notes::default()).await
    }

    /// What a failed reading is told with.
    pub(crate) fn unread(&self) -> String {
        format!("group {} cannot be read, and nothing was changed", self.place.group)
    }

    /// Has the functions look at once; without that, the sweep comes by within ten minutes.
    pub(crate) async fn wake(&self) {
        let PlaceArgs { group, deployment, .. } = self.place;
        let request = SettleRequest { group: group.clone(), deployment: deployment.clone(), audit: true };
        if let Err(error) = self.world.request_settles(&[request]).await {
            say(format!(
                "{} the functions could not be told ({error}); they look within ten minutes",
                yellow("notice:")
            ));
        }
    }
}

/// The spec in force, if there is a valid one.
pub(crate) fn spec_in_force(observed: &Observed) -> Option<Spec> {
    let accepted = observed.record.as_ref()?.spec.as_ref()?;
    Spec::parse(&accepted.text).ok().map(|parsed| parsed.spec)
}

/// A write that did not come through, and what to do.
pub(crate) fn unwritten(error: CallError, what: &str) -> anyhow::Error {
    let advice = match error.kind {
        FailureKind::Conflict => "it changed meanwhile and nothing was written: run it again",
        FailureKind::Unknown => "it may have been written all the same: look, and run it again",
        FailureKind::Denied => "nothing was written: your role lacks the right",
        FailureKind::Throttled
        | FailureKind::NotReady
        | FailureKind::NotFound
        | FailureKind::DeviceInUse
        | FailureKind::AttachLimit
        | FailureKind::InUse
        | FailureKind::ZoneMismatch
        | FailureKind::Quota
        | FailureKind::Key
        | FailureKind::RecordMismatch
        | FailureKind::RecordRefused
        | FailureKind::NoActiveAction
        | FailureKind::TokenReused
        | FailureKind::Invalid => "nothing was written",
    };
    anyhow::Error::new(error).context(format!("{what} could not be written; {advice}"))
}
