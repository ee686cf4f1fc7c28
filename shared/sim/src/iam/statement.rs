//! Statements of policies.

use serde::Deserialize;

use super::{Check, Condition, like};

/// A statement, and the policy that it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Statement {
    /// The policy.
    pub policy: String,
    /// Its name within the policy.
    #[serde(rename = "Sid")]
    pub sid: String,
    /// What it does with what it matches.
    #[serde(rename = "Effect")]
    pub effect: Effect,
    /// The actions, `*` and `?` in them as patterns.
    #[serde(rename = "Action")]
    pub actions: Vec<String>,
    /// The resources, likewise.
    #[serde(rename = "Resource")]
    pub resources: Vec<String>,
    /// The conditions.
    #[serde(rename = "Condition", default)]
    pub condition: Condition,
}

/// What a statement does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Effect {
    /// It is allowed, unless another statement denies it.
    Allow,
    /// It is denied.
    Deny,
}

impl Statement {
    /// The action and the resource by which it matches a check.
    #[must_use]
    pub fn matches(&self, check: &Check) -> Option<(&str, &str)> {
        // Documented (IAM JSON policy elements, *Action*): names of actions are read in any case.
        let asked = check.action.to_ascii_lowercase();
        let action = self.actions.iter().find(|action| like(&action.to_ascii_lowercase(), &asked))?;
        let resource = self.resources.iter().find(|resource| like(resource, &check.resource))?;
        self.condition.holds(&check.keys).then_some((action, resource))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn action_resource_and_condition_must_match() {
        let statement: Statement = serde_json::from_value(json!({
            "policy": "p", "Sid": "s", "Effect": "Allow",
            "Action": ["ec2:Describe*", "ec2:AttachVolume"], "Resource": ["arn:aws:ec2:r:1:volume/*"],
            "Condition": {"StringEquals": {"aws:ResourceTag/owner": ["us"]}},
        }))
        .unwrap();
        let check = |action: &str, resource: &str, owner: &str| {
            Check::new(action, resource).with("aws:ResourceTag/owner", [owner])
        };
        let volume = "arn:aws:ec2:r:1:volume/vol-1";
        assert_eq!(
            statement.matches(&check("ec2:attachvolume", volume, "us")),
            Some(("ec2:AttachVolume", "arn:aws:ec2:r:1:volume/*"))
        );
        assert!(statement.matches(&check("ec2:DescribeVolumes", volume, "us")).is_some());
        for refused in [
            check("ec2:DetachVolume", volume, "us"),
            check("ec2:AttachVolume", "arn:aws:ec2:r:1:instance/i-1", "us"),
            check("ec2:AttachVolume", "*", "us"),
            check("ec2:AttachVolume", volume, "them"),
            Check::new("ec2:AttachVolume", volume),
        ] {
            assert_eq!(statement.matches(&refused), None, "{refused:?}");
        }
    }
}
