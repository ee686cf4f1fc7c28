//! What people and AWS do to a group: members killed, groups resized and replaced, specs edited.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    Change, ChangeAction, ChangeResourceRecordSets, CreateVolume, InstanceState, LifecycleState, ResourceRecordSet,
    SetInstanceHealth, UpdateAutoScalingGroup,
};

use crate::deed::Deed;
use crate::group::NewGroup;
use crate::lab::Lab;
use crate::wish::Wish;

/// Someone who does things to one group, at random.
pub struct Operator<'a> {
    /// The world.
    pub lab: &'a Lab,
    /// The group as it was created; its `asg` is the newest.
    pub group: NewGroup,
    /// Largest desired capacity.
    pub most: u32,
    /// What is random.
    pub rng: ChaCha8Rng,
    /// What the spec asks for.
    pub wish: Wish,
    replaced: u32,
    /// Tags that were taken away: of what, which, and what it said.
    pub(crate) lost_tags: Vec<(String, String, String)>,
}

/// Calls whose right may be taken away for a while.
const RIGHTS: [&str; 14] = [
    "ec2:AttachVolume",
    "ec2:CreateVolume",
    "ec2:CreateTags",
    "ec2:ModifyInstanceAttribute",
    "ec2:DescribeVolumes",
    "autoscaling:CompleteLifecycleAction",
    "route53:ChangeResourceRecordSets",
    "dynamodb:TransactWriteItems",
    "ec2:CreateSnapshot",
    "ec2:CreateSnapshots",
    "ec2:DescribeSnapshots",
    "ec2:ModifyVolume",
    "ec2:DeleteVolume",
    "ec2:DeleteSnapshot",
];

/// An address that nothing of ours has.
const FOREIGN: [&str; 1] = ["192.0.2.7"];

impl<'a> Operator<'a> {
    /// Begins with a group as created.
    #[must_use]
    pub fn new(lab: &'a Lab, (group, wish): (NewGroup, Wish), most: u32, rng: ChaCha8Rng) -> Self {
        Self { lab, group, most, rng, wish, replaced: 0, lost_tags: Vec::new() }
    }

