//! What an operator sets up: a hosted zone, a launch template, and an Auto Scaling group with both hooks and the tags.

use stateful_asg_core::ids::GroupName;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateHostedZone, CreateLaunchTemplate, Distribution, GroupTag, LaunchTemplateData,
    LaunchTemplateRef, LifecycleHook, LifecycleResult, PutLifecycleHook, Transition,
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
        let spec = new.spec.replace("ZONE", &self.zone);
        let deployment = self.deployment.to_string();
        let template = format!("{}-template", new.asg);
        self.members.set(self.members.get() + u64::from(new.desired));
        let hooks = if new.hooks { self.hooks(&spec) } else { Vec::new() };
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
        });
        new.group.parse().expect("a good group name")
    }

    fn hooks(&self, spec: &str) -> Vec<LifecycleHook> {
        let hook = |way: &str, transition| LifecycleHook {
            heartbeat_timeout: 900,
            ..LifecycleHook::new(&format!("stateful-asg-{}-{way}", self.deployment), transition)
        };
        vec![
            LifecycleHook { notification_metadata: Some(spec.to_owned()), ..hook("launch", Transition::Launching) },
            LifecycleHook { default_result: LifecycleResult::Continue, ..hook("terminate", Transition::Terminating) },
        ]
    }

    /// Edits the spec in the launch hook of an Auto Scaling group.
    pub fn edit_spec(&self, asg: &str, spec: &str) {
        let spec = spec.replace("ZONE", &self.zone);
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
