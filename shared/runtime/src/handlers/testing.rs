//! Small things that the handlers' tests are made of.

use jiff::Timestamp;
use stateful_asg_core::cloud::Asg;
use stateful_asg_core::ids::{AsgName, GroupName};

use crate::config::{ALLOWED_GROUPS, Config, DEPLOYMENT, TABLE};

/// The deployment `prod`, which serves `cass` and what begins with `cass-`.
pub(crate) fn config() -> Config {
    let vars = |name: &str| match name {
        "_HANDLER" => Some("sweep"),
        DEPLOYMENT => Some("prod"),
        TABLE => Some("table"),
        ALLOWED_GROUPS => Some("cass,cass-*"),
        _ => None,
    };
    Config::from_vars(|name| vars(name).map(str::to_owned)).unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

pub(crate) fn name(name: &str) -> AsgName {
    AsgName::new(name).unwrap()
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

pub(crate) fn asg(called: &str, tags: &[(&str, &str)]) -> Asg {
    Asg {
        name: name(called),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        created: time(0),
        deleting: false,
        desired: 0,
        subnets: Vec::new(),
        members: std::collections::BTreeMap::new(),
    }
}
