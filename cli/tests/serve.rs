//! `sim serve`: what it prints, and that Ctrl-C ends it well.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use common::command;

#[test]
fn it_prints_what_to_export_serves_and_ends_well_on_ctrl_c() {
    let mut child = command(&["sim", "serve", "--no-functions"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.starts_with("export STATEFUL_ASG_TABLE=")) {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended early: {lines:?}");
        lines.push(line.trim_end().to_owned());
    }
    for name in [
        "AWS_ENDPOINT_URL=http://127.0.0.1:",
        "AWS_ACCESS_KEY_ID=",
        "AWS_SECRET_ACCESS_KEY=",
        "AWS_DEFAULT_REGION=",
        "AWS_EC2_METADATA_DISABLED=",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("export {name}"))), "{name}: {lines:?}");
    }
    let address = lines[0].strip_prefix("# http://").unwrap();
    std::net::TcpStream::connect(address).expect("it listens");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("Ends."), "{stderr}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran: common::Ran = command(&["sim", "serve", "--no-functions", "--port", &port]).output().unwrap().into();
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains(&port) && ran.stderr.contains("choose another port"), "{}", ran.stderr);
}
