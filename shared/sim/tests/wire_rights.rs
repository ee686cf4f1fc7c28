//! What the template's rights keep each function from doing, asked over plain HTTP with the functions' own keys.
//!
//! That they may do what they need is shown by the stories in `cli/tests/demo`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachNetworkInterface, AttachVolume, CreateAutoScalingGroup, CreateHostedZone, CreateNetworkInterface,
    CreateSnapshot, CreateVolume, Describe, GroupTag, LifecycleHook, Tags, Transition,
};
use stateful_asg_sim::simulator::{Simulator, SimulatorConfig};
use stateful_asg_sim::stack::{Facts, Stack};

const TABLE: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/ours";

/// A world in which there are our things and those of another deployment.
struct World {
    simulator: Simulator,
    zone: String,
    ours: Things,
    theirs: Things,
}

struct Things {
    group: String,
    instance: String,
    volume: String,
    snapshot: String,
    interface: String,
    attachment: String,
    subnet: String,
    security_group: String,
}

fn world() -> World {
    let simulator = Simulator::start(SimulatorConfig { speed: 60.0, ..SimulatorConfig::default() }).unwrap();
    let zone = CreateHostedZone { name: "x".to_owned(), caller_reference: "x".to_owned(), private_zone: true };
    let zone = simulator.with(|aws| aws.create_hosted_zone(&zone)).unwrap().hosted_zone.id;
    let facts = Facts::of("ours")
        .with("Region", "eu-central-1")
        .with("Account", "123456789012")
        .with("Table.Arn", TABLE)
        .with("Zone", &zone)
        .with("Names", "*.db.x");
    let (ours, theirs) = (things(&simulator, "ours"), things(&simulator, "theirs"));
    simulator.enforce(Stack::with(&facts).rights());
    World { simulator, zone, ours, theirs }
}