    /// Does it, if there is anything to do it to; false if not.
    pub fn act(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::Terminate => self.terminate(1, |state| !state.is_warmed()),
            Deed::TerminateTwo => self.terminate(2, |state| !state.is_warmed()),
            Deed::TerminateLaunching => {
                self.terminate(1, |state| matches!(state, LifecycleState::PendingWait | LifecycleState::PendingProceed))
            }
            Deed::TerminateInGroup => self.in_group(false),
            Deed::ScaleInOne => self.in_group(true),
            Deed::Unhealthy => self.in_service(ill),
            Deed::Stop => self.in_service(|aws, _, instance| aws.stop_instances(&[instance.to_owned()]).is_ok()),
            Deed::Start => self.start(),
            Deed::Resize => self.resize(),
            Deed::Standby => self.in_service(standby),
            Deed::ExitStandby => self.one(
                |s| s == LifecycleState::Standby,
                |aws, asg, instance| aws.exit_standby(asg, &[instance.to_owned()]).is_ok(),
            ),
            Deed::Detach => self.in_service(detach),
            Deed::Rebalance => self.whole(|aws, asg| _ = aws.rebalance(asg)),
            Deed::Refresh => self.whole(|aws, asg| aws.refresh(asg)),
            Deed::Spot => self.in_service(|aws, _, instance| {
                aws.interrupt_spot(instance);
                true
            }),
            Deed::ReplaceGroup => self.replace_group(),
            Deed::EditSpec => self.edit_spec(),
            Deed::EditSpecBadly => self.edit_spec_badly(),
            Deed::ForeignRecord => self.foreign_record(),
            Deed::RepointRecord => self.repoint_record(),
            Deed::PoolVolume => self.pool_volume(),
            Deed::NoCapacity => self.no_capacity(),
            Deed::NeverBoots => self.whole(|aws, _| aws.never_boots(1)),
            Deed::StickAttach => self.stick_attach(),
            Deed::OtherHook => self.other_hook(),
            Deed::Forbid => self.forbid(),
            Deed::Grow
            | Deed::Shrink
            | Deed::MoveRule
            | Deed::LoseVolume
            | Deed::LoseSnapshot
            | Deed::FailSnapshot
            | Deed::FailModification
            | Deed::KeyRefused
            | Deed::ZoneDown
            | Deed::DetachByHand
            | Deed::Untag
            | Deed::DeleteInterface
            | Deed::Order
            | Deed::SnapshotQuota
            | Deed::ScaleInLong
            | Deed::TimePasses => self.act_on_storage(deed),
            Deed::TerminateAnywhere
            | Deed::AttachElsewhere
            | Deed::LoseTag
            | Deed::LoseTable
            | Deed::Cancel
            | Deed::RemoveVolumes
            | Deed::LoseTemplate => self.meddle(deed),
        }
    }

    pub(crate) fn zone(&mut self) -> String {
        self.lab.zones[self.rng.random_range(0..self.lab.zones.len())].clone()
    }

    fn instances(&self, is: impl Fn(LifecycleState) -> bool) -> Vec<String> {
        let alive = |aws: &Aws, id: &str| {
            aws.instance(id)
                .is_some_and(|i| !matches!(i.state, InstanceState::ShuttingDown | InstanceState::Terminated))
        };
        self.lab.truth(|aws, _| {
            let members = aws.members(&self.group.asg).filter(|m| is(m.state) && alive(aws, &m.instance_id));
            members.map(|m| m.instance_id.clone()).collect()
        })
    }

    pub(crate) fn pick(&mut self, from: &[String]) -> Option<String> {
        (!from.is_empty()).then(|| from[self.rng.random_range(0..from.len())].clone())
    }

    fn one(&mut self, is: impl Fn(LifecycleState) -> bool, deed: impl FnOnce(&mut Aws, &str, &str) -> bool) -> bool {
        let all = self.instances(is);
        let Some(instance) = self.pick(&all) else { return false };
        let asg = self.group.asg.clone();
        self.lab.operate(&format!("picks {instance}"), |aws, _| deed(aws, &asg, &instance))
    }

    fn in_service(&mut self, deed: impl FnOnce(&mut Aws, &str, &str) -> bool) -> bool {
        self.one(|state| state == LifecycleState::InService, deed)
    }

    fn whole(&mut self, deed: impl FnOnce(&mut Aws, &str)) -> bool {
        let asg = self.group.asg.clone();
        self.lab.operate("acts on the group", |aws, _| deed(aws, &asg));
        true
    }

    fn terminate(&mut self, count: usize, is: impl Fn(LifecycleState) -> bool) -> bool {
        let mut all = self.instances(is);
        while all.len() > count {
            let out = self.rng.random_range(0..all.len());
            all.remove(out);
        }
        if all.is_empty() {
            return false;
        }
        self.lab.operate(&format!("terminates {all:?}"), |aws, _| aws.terminate_instances(&all).is_ok())
    }

    fn in_group(&mut self, decrement: bool) -> bool {
        self.one(
            |s| s == LifecycleState::InService,
            |aws, _, instance| aws.terminate_instance_in_auto_scaling_group(instance, decrement).is_ok(),
        )
    }

    fn start(&mut self) -> bool {
        let stopped: Vec<String> = self.lab.truth(|aws, _| {
            aws.instances().filter(|i| i.state == InstanceState::Stopped).map(|i| i.instance_id.clone()).collect()
        });
        let Some(instance) = self.pick(&stopped) else { return false };
        self.lab.operate(&format!("starts {instance}"), |aws, _| aws.start_instances(&[instance]).is_ok())
    }

    fn resize(&mut self) -> bool {
        let desired = self.rng.random_range(1..=self.most);
        let asg = self.group.asg.clone();
        self.lab.operate(&format!("sets the desired capacity to {desired}"), |aws, _| {
            aws.set_desired_capacity(&asg, desired).is_ok()
        })
    }

    /// A new Auto Scaling group with the same group tag takes the old one's place.
    fn replace_group(&mut self) -> bool {
        if self.replaced > 0 {
            return false;
        }
        self.replaced += 1;
        let old = self.group.asg.clone();
        let desired = self.lab.truth(|aws, _| aws.group(&old).map_or(1, |g| g.desired_capacity)).max(1);
        // Whoever sets a group up now gives it our hooks, also where the one before came without them.
        self.group = NewGroup { desired, hooks: true, ..self.group.clone().named(&format!("{old}-next")) };
        self.lab.create(&self.group);
        self.lab.operate(&format!("empties {old}"), |aws, _| {
            let _ = aws.delete_warm_pool(&old, false);
            let _ = aws.update_auto_scaling_group(&UpdateAutoScalingGroup {
                name: old.clone(),
                min_size: Some(0),
                desired_capacity: Some(0),
                ..UpdateAutoScalingGroup::default()
            });
        });
        true
    }

    /// A valid edit that changes nothing which exists: the wait, a tag, the TTL of names.
    fn edit_spec(&mut self) -> bool {
        self.wish.touch();
        self.apply_wish()
    }

    fn edit_spec_badly(&mut self) -> bool {
        let bad = [
            r#"{"v":1,"volumes":{"data":{"size":"0GiB","mount":"data"}}}"#,
            r#"{"v":1,"volumes":{"data":{"size":"2TiB","mount":"/data"}}}"#,
            "not json",
            r#"{"v":2}"#,
            r#"{"v":1,"volumes":{},"address":{"kind":"secondary_ip"}}"#,
        ];
        let bad = bad[self.rng.random_range(0..bad.len())];
        self.lab.edit_spec(&self.group.asg.clone(), bad);
        true
    }

    /// Puts the valid spec back, whatever was done to it.
    pub fn mend_spec(&mut self) {
        self.lab.edit_spec(&self.group.asg.clone(), &self.group.spec.clone());
    }

    /// Someone else's record at a name of ours that is still free.
    fn foreign_record(&mut self) -> bool {
        let name = format!("cass-{}.prod.internal", self.rng.random_range(2..6));
        let zone = self.lab.zone.clone();
        self.lab.operate(&format!("claims the name {name} for something else"), |aws, _| {
            let record = ResourceRecordSet::a(&name, 60, FOREIGN);
            let change = Change { action: ChangeAction::Create, record };
            aws.change_resource_record_sets(&ChangeResourceRecordSets {
                hosted_zone_id: zone,
                comment: None,
                changes: vec![change],
            })
            .is_ok()
        })
    }

    /// Someone gives a name of ours another address.
    fn repoint_record(&mut self) -> bool {
        let zone = self.lab.zone.clone();
        let ours: Vec<ResourceRecordSet> = self.lab.truth(|aws, _| {
            aws.records(&zone).filter(|r| r.record_type == "A" && r.values != FOREIGN).cloned().collect()
        });
        if ours.is_empty() {
            return false;
        }
        let old = ours[self.rng.random_range(0..ours.len())].clone();
        self.lab.operate(&format!("gives {} another address", old.name), |aws, _| {
            let new = ResourceRecordSet::a(&old.name, 60, FOREIGN);
            let changes = vec![
                Change { action: ChangeAction::Delete, record: old },
                Change { action: ChangeAction::Create, record: new },
            ];
            let request = ChangeResourceRecordSets { hosted_zone_id: zone, comment: None, changes };
            aws.change_resource_record_sets(&request).is_ok()
        })
    }

    /// Someone takes the foreign records away again.
    pub fn remove_foreign_records(&mut self) {
        let zone = self.lab.zone.clone();
        self.lab.operate("takes foreign records away", |aws, _| {
            let foreign: Vec<ResourceRecordSet> = aws.records(&zone).filter(|r| r.values == FOREIGN).cloned().collect();
            for record in foreign {
                let change = Change { action: ChangeAction::Delete, record };
                let request =
                    ChangeResourceRecordSets { hosted_zone_id: zone.clone(), comment: None, changes: vec![change] };
                let _ = aws.change_resource_record_sets(&request);
            }
        });
    }

    /// A volume made by hand for the pool.
    fn pool_volume(&mut self) -> bool {
        let zone = self.zone();
        let size = [20, 10][self.rng.random_range(0..2)];
        let tags = [(tags::GROUP, self.group.group.clone()), (tags::DEPLOYMENT, self.lab.deployment.to_string())];
        self.lab.operate(&format!("makes a pool volume of {size} GiB in {zone}"), |aws, _| {
            aws.create_volume(&CreateVolume {
                availability_zone: zone,
                size_gib: Some(size),
                volume_type: Some("gp3".to_owned()),
                encrypted: true,
                tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                ..CreateVolume::default()
            })
            .is_ok()
        })
    }

    fn no_capacity(&mut self) -> bool {
        let zone = self.zone();
        self.lab.operate(&format!("{zone} has no capacity"), |aws, _| aws.set_capacity(&zone, false));
        true
    }

    fn stick_attach(&mut self) -> bool {
        let all: Vec<String> = self.lab.truth(|aws, _| aws.volumes().map(|v| v.volume_id.clone()).collect());
        let Some(volume) = self.pick(&all) else { return false };
        self.lab.operate(&format!("attachments of {volume} hang"), |aws, _| aws.stick_attaching(&volume));
        true
    }

    fn other_hook(&mut self) -> bool {
        use stateful_asg_sim::model::types::{LifecycleResult, PutLifecycleHook, Transition};
        let asg = self.group.asg.clone();
        self.lab.operate("another owner's hook is put", |aws, _| {
            aws.put_lifecycle_hook(&PutLifecycleHook {
                group: asg,
                name: "someone-elses".to_owned(),
                transition: Some(Transition::Launching),
                default_result: Some(LifecycleResult::Continue),
                heartbeat_timeout: Some(180),
                notification_metadata: None,
            })
            .is_ok()
        })
    }

    fn forbid(&mut self) -> bool {
        let right = RIGHTS[self.rng.random_range(0..RIGHTS.len())];
        self.lab.region.note("operator", || format!("takes the right {right} away for a minute or two"));
        self.lab.region.faults(|faults| faults.forbidden.insert(right.to_owned()));
        let region = std::rc::Rc::clone(&self.lab.region);
        let long = Duration::from_secs(self.rng.random_range(20..150));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(long).await;
            region.faults(|faults| faults.forbidden.remove(right));
        });
        true
    }
}

fn ill(aws: &mut Aws, _asg: &str, instance: &str) -> bool {
    let request =
        SetInstanceHealth { instance_id: instance.to_owned(), healthy: false, should_respect_grace_period: false };
    aws.set_instance_health(&request).is_ok()
}

/// Half of those that leave are replaced.
fn is_not_replaced(instance: &str) -> bool {
    instance.ends_with(['0', '1', '2', '3', '4', '5', '6', '7'])
}

fn standby(aws: &mut Aws, asg: &str, instance: &str) -> bool {
    aws.enter_standby(asg, &[instance.to_owned()], is_not_replaced(instance)).is_ok()
}

fn detach(aws: &mut Aws, asg: &str, instance: &str) -> bool {
    aws.detach_instances(asg, &[instance.to_owned()], is_not_replaced(instance)).is_ok()
}
