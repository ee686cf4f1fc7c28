//! Settles a group when Auto Scaling says that one of its instances launches or terminates, or when the sweep asks for it.

use stateful_asg_core::ids::GroupName;
use stateful_asg_core::table::Action;

use super::{Context, HandlerError, Outcome, Reading, settle};
use crate::config::serves;
use crate::events::{Ended, Ignored, Incoming, LifecycleAction};
use crate::handlers::sweep::needs_attention;
use crate::ports::{Called, World};
use crate::settle::digest;

/// Settles the group that an event names; a lifecycle action is noted first, for its token.
///
/// # Errors
/// Those that a retry may cure.
pub async fn lifecycle<W: World>(world: &W, context: &Context<'_>, event: &Incoming) -> Result<Outcome, HandlerError> {
    let (asg, action) = match event {
        Incoming::Action(action) => (&action.asg, Some(action)),
        Incoming::Ended(ended) => (&ended.asg, None),
        Incoming::Settle { group, .. } if !serves(&context.config.limits, group) => {
            return Ok(Outcome::Ignored(Ignored::NotServed(group.clone())));
        }
        Incoming::Settle { group, audit } => {
            let reading = if *audit { Reading::Audit } else { Reading::Plain };
            return settle(world, context, group.clone(), reading).await;
        }
        Incoming::Instance(_) | Incoming::Schedule => return Ok(Outcome::Ignored(Ignored::OtherFunction)),
        Incoming::Ignored(why) => return Ok(Outcome::Ignored(why.clone())),
    };
    let group = match context.known.group_of(world, context.config, asg, action.is_some()).await? {
        Ok(group) => group,
        Err(why) => {
            if action.is_some() {
                tracing::warn!(%asg, "one of our hooks stands on an Auto Scaling group that {why}: its action is left to its timeout");
            }
            return Ok(Outcome::Ignored(Ignored::NotOurs { asg: asg.clone(), why }));
        }
    };
    if let Incoming::Ended(ended) = event
        && !matters(world, context, &group, ended).await?
    {
        return Ok(Outcome::NothingNew(group));
    }
    let Some(action) = action else { return settle(world, context, group, Reading::Plain).await };
    if let Some(note) = noted(action)
        && let Err(error) = world.note_action(&group, &note).await
    {
        // Without the note the action is completed by instance ID: that is no reason to make the instance wait.
        tracing::warn!(%group, instance_id = %action.instance, %error, "the action's token could not be noted");
    }
    settle(world, context, group, Reading::Hooks).await
}

/// Whether the end of a launch or a termination tells anything new. Most of them end what a settle has just seen: an
/// instance that holds no slot is gone, or one is in service that the settle which let it go has waited for. Who is at
/// work on the group sees it by itself, and what is missed so differs from what the last settle saw: the sweep notices.
async fn matters<W: World>(world: &W, context: &Context<'_>, group: &GroupName, ended: &Ended) -> Called<bool> {
    if let Some(instance) = &ended.terminated {
        return Ok(world.binding(instance).await?.is_some());
    }
    let now = world.now();
    let summary = world.summary(group).await?;
    if summary.as_ref().and_then(|summary| summary.leased_until).is_some_and(|until| now < until) {
        return Ok(false);
    }
    let asgs = world.asgs(&context.config.deployment, Some(group)).await?;
    Ok(needs_attention(summary.as_ref(), &digest(&asgs.iter().collect::<Vec<_>>()), now).is_some())
}

/// What the table keeps of an action. Without its time there is no telling it from a later one of the same instance.
fn noted(action: &LifecycleAction) -> Option<Action> {
    action.at.map(|since| Action {
        instance: action.instance.clone(),
        transition: action.transition,
        asg: action.asg.clone(),
        hook: action.hook.clone(),
        token: action.token.clone(),
        into_pool: action.into_pool,
        since,
        beat: None,
        done: None,
    })
}
