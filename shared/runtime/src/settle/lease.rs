//! The lease of a settle: prolonged while it works, given back when nothing is left to do.

use tracing::{info, warn};

use super::{LEASE, Run, to_signed};
use crate::ports::{Rest, Woken, World};

/// What became of the lease.
pub(super) enum Held {
    /// It is ours.
    Still,
    /// It is ours, and somebody woke the group meanwhile; the group's item.
    Woken(Box<Woken>),
    /// Another settle has it.
    Lost,
}

impl<W: World> Run<'_, W> {
    /// Prolongs the lease when half of it has passed.
    pub(super) async fn prolong(&mut self) -> Held {
        let now = self.world.now();
        if now.duration_since(self.prolonged) < to_signed(LEASE / 2) {
            return Held::Still;
        }
        match self.world.prolong(&self.job.group, &self.job.owner, now, LEASE).await {
            Ok(Some(woken)) => {
                self.prolonged = now;
                if std::mem::replace(&mut self.dirty, woken.dirty) == woken.dirty {
                    Held::Still
                } else {
                    Held::Woken(Box::new(woken))
                }
            }
            Ok(None) => {
                info!(group = %self.job.group, "another settle took the lease over, and goes on");
                Held::Lost
            }
            Err(error) => {
                warn!(group = %self.job.group, %error, "could not prolong the lease");
                Held::Still
            }
        }
    }

    /// Gives the lease back; the item where the group was woken meanwhile: we go round again.
    pub(super) async fn give_back(&mut self, rest: &Rest) -> Option<Woken> {
        let now = self.world.now();
        match self.world.give_back(&self.job.group, &self.job.owner, self.dirty, rest, now).await {
            Ok(woken) => woken.inspect(|woken| self.dirty = woken.dirty),
            Err(error) => {
                warn!(group = %self.job.group, %error, "could not give the lease back; it expires");
                None
            }
        }
    }
}
