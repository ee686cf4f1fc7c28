//! What an operator sets up: a hosted zone, a launch template, and an Auto Scaling group with both hooks and the tags.

use stateful_asg_core::ids::GroupName;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateHostedZone, CreateLaunchTemplate, Distribution, GroupTag, LaunchTemplateData,
    LaunchTemplateRef, LifecycleHook, LifecycleResult, PutLifecycleHook, PutWarmPool, Transition, WarmPool,
};

use crate::lab::Lab;

/// An Auto Scaling group to create.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// The value of the group tag.
    pub group: String,
    /// The Auto Scaling group's name.
    pub asg: String,
    /// The spec; `ZONE` in it stands for the hosted zone's ID.
    pub spec: String,
    /// Desired capacity.
    pub desired: u32,
    /// Which of our hooks it gets.
    pub hooks: bool,
    /// Its zones; all where empty.
    pub zones: Vec<String>,
    /// Keeps instances whose terminate hook was abandoned.
    pub retain: bool,
    /// The instances' type; the model's usual one where absent.
    pub instance_type: Option<String>,
    /// Launches in another zone where one has no capacity.
    pub any_zone: bool,
    /// Seconds until our hooks run out.
    pub heartbeat: u32,
    /// Its warm pool.
    pub warm: Option<WarmPool>,
}

impl NewGroup {
    /// `desired` members of the group `cass`, in the Auto Scaling group `cass-1`.
    #[must_use]
    pub fn cass(spec: &str, desired: u32) -> Self {
        Self {
            group: "cass".to_owned(),
            asg: "cass-1".to_owned(),
            spec: spec.to_owned(),
            desired,
            hooks: true,
            zones: Vec::new(),
            retain: false,
            instance_type: None,
            any_zone: false,
            heartbeat: 900,
            warm: None,
        }
    }

    /// The same in one zone alone.
    #[must_use]
    pub fn in_one_zone(mut self) -> Self {
        self.zones = vec!["eu-central-1a".to_owned()];
        self
    }

    /// The same under another Auto Scaling group's name.
    #[must_use]
    pub fn named(mut self, asg: &str) -> Self {
        asg.clone_into(&mut self.asg);
        self
    }
}

/// The hosted zone for names under `prod.internal`.
pub(crate) fn hosted_zone(aws: &mut Aws) -> String {
    let created = aws.as_actor("operator").create_hosted_zone(&CreateHostedZone {
        name: "prod.internal".to_owned(),
        caller_reference: "test".to_owned(),
        private_zone: true,
    });
    let zone = created.expect("a new world has no such zone").hosted_zone.id;
    aws.as_actor("");
    zone
}

impl Lab {
    /// Creates the launch template and the group.
    ///
    /// # Panics
    /// Where AWS refuses it.
    pub fn create(&self, new: &NewGroup) -> GroupName {
        let spec = self.spelled(&new.spec);
        let deployment = self.deployment.to_string();
        let template = format!("{}-template", new.asg);
        self.members.set(self.members.get() + u64::from(new.desired));
        let hooks = if new.hooks { self.hooks(&spec, new.heartbeat) } else { Vec::new() };
        self.operate(&format!("creates {} with {} members", new.asg, new.desired), |aws, _| {
            aws.create_launch_template(&CreateLaunchTemplate {
                launch_template_name: template.clone(),
                data: LaunchTemplateData {
                    instance_metadata_tags: true,
                    instance_type: new.instance_type.clone(),
                    ..LaunchTemplateData::default()
                },
                ..CreateLaunchTemplate::default()
            })
            .expect("the template is new");
            aws.create_auto_scaling_group(&CreateAutoScalingGroup {
                name: new.asg.clone(),
                min_size: 0,
                max_size: 60,
                desired_capacity: Some(new.desired),
                launch_template: Some(LaunchTemplateRef {
                    id: None,
                    name: Some(template),
                    version: Some("$Latest".to_owned()),
                }),
                hooks,
                availability_zones: new.zones.clone(),
                tags: vec![tag(tags::GROUP, &new.group), tag(tags::DEPLOYMENT, &deployment)],
                distribution: if new.any_zone { Distribution::BalancedBestEffort } else { Distribution::BalancedOnly },
                retain_on_abandon: new.retain,
                ..CreateAutoScalingGroup::default()
            })
            .expect("the group is new");
            if let Some(pool) = &new.warm {
                let request = PutWarmPool { group: new.asg.clone(), pool: pool.clone() };
                aws.put_warm_pool(&request).expect("the group was just created");
            }
        });
        new.group.parse().expect("a good group name")
    }

    /// A spec with what its words stand for.
    fn spelled(&self, spec: &str) -> String {
        let words = self.words.borrow();
        words.iter().fold(spec.replace("ZONE", &self.zone), |spec, (word, is)| spec.replace(word, is))
    }

    /// Our hooks on a group that was created without them.
    pub fn put_hooks(&self, new: &NewGroup) {
        let spec = self.spelled(&new.spec);
        self.operate(&format!("puts our hooks on {}", new.asg), |aws, _| {
            for hook in self.hooks(&spec, new.heartbeat) {
                let _ = aws.put_lifecycle_hook(&PutLifecycleHook {
                    group: new.asg.clone(),
                    name: hook.name.clone(),
                    transition: Some(hook.transition),
                    default_result: Some(hook.default_result),
                    heartbeat_timeout: Some(hook.heartbeat_timeout),
                    notification_metadata: hook.notification_metadata.clone(),
                });
            }
        });
    }

    fn hooks(&self, spec: &str, heartbeat_timeout: u32) -> Vec<LifecycleHook> {
        let hook = |way: &str, transition| LifecycleHook {
            heartbeat_timeout,
            ..LifecycleHook::new(&format!("stateful-asg-{}-{way}", self.deployment), transition)
        };
        vec![
            LifecycleHook { notification_metadata: Some(spec.to_owned()), ..hook("launch", Transition::Launching) },
            LifecycleHook { default_result: LifecycleResult::Continue, ..hook("terminate", Transition::Terminating) },
        ]
    }

    /// Edits the spec in the launch hook of an Auto Scaling group.
    pub fn edit_spec(&self, asg: &str, spec: &str) {
        let spec = self.spelled(spec);
        let name = format!("stateful-asg-{}-launch", self.deployment);
        let _ = self.operate(&format!("edits the spec of {asg}: {spec}"), |aws, _| {
            aws.put_lifecycle_hook(&PutLifecycleHook {
                group: asg.to_owned(),
                name,
                notification_metadata: Some(spec),
                ..PutLifecycleHook::default()
            })
        });
    }
}

fn tag(key: &str, value: &str) -> GroupTag {
    GroupTag { key: key.to_owned(), value: value.to_owned(), propagate_at_launch: true }
}
