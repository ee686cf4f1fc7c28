//! `spec apply` against the simulated AWS: it shows a plan, writes once, and refuses what would go unheard.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod common;

use common::{Ran, command};
use serde_json::{Value, json};
use stateful_asg_sim::model::types::{CreateAutoScalingGroup, GroupTag, LifecycleHook, LifecycleResult, Transition};
use stateful_asg_sim::simulator::{Simulator, SimulatorConfig};

const FIRST: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
const TABLE: &str = "functions";
const SECOND: &str = r#"{"v":1,"volumes":{"data":{"size":"30GiB","mount":"/data"}}}"#;

struct Account(Simulator);

impl Account {
    /// A group `cass` without members, whose launch hook says this; the functions' table is empty.
    fn with_group(metadata: &str) -> Self {
        let simulator = Simulator::start(SimulatorConfig::default()).unwrap();
        simulator.dynamo().create_functions_table(TABLE).unwrap();
        let tag = |key: &str, value: &str| GroupTag {
            key: key.to_owned(),
            value: value.to_owned(),
            propagate_at_launch: true,
        };
        let launch = LifecycleHook::new("stateful-asg-main-launch", Transition::Launching);
        let terminate = LifecycleHook::new("stateful-asg-main-terminate", Transition::Terminating);
        let group = CreateAutoScalingGroup {
            name: "cass-nodes".to_owned(),
            max_size: 1,
            desired_capacity: Some(1),
            hooks: vec![
                LifecycleHook { notification_metadata: Some(metadata.to_owned()), ..launch },
                LifecycleHook { default_result: LifecycleResult::Continue, ..terminate },
            ],
            tags: vec![tag("stateful-asg:group", "cass"), tag("stateful-asg:deployment", "main")],
            ..CreateAutoScalingGroup::default()
        };
        simulator.with(|aws| aws.create_auto_scaling_group(&group)).unwrap();
        Self(simulator)
    }

    fn apply(&self, group: &str, spec: &str, more: &[&str]) -> Ran {
        let file = std::env::temp_dir().join(format!("spec-apply-{}-{}.json", std::process::id(), spec.len()));
        let file = file.with_extension(format!("{:?}.json", std::thread::current().id()));
        std::fs::write(&file, spec).unwrap();
        let args = ["spec", "apply", group, file.to_str().unwrap()];
        let installation = [("STATEFUL_ASG_DEPLOYMENT", "main"), ("STATEFUL_ASG_TABLE", TABLE)];
        let mut command = command(&[&args, more].concat());
        let ran = command.envs(self.0.environment()).envs(installation).output().unwrap().into();
        std::fs::remove_file(&file).unwrap();
        ran
    }

    /// The group's item, as text.
    fn item(&self) -> Option<Value> {
        self.0.dynamo().get(TABLE, &json!({"pk": {"S": "groups"}, "sk": {"S": "cass"}})).unwrap()
    }

    fn spec_in_table(&self) -> (String, String) {
        let item = self.item().expect("a group in the table");
        let spec = &item["content"]["M"]["spec"]["M"];
        (spec["number"]["N"].as_str().unwrap().to_owned(), spec["text"]["S"].as_str().unwrap().to_owned())
    }
}

#[test]
fn the_plan_is_shown_first_and_each_new_spec_gets_the_next_number() {
    let account = Account::with_group(r#"{"spec":"table"}"#);
    let looked = account.apply("cass", FIRST, &["--dry-run"]);
    assert_eq!(looked.code, 0, "{looked:?}");
    assert!(looked.stdout.contains("With this spec, group cass would"), "{}", looked.stdout);
    assert_eq!(account.item(), None, "a dry run writes nothing");

    let applied = account.apply("cass", FIRST, &["--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(account.spec_in_table(), ("1".to_owned(), FIRST_COMPACT.to_owned()));

    let again = account.apply("cass", FIRST, &["--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(account.apply("cass", SECOND, &["--yes"]).code, 0);
    assert_eq!(account.spec_in_table().0, "2");
    assert_eq!(account.0.counts().get("events:PutEvents"), Some(&2), "the functions are told of each change");
}

/// The fields in the order in which the compact form has them.
const FIRST_COMPACT: &str = r#"{"v":1,"volumes":{"data":{"mount":"/data","size":"20GiB"}}}"#;

#[test]
fn a_hook_that_does_not_look_into_the_table_is_named() {
    let account = Account::with_group(FIRST);
    let ran = account.apply("cass", SECOND, &["--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("stateful-asg-main-launch of cass-nodes"), "{}", ran.stderr);
    assert!(ran.stderr.contains(r#"set its NotificationMetadata to {"spec":"table"}"#), "{}", ran.stderr);
    assert_eq!(account.item(), None);
}

#[test]
fn nothing_is_changed_when_anything_is_wrong() {
    let account = Account::with_group(r#"{"spec":"table"}"#);
    let cases: [(&str, &str, &[&str], &str); 4] = [
        ("cass", r#"{"v":1,"volumes":{"data":{"size":"1PiB","mount":"x"}}}"#, &["--yes"], "volumes.data.size"),
        ("other", FIRST, &["--yes"], "no Auto Scaling group bears the tags stateful-asg:group=other"),
        ("cass", FIRST, &["--yes", "--deployment", "staging"], "stateful-asg:deployment=staging"),
        ("cass", FIRST, &[], "add --yes to apply"),
    ];
    for (group, spec, more, expected) in cases {
        let ran = account.apply(group, spec, more);
        assert_eq!(ran.code, 1, "{expected}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert_eq!(account.item(), None, "{expected}");
    }
}
