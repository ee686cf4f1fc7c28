use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SMALLEST: [(&str, &str); 3] = [("_HANDLER", "sweep"), (DEPLOYMENT, "prod"), (TABLE, "assignments")];

fn read(given: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let vars: BTreeMap<String, String> =
        SMALLEST.iter().chain(given).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::from_vars(|name| vars.get(name).cloned())
}

fn problems(given: &[(&str, &str)]) -> Vec<String> {
    read(given).unwrap_err().0.iter().map(ConfigError::to_string).collect()
}

#[test]
fn what_is_absent_or_empty_allows_little() {
    let config = read(&[(ALLOWED_ZONES, ""), (ALLOWED_NAMES, ""), (ALLOWED_SUBNETS, " ")]).unwrap();
    let expected = Config {
        function: Function::Sweep,
        deployment: DeploymentId::new("prod").unwrap(),
        table: "assignments".to_owned(),
        event_bus: "default".to_owned(),
        limits: Limits {
            hosted_zones: Allowed::List(vec![]),
            names: Allowed::Any,
            kms_keys: Allowed::List(vec![]),
            subnets: Allowed::List(vec![]),
            max_volume_gib: 16_384,
            groups: Allowed::Any,
            deletes: false,
        },
        log: LevelFilter::INFO,
        sim_clock: None,
    };
    assert_eq!(config, expected);
    assert_eq!(config.service(), "stateful-asg-prod");
}

#[test]
fn lists_levels_and_sizes_are_read() {
    let config = read(&[
        (EVENT_BUS, "ours"),
        (ALLOWED_ZONES, "Z1, Z2"),
        (ALLOWED_NAMES, "*.db.example.com, seeds.example.com"),
        (ALLOWED_KMS_KEYS, "alias/a,arn:aws:kms:eu-central-1:123456789012:key/b"),
        (ALLOWED_SUBNETS, "*"),
        (MAX_VOLUME_GIB, "100"),
        (ALLOWED_GROUPS, "cass-*,kafka"),
        (ALLOW_DELETES, "true"),
        (LOG, "DEBUG"),
    ])
    .unwrap();
    assert_eq!(config.event_bus, "ours");
    assert_eq!(config.limits.hosted_zones.to_string(), "Z1, Z2");
    assert_eq!(config.limits.names.to_string(), "*.db.example.com, seeds.example.com");
    assert_eq!(config.limits.kms_keys.to_string(), "alias/a, arn:aws:kms:eu-central-1:123456789012:key/b");
    assert_eq!(config.limits.subnets, Allowed::Any);
    assert_eq!(config.limits.max_volume_gib, 100);
    assert!(config.limits.deletes);
    assert_eq!(config.log, LevelFilter::DEBUG);
    let served = |name: &str| serves(&config.limits, &GroupName::new(name).unwrap());
    assert!(served("cass-blue") && served("kafka") && !served("kafka-2"));
}

