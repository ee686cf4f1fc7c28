//! Root volumes that an instance refresh replaces while their instances run.
//!
//! Documented: Auto Scaling User Guide, *Replace root volumes during instance refresh*
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/replace-root-volume.html>). Assumed: without hooks for it the
//! member waits in `ReplacingRootVolume`, keeps counting, and goes back to `InService` through no hook of ours.

use crate::model::Aws;
use crate::model::types::LifecycleState;

impl Aws {
    /// A refresh begins to replace this member's root volume; nothing happens unless it is in service.
    pub fn begin_replacing_root(&mut self, instance: &str) {
        if self.state(instance) == Some(LifecycleState::InService) {
            self.set_state(instance, LifecycleState::ReplacingRootVolume);
        }
    }

    /// The root volume is replaced: the member goes back into service in a moment.
    pub fn root_replaced(&mut self, instance: &str) {
        if self.state(instance) == Some(LifecycleState::ReplacingRootVolume) {
            self.set_state(instance, LifecycleState::RootVolumeReplaced);
            self.step_soon(instance);
        }
    }
}
