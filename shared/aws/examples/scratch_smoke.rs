#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]
use std::collections::BTreeSet;
use std::time::Duration;
use stateful_asg_aws::{Settings, connect};
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::spec::{VolumeParams, VolumeType};
use stateful_asg_core::table::*;
use stateful_asg_runtime::ports::*;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let aws = connect(&Settings { table: std::env::args().nth(3).unwrap_or("tables".into()), event_bus: "default".into(), sim_clock: None }).await;
    let g: GroupName = "cass".parse().unwrap();
    let d: DeploymentId = "prod".parse().unwrap();
    let now = aws.now();
    let ttl = Duration::from_secs(60);
    let w = aws.wake(&g, "me", now, ttl).await; println!("wake me {w:?}");
    println!("wake you {:?}", aws.wake(&g, "you", now, ttl).await);
    println!("prolong me {:?}", aws.prolong(&g, "me", now, ttl).await);
    println!("prolong you {:?}", aws.prolong(&g, "you", now, ttl).await);
    println!("wake later (takeover) {:?}", aws.wake(&g, "late", now + Duration::from_secs(100), ttl).await);
    let rest = Rest { digest: "d".into(), look_at: Some(now), audited: true };
    println!("give back me {:?}", aws.give_back(&g, "me", 1, &rest, now).await);
    println!("give back late, old dirty {:?}", aws.give_back(&g, "late", 1, &rest, now).await);
    println!("give back late {:?}", aws.give_back(&g, "late", 3, &rest, now).await);
    println!("summaries {:?}", aws.summaries().await);
    let action = Action { instance: "i-0123456789abcdef0".parse().unwrap(), transition: Transition::Launching, asg: "a".parse().unwrap(), hook: "h".parse().unwrap(), token: None, since: now, beat: None, done: None };
    println!("note {:?} {:?}", aws.note_action(&g, &action).await, aws.note_action(&g, &action).await);
    let slot = |number: u64| Slot { v: 1, number: SlotNumber(0), generation: Generation(number), state: SlotState::Active, zone: "eu-central-1a".parse().unwrap(), claim: Claim(1), holder: None, vacated: None, volumes: Default::default(), interface: None, record: None };
    let mut group = Group::new(g.clone()); group.generation = Generation(1);
    let i = Bound::Instance("i-0123456789abcdef0".parse().unwrap());
    let mut write = TableWrite { group: g.clone(), slot: Some((None, Box::new(slot(1)))), record: Some((None, Box::new(group.clone()))), bind: BTreeSet::from([i.clone()]), unbind: BTreeSet::new(), action: Some(action.clone()) };
    println!("write {:?}", aws.write(&write).await);
    println!("write again {:?}", aws.write(&write).await);
    write.action = None; write.record = None;
    println!("write lost {:?}", aws.write(&write).await);
    write.slot = Some((Some(Generation(1)), Box::new(slot(2)))); write.bind.clear(); write.unbind = BTreeSet::from([i.clone()]);
    println!("binding {:?}", aws.binding(&"i-0123456789abcdef0".parse().unwrap()).await);
    println!("write 2 {:?}", aws.write(&write).await);
    println!("binding {:?}", aws.binding(&"i-0123456789abcdef0".parse().unwrap()).await);
    println!("group {:?}", aws.group(&g).await);
    println!("slots {:?}", aws.slots(&g).await);
    println!("wake after {:?}", aws.wake(&g, "x", now, ttl).await.map(|w| (w.ours, w.dirty, w.epoch, w.record.is_some())));
    println!("asgs {:?}", aws.asgs(&d, Some(&g)).await);
    println!("asg_named {:?}", aws.asg_named(&"nope".parse().unwrap()).await);
    println!("hooks {:?}", aws.hooks(&"nope".parse().unwrap()).await);
    println!("instances {:?}", aws.instances(&Which::Group(g.clone(), d.clone())).await);
    let tags = Tags::from([("stateful-asg:group".to_string(), "cass".to_string()), ("stateful-asg:deployment".to_string(), "prod".to_string())]);
    let zone = std::env::args().nth(1).unwrap_or("us-east-1a".into());
    let new = NewVolume { zone: zone.parse().unwrap(), params: VolumeParams { size_gib: 8, kind: VolumeType::Gp3, iops: None, throughput: None, encrypted: true, kms_key: None, snapshot: None }, token: "tok-1".into(), tags: tags.clone() };
    let v = aws.create_volume(&new).await; println!("create {v:?}");
    println!("create again {:?}", aws.create_volume(&new).await);
    let v = v.unwrap();
    println!("volumes {:?}", aws.volumes(&Which::Group(g.clone(), d.clone())).await);
    println!("volumes by id {:?}", aws.volumes(&Which::Ids(vec![v.clone(), "vol-0123456789abcdef0".parse().unwrap()])).await.map(|v| v.len()));
    println!("attach {:?}", aws.attach_volume(&v, &"i-0123456789abcdef0".parse().unwrap(), &"/dev/sdf".parse().unwrap()).await);
    println!("detach {:?}", aws.detach_volume(&v, &"i-0123456789abcdef0".parse().unwrap(), "/dev/sdf").await);
    println!("keep {:?}", aws.keep_volume(&v, &"i-0123456789abcdef0".parse().unwrap(), "/dev/sdf").await);
    println!("detach eni {:?}", aws.detach_interface(&"eni-attach-0123456789abcdef0".parse().unwrap()).await);
    println!("tag {:?}", aws.tag(v.as_str(), &tags).await);
    println!("subnets {:?}", aws.subnets(&["subnet-0123456789abcdef0".parse().unwrap()]).await);
    if let Some(z) = std::env::args().nth(2) {
        let key = RecordKey { zone: z.parse().unwrap(), name: "cass-0.prod.internal".parse().unwrap() };
        let ip = |s: &str| BTreeSet::from([s.parse().unwrap()]);
        println!("record {:?}", aws.record(&key).await);
        println!("create {:?}", aws.change_record(&RecordChange { key: key.clone(), old: None, new: Some((30, ip("10.0.0.1"))) }).await);
        println!("create again {:?}", aws.change_record(&RecordChange { key: key.clone(), old: None, new: Some((30, ip("10.0.0.2"))) }).await);
        println!("swap {:?}", aws.change_record(&RecordChange { key: key.clone(), old: Some((30, ip("10.0.0.1"))), new: Some((30, ip("10.0.0.2"))) }).await);
        println!("swap stale {:?}", aws.change_record(&RecordChange { key: key.clone(), old: Some((30, ip("10.0.0.1"))), new: Some((30, ip("10.0.0.3"))) }).await);
        println!("record {:?}", aws.record(&key).await);
    }
    println!("settles {:?}", aws.request_settles(&[SettleRequest { group: g.clone(), deployment: d, audit: false }]).await);
    println!("counts {:?} throttles {:?}", aws.take_call_counts(), aws.take_throttle_counts());
}