#[test]
fn every_problem_is_named_at_once() {
    let found = problems(&[
        ("_HANDLER", "bootstrap"),
        (DEPLOYMENT, "not good"),
        (TABLE, ""),
        (ALLOWED_ZONES, "Z1,zone,Z2,other"),
        (ALLOWED_NAMES, "a.b.,*.Db,x.y"),
        (ALLOWED_SUBNETS, "subnet-1"),
        (MAX_VOLUME_GIB, "0"),
        (ALLOWED_GROUPS, "a b"),
        (ALLOW_DELETES, "yes"),
        (LOG, "loud"),
        (SIM_CLOCK, "1,2"),
    ]);
    assert_eq!(
        found,
        [
            "_HANDLER: `bootstrap` is none of the handlers lifecycle, instance, sweep and snapshot",
            "STATEFUL_ASG_DEPLOYMENT: `not good` is not a deployment ID: 1 to 24 letters, digits or `-`",
            "STATEFUL_ASG_TABLE is not set: give the DynamoDB table's name",
            "STATEFUL_ASG_ALLOWED_ZONES: `zone` is not a hosted zone ID such as Z0123456789ABCDEFGHIJ",
            "STATEFUL_ASG_ALLOWED_ZONES: `other` is not a hosted zone ID such as Z0123456789ABCDEFGHIJ",
            "STATEFUL_ASG_ALLOWED_NAMES: `a.b.` is not a DNS name with a `*` for any text in it, such as *.db.example.com: leave out the dot at the end",
            "STATEFUL_ASG_ALLOWED_NAMES: `*.Db` is not a DNS name with a `*` for any text in it, such as *.db.example.com: write it in lower case",
            "STATEFUL_ASG_ALLOWED_SUBNETS: `subnet-1` is not a subnet ID such as subnet-0123456789abcdef0",
            "STATEFUL_ASG_MAX_VOLUME_GIB: `0` is not a whole number of GiB from 1 to 65536",
            "STATEFUL_ASG_ALLOWED_GROUPS: `a b` is not a group's name, or the beginning of one and a `*`",
            "STATEFUL_ASG_ALLOW_DELETES: `yes` is neither true nor false",
            "STATEFUL_ASG_LOG: `loud` is none of error, warn, info, debug and trace",
            "STATEFUL_ASG_SIM_CLOCK: `1,2` is not real and simulated milliseconds and a speed above 0, such as 1700000000000,0,60",
        ]
    );
}

#[test]
fn simulated_time_needs_a_simulated_aws() {
    const CLOCK: (&str, &str) = (SIM_CLOCK, "1700000000000,1767225600000,60");
    let here = (ENDPOINT, "http://127.0.0.1:4566");
    let refused_by = |given: &[(&str, &str)]| match read(given).unwrap_err().0.as_slice() {
        [ConfigError::NotSimulated { variable }] => *variable,
        other => panic!("{other:?}"),
    };
    let clock = read(&[CLOCK, here]).unwrap().sim_clock;
    assert_eq!(
        clock,
        Some(SimClock { real_origin_ms: 1_700_000_000_000, sim_origin_ms: 1_767_225_600_000, speed: 60.0 })
    );
    assert_eq!(refused_by(&[CLOCK]), ENDPOINT);
    assert_eq!(refused_by(&[CLOCK, (ENDPOINT, "https://ec2.eu-central-1.amazonaws.com")]), ENDPOINT);
    assert_eq!(
        refused_by(&[CLOCK, here, ("AWS_ENDPOINT_URL_EC2", "https://ec2.amazonaws.com")]),
        "AWS_ENDPOINT_URL_EC2"
    );
    assert_eq!(refused_by(&[CLOCK, here, (IGNORE_ENDPOINTS, "true")]), IGNORE_ENDPOINTS);
}

#[test]
fn loopback_is_loopback_for_certain() {
    for url in
        ["http://127.0.0.1:1", "http://127.8.8.8/x", "https://localhost:4566/", "http://localhost", "http://[::1]:80"]
    {
        assert!(is_loopback(url), "{url}");
    }
    for url in [
        "127.0.0.1",
        "http://127.0.0.1@evil.example",
        "http://127.0.0.1:80@evil.example/",
        "http://localhost:x@evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:80\\@evil.example",
        "http://localhost?@evil.example",
        "http://10.0.0.1:4566",
        "",
    ] {
        assert!(!is_loopback(url), "{url}");
    }
}

proptest! {
    #[test]
    fn no_value_panics(value in ".{0,40}") {
        for name in ["_HANDLER", DEPLOYMENT, ALLOWED_ZONES, ALLOWED_NAMES, ALLOWED_GROUPS, MAX_VOLUME_GIB, ALLOW_DELETES, LOG, SIM_CLOCK, ENDPOINT] {
            let _ = read(&[(name, &value), (SIM_CLOCK, "1,2,3")]);
        }
    }
}
