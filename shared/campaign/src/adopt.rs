//! What `stateful-asg adopt` does, run by a person of the histories: slots for members that were in service before, and a
//! lost table rebuilt from tags.

use std::rc::Rc;

use stateful_asg_core::adopt::{Adoption, Wishes, propose};
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan::Look;
use stateful_asg_core::spec::{Limits, Spec};
use stateful_asg_core::step::Step;
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::{CallError, Clock, Cloud, Table, Which};
use stateful_asg_sim::typed::{Region, SimWorld};

/// How many further readings a proposal may ask for.
const READINGS: u32 = 4;

/// A person at the command line.
#[derive(Clone)]
pub struct Adopter {
    /// The world.
    pub region: Rc<Region>,
    /// Our deployment.
    pub deployment: DeploymentId,
    /// What it allows.
    pub limits: Limits,
}

impl Adopter {
    /// Adopts what there is to adopt; the error says why nothing, or not all, was written.
    ///
    /// # Errors
    /// A call that failed, a person who was called away, or what is ambiguous.
    pub async fn adopt(&self, group: &GroupName) -> Result<(), String> {
        let world = self.region.actor("operator");
        let done = world.live(self.carry_out(&world, group)).await.unwrap_or_else(|| Err("called away".to_owned()));
        self.region.note("operator", || format!("adopts {group}: {done:?}"));
        done
    }

    async fn carry_out(&self, world: &SimWorld, group: &GroupName) -> Result<(), String> {
        let target = Target { group: group.clone(), deployment: self.deployment.clone(), limits: self.limits.clone() };
        let mut observed = observe(world, &target, None, Notes::default()).await.map_err(said)?;
        let subnets = observed.asgs.iter().flat_map(|asg| asg.subnets.iter().cloned()).collect();
        let wanted = Look { hooks: true, snapshots: true, subnets, ..Look::default() };
        look(world, &mut observed, &wanted).await.map_err(said)?;
        let spec = spec(&observed)?;
        let found = proposal(world, &mut observed, &spec).await?;
        if !found.refused.is_empty() {
            return Err(format!("refused: {:?}", found.refused));
        }
        for step in &found.keep {
            keep(world, step).await.map_err(said)?;
        }
        for write in found.writes(&observed) {
            world.write(&write).await.map_err(said)?;
        }
        for (resource, tags) in &found.tags {
            world.tag(resource, tags).await.map_err(said)?;
        }
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn said(error: CallError) -> String {
    error.to_string()
}

/// The spec on record, else the one that the launch hook carries.
fn spec(observed: &Observed) -> Result<Spec, String> {
    let accepted = observed.record.as_ref().and_then(|group| group.spec.as_ref()).map(|spec| spec.text.clone());
    let launch = || {
        let hook = observed.hooks.iter().flatten().find(|hook| hook.transition == Transition::Launching);
        hook.and_then(|hook| hook.metadata.clone())
    };
    let text = accepted.or_else(launch).ok_or("there is no spec")?;
    let spec = Spec::parse(&text).map_err(|problems| problems.to_string())?.spec;
    spec.check_limits(&observed.group, &observed.limits).map_err(|problems| problems.to_string())?;
    Ok(spec)
}

/// Proposes, and reads what the proposal asks to see.
async fn proposal(world: &SimWorld, observed: &mut Observed, spec: &Spec) -> Result<Adoption, String> {
    let wishes = Wishes::default();
    for _ in 0..READINGS {
        let found = propose(observed, spec, &wishes, world.now());
        if found.needs.is_empty() {
            return Ok(found);
        }
        look(world, observed, &found.needs.look).await.map_err(said)?;
        if !found.needs.volumes.is_empty() {
            let ids = found.needs.volumes.iter().cloned().collect();
            let shown = world.volumes(&Which::Ids(ids)).await.map_err(said)?;
            observed.volumes.extend(shown.into_iter().map(|volume| (volume.id.clone(), volume)));
        }
    }
    Err("what was just shown is not shown any more".to_owned())
}

async fn keep(world: &SimWorld, step: &Step) -> Result<(), CallError> {
    if let Step::KeepVolume { volume, instance, device } = step {
        world.keep_volume(volume, instance, device).await
    } else if let Step::KeepInterface { interface, attachment } = step {
        world.keep_interface(interface, attachment).await
    } else {
        Ok(())
    }
}