fn tags(deployment: &str) -> Tags {
    [("stateful-asg:deployment", deployment), ("stateful-asg:group", "db")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn things(simulator: &Simulator, deployment: &str) -> Things {
    let group = format!("{deployment}-nodes");
    let (subnet, security_group) = simulator.with(|aws| {
        let subnet = aws.describe_subnets(&Describe::all()).unwrap().items[0].subnet_id.clone();
        let security_group = aws.describe_security_groups(&Describe::all()).unwrap().items[0].group_id.clone();
        let tag = |(key, value)| GroupTag { key, value, propagate_at_launch: true };
        aws.create_auto_scaling_group(&CreateAutoScalingGroup {
            name: group.clone(),
            max_size: 1,
            desired_capacity: Some(1),
            subnets: vec![subnet.clone()],
            tags: tags(deployment).into_iter().map(tag).collect(),
            hooks: vec![LifecycleHook::new("stateful-asg-ours-launch", Transition::Launching)],
            ..CreateAutoScalingGroup::default()
        })
        .unwrap();
        (subnet, security_group)
    });
    let running = |aws: &Aws| {
        let member = aws.members(&group).next()?.instance_id.clone();
        (aws.instance(&member)?.state.name() == "running").then_some(member)
    };
    let instance = until(simulator, &running);
    let (volume, interface, attachment) = simulator.with(|aws| made(aws, deployment, &instance, &subnet));
    until(simulator, &|aws| (aws.volume(&volume)?.state.name() == "available").then_some(()));
    let snapshot = simulator.with(|aws| {
        let device = "/dev/sdf".to_owned();
        let attach = AttachVolume { volume_id: volume.clone(), instance_id: instance.clone(), device };
        aws.attach_volume(&attach).unwrap();
        let request = CreateSnapshot { volume_id: volume.clone(), description: String::new(), tags: tags(deployment) };
        aws.create_snapshot(&request).unwrap().snapshot_id.clone()
    });
    Things { group, instance, volume, snapshot, interface, attachment, subnet, security_group }
}

fn made(aws: &mut Aws, deployment: &str, instance: &str, subnet: &str) -> (String, String, String) {
    let zone = aws.instance(instance).unwrap().availability_zone.clone();
    let volume =
        CreateVolume { availability_zone: zone, size_gib: Some(10), tags: tags(deployment), ..CreateVolume::default() };
    let volume = aws.create_volume(&volume).unwrap().volume_id.clone();
    let interface = CreateNetworkInterface {
        subnet_id: subnet.to_owned(),
        tags: tags(deployment),
        ..CreateNetworkInterface::default()
    };
    let interface = aws.create_network_interface(&interface).unwrap().network_interface_id.clone();
    let attach = AttachNetworkInterface {
        network_interface_id: interface.clone(),
        instance_id: instance.to_owned(),
        device_index: 1,
    };
    let attachment = aws.attach_network_interface(&attach).unwrap();
    (volume, interface, attachment)
}

fn until<T>(simulator: &Simulator, found: &impl Fn(&Aws) -> Option<T>) -> T {
    for _ in 0..2_000 {
        if let Some(found) = simulator.with(|aws| found(aws)) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came");
}

/// Status and body of an answer.
type Answer = (u16, String);

impl World {
    fn ask(&self, caller: &str, service: &str, head: &str, more: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.simulator.endpoint().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = format!(
            "{head} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=SIMULATED-{caller}/20260101/eu-central-1/{service}/aws4_request, Signature=0\r\n{more}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn form(&self, caller: &str, service: &str, form: &str) -> Answer {
        self.ask(caller, service, "POST /", "Content-Type: application/x-www-form-urlencoded", form)
    }

    fn json(&self, caller: &str, service: &str, target: &str, body: &str) -> Answer {
        let target = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.0");
        self.ask(caller, service, "POST /", &target, body)
    }

    fn change(&self, changes: &[(&str, &str, &str)]) -> Answer {
        let change = |(action, name, kind): &(&str, &str, &str)| {
            format!(
                "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>30</TTL><ResourceRecords><ResourceRecord><Value>10.0.0.9</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
            )
        };
        let changes: String = changes.iter().map(change).collect();
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let head = format!("POST /2013-04-01/hostedzone/{}/rrset", self.zone);
        self.ask("lifecycle", "route53", &head, "Content-Type: text/xml", &body)
    }

    /// EC2 refuses it for want of a right.
    fn refuses(&self, caller: &str, form: &str) {
        let (status, body) = self.form(caller, "ec2", form);
        assert!(
            status == 403 && body.contains("<Code>UnauthorizedOperation</Code>"),
            "{caller} {form}: {status} {body}"
        );
    }

    /// EC2 does it, or refuses it for what is the matter with it.
    fn allows(&self, caller: &str, form: &str) {
        let (status, body) = self.form(caller, "ec2", form);
        assert!(status != 403 && !body.contains("UnauthorizedOperation"), "{caller} {form}: {status} {body}");
    }
}

fn tagged(kind: &str, deployment: &str) -> String {
    format!(
        "TagSpecification.1.ResourceType={kind}&TagSpecification.1.Tag.1.Key=stateful-asg%3Adeployment&TagSpecification.1.Tag.1.Value={deployment}&TagSpecification.1.Tag.2.Key=stateful-asg%3Agroup&TagSpecification.1.Tag.2.Value=db"
    )
}

#[test]
fn things_of_another_deployment_are_out_of_reach() {
    let world = world();
    let World { ours, theirs, .. } = &world;
    for (settles, mixed) in [
        (format!("Action=DetachVolume&InstanceId={}&VolumeId={}", ours.instance, ours.volume), false),
        (format!("Action=AttachVolume&InstanceId={}&VolumeId={}&Device=/dev/sdg", ours.instance, theirs.volume), true),
        (format!("Action=AttachVolume&InstanceId={}&VolumeId={}&Device=/dev/sdg", theirs.instance, ours.volume), true),
        (format!("Action=DetachVolume&VolumeId={}", theirs.volume), true),
        (format!("Action=DeleteVolume&VolumeId={}", ours.volume), false),
        (format!("Action=DeleteVolume&VolumeId={}", theirs.volume), true),
        (format!("Action=ModifyVolume&VolumeId={}&Size=20", theirs.volume), true),
        (format!("Action=DetachNetworkInterface&AttachmentId={}", ours.attachment), false),
        (format!("Action=DetachNetworkInterface&AttachmentId={}", theirs.attachment), true),
        (format!("Action=DeleteNetworkInterface&NetworkInterfaceId={}", theirs.interface), true),
        (format!("Action=CreateSnapshot&VolumeId={}&{}", theirs.volume, tagged("snapshot", "ours")), true),
        (format!("Action=CreateSnapshot&VolumeId={}&{}", ours.volume, tagged("snapshot", "theirs")), true),
        (
            format!(
                "Action=ModifyInstanceAttribute&InstanceId={}&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
                theirs.instance
            ),
            true,
        ),
    ] {
        for caller in ["lifecycle", "instance"] {
            if mixed { world.refuses(caller, &settles) } else { world.allows(caller, &settles) }
        }
        world.refuses("sweep", &settles);
    }
    world.allows("operator", &format!("Action=ModifyVolume&VolumeId={}&Size=20", theirs.volume));
    let set = |instance: &str| {
        format!(
            "Action=CreateSnapshots&InstanceSpecification.InstanceId={instance}&InstanceSpecification.ExcludeBootVolume=true&{}",
            tagged("snapshot", "ours")
        )
    };
    world.allows("snapshot", &set(&ours.instance));
    world.refuses("snapshot", &set(&theirs.instance));
    world.refuses("snapshot", &set(&ours.instance).replace("&InstanceSpecification.ExcludeBootVolume=true", ""));
    world.allows("snapshot", &format!("Action=DeleteSnapshot&SnapshotId={}", ours.snapshot));
    world.refuses("snapshot", &format!("Action=DeleteSnapshot&SnapshotId={}", theirs.snapshot));
    world.refuses("lifecycle", &format!("Action=DeleteSnapshot&SnapshotId={}", ours.snapshot));
}

#[test]
fn what_is_made_bears_our_tags_and_keeps_to_the_limits() {
    let world = world();
    let World { ours, theirs, .. } = &world;
    let volume = |more: &str, tags: &str| format!("Action=CreateVolume&AvailabilityZone=eu-central-1a&{more}&{tags}");
    let (mine, others) = (tagged("volume", "ours"), tagged("volume", "theirs"));
    world.allows("lifecycle", &volume("Size=10", &mine));
    world.refuses("lifecycle", &volume("Size=10", &others));
    world.refuses("lifecycle", "Action=CreateVolume&AvailabilityZone=eu-central-1a&Size=10");
    world.refuses("lifecycle", &volume("Size=16385", &mine));
    world.allows("lifecycle", &volume(&format!("SnapshotId={}", ours.snapshot), &mine));
    world.refuses("lifecycle", &volume(&format!("SnapshotId={}", theirs.snapshot), &mine));
    world.refuses("snapshot", &volume("Size=10", &mine));
    let interface = |tags: &str| {
        format!(
            "Action=CreateNetworkInterface&SubnetId={}&SecurityGroupId.1={}&{tags}",
            ours.subnet, ours.security_group
        )
    };
    world.allows("lifecycle", &interface(&tagged("network-interface", "ours")));
    world.refuses("lifecycle", &interface(&tagged("network-interface", "theirs")));
}

#[test]
fn a_thing_never_changes_its_group_or_deployment_by_our_hand() {
    let world = world();
    let World { ours, theirs, .. } = &world;
    let tag = |id: &str, key: &str| format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key={key}&Tag.1.Value=x");
    world.allows("lifecycle", &tag(&ours.volume, "stateful-asg%3Aslot"));
    world.allows("lifecycle", &tag(&ours.instance, "stateful-asg%3Aclaim"));
    for (id, key) in [
        (&ours.volume, "stateful-asg%3Adeployment"),
        (&ours.volume, "stateful-asg%3Agroup"),
        (&ours.volume, "Name"),
        (&theirs.volume, "stateful-asg%3Aslot"),
        (&ours.interface, "stateful-asg%3Aslot"),
        (&ours.snapshot, "stateful-asg%3Avolume"),
    ] {
        world.refuses("lifecycle", &tag(id, key));
    }
    let two = tag(&ours.volume, "stateful-asg%3Aslot") + "&Tag.2.Key=Name&Tag.2.Value=x";
    world.refuses("lifecycle", &two);
    world.allows("snapshot", &tag(&ours.snapshot, "stateful-asg%3Avolume"));
    world.refuses("snapshot", &tag(&ours.snapshot, "stateful-asg%3Aslot"));
    world.refuses("snapshot", &tag(&ours.volume, "stateful-asg%3Aslot"));
}

#[test]
fn names_are_ours_alone_and_swapped_by_comparison_only() {
    let world = world();
    let refused = |changes: &[(&str, &str, &str)]| {
        let (status, body) = world.change(changes);
        assert!(status == 403 && body.contains("<Code>AccessDenied</Code>"), "{changes:?}: {status} {body}");
    };
    assert_eq!(world.change(&[("CREATE", "a.db.x", "A"), ("CREATE", "B.DB.x.", "A")]).0, 200);
    refused(&[("UPSERT", "a.db.x", "A")]);
    refused(&[("CREATE", "www.x", "A")]);
    refused(&[("CREATE", "c.db.x", "A"), ("DELETE", "www.x", "A")]);
    refused(&[("CREATE", "c.db.x", "TXT")]);
    refused(&[("CREATE", "*.db.x", "A"), ("CREATE", "db.x", "A")]);
    let elsewhere = world.ask("lifecycle", "route53", "GET /2013-04-01/hostedzone/ZOTHER/rrset", "X: y", "");
    assert_eq!(elsewhere.0, 403, "{}", elsewhere.1);
    let here = format!("GET /2013-04-01/hostedzone/{}/rrset", world.zone);
    assert_eq!(world.ask("lifecycle", "route53", &here, "X: y", "").0, 200);
    assert_eq!(world.ask("snapshot", "route53", &here, "X: y", "").0, 403);
}

#[test]
fn hooks_tables_and_events_of_others_are_refused_in_each_services_words() {
    let world = world();
    let complete = |group: &str| {
        format!(
            "Action=CompleteLifecycleAction&AutoScalingGroupName={group}&LifecycleHookName=h&LifecycleActionResult=CONTINUE&InstanceId=i-0123456789abcdef0"
        )
    };
    let (status, body) = world.form("lifecycle", "autoscaling", &complete(&world.theirs.group));
    assert!(status == 403 && body.contains("<Code>AccessDenied</Code>"), "{status} {body}");
    assert_eq!(world.form("lifecycle", "autoscaling", &complete("nobodys")).0, 403);
    assert_eq!(world.form("lifecycle", "autoscaling", &complete(&world.ours.group)).0, 400, "it waits nowhere");
    assert_eq!(world.form("sweep", "autoscaling", &complete(&world.ours.group)).0, 403);

    let get = |table: &str| format!(r#"{{"TableName":"{table}","Key":{{"pk":{{"S":"a"}}}}}}"#);
    let (status, body) = world.json("lifecycle", "dynamodb", "DynamoDB_20120810.GetItem", &get("theirs"));
    assert!(status == 400 && body.contains("AccessDeniedException") && body.contains("table/theirs"), "{body}");
    let put = |table: &str| {
        format!(r#"{{"TransactItems":[{{"Put":{{"TableName":"{table}","Item":{{"pk":{{"S":"a"}}}}}}}}]}}"#)
    };
    let transact = "DynamoDB_20120810.TransactWriteItems";
    assert!(world.json("lifecycle", "dynamodb", transact, &put("theirs")).1.contains("dynamodb:PutItem"));
    assert!(!world.json("lifecycle", "dynamodb", transact, &put("ours")).1.contains("AccessDenied"));
    assert!(world.json("sweep", "dynamodb", transact, &put("ours")).1.contains("AccessDenied"));
    let scan = world.json("lifecycle", "dynamodb", "DynamoDB_20120810.Scan", r#"{"TableName":"ours"}"#);
    assert!(scan.1.contains("AccessDenied"), "{}", scan.1);

    let event = |kind: &str, bus: &str| {
        format!(
            r#"{{"Entries":[{{"Source":"stateful-asg","DetailType":"{kind}","Detail":"{{}}","EventBusName":"{bus}"}}]}}"#
        )
    };
    let events = |body: &str| world.json("sweep", "events", "AWSEvents.PutEvents", body);
    assert_eq!(events(&event("Settle", "default")).0, 200);
    for refused in [event("Other", "default"), event("Settle", "theirs")] {
        let (status, body) = events(&refused);
        assert!(status == 400 && body.contains("AccessDeniedException"), "{status} {body}");
    }
    assert_eq!(world.simulator.rights().denied().len(), 9);
}
