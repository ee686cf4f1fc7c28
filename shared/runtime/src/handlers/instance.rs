//! Settles a group when EC2 says that one of its holders changed its state or will soon be gone.

use super::{Context, HandlerError, Outcome, Reading, settle};
use crate::events::{Ignored, Incoming};
use crate::ports::World;

/// Settles the group whose slot the instance holds. One read, for all the instances of the account that hold none.
///
/// # Errors
/// Those that a retry may cure.
pub async fn instance<W: World>(world: &W, context: &Context<'_>, event: &Incoming) -> Result<Outcome, HandlerError> {
    let instance = match event {
        Incoming::Instance(instance) => instance,
        Incoming::Action(_) | Incoming::Ended(_) | Incoming::Settle { .. } | Incoming::Schedule => {
            return Ok(Outcome::Ignored(Ignored::OtherFunction));
        }
        Incoming::Ignored(why) => return Ok(Outcome::Ignored(why.clone())),
    };
    match world.binding(instance).await? {
        Some(binding) => settle(world, context, binding.group, Reading::Plain).await,
        None => Ok(Outcome::HoldsNothing(instance.clone())),
    }
}
