//! `sim serve`: the simulated AWS for other clients, until Ctrl-C.

use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use stateful_asg_sim::lambda::Line;

use crate::args::{SPEED, ServeArgs};
use crate::output::{bold, print, red, say, yellow};
use crate::site::{self, DOMAIN, Plot, TABLE};
use crate::{Verdict, functions_binary};

/// The deployment's ID.
const DEPLOYMENT: &str = "sim";

/// Shown below the help; every line can be pasted.
pub(crate) const EXAMPLE: &str = r#"Example, in one shell:
  stateful-asg sim serve --port 4566

and in another, once the `export` lines are pasted there:
  aws ec2 create-launch-template --launch-template-name db-nodes \
    --launch-template-data '{"ImageId":"ami-0123456789abcdef0","InstanceType":"m7i.large"}'

  SUBNETS=$(aws ec2 describe-subnets --query 'join(`,`, Subnets[].SubnetId)' --output text)
  aws autoscaling create-auto-scaling-group --auto-scaling-group-name db-nodes \
    --min-size 0 --max-size 3 --desired-capacity 3 --vpc-zone-identifier "$SUBNETS" \
    --launch-template 'LaunchTemplateName=db-nodes,Version=$Latest' \
    --availability-zone-distribution CapacityDistributionStrategy=balanced-only \
    --lifecycle-hook-specification-list '[
      {"LifecycleHookName": "stateful-asg-sim-launch",
       "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "HeartbeatTimeout": 900,
       "NotificationMetadata":
         "{\"v\":1,\"volumes\":{\"data\":{\"size\":\"20GiB\",\"mount\":\"/data\"}}}"},
      {"LifecycleHookName": "stateful-asg-sim-terminate",
       "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", "HeartbeatTimeout": 900,
       "DefaultResult": "CONTINUE"}]' \
    --tags Key=stateful-asg:group,Value=db,PropagateAtLaunch=true \
      Key=stateful-asg:deployment,Value=sim,PropagateAtLaunch=true

  aws ec2 describe-volumes --filters Name=tag-key,Values=stateful-asg:slot --output table \
    --query 'Volumes[].[VolumeId,State,Attachments[0].InstanceId]'
  NODE=$(aws autoscaling describe-auto-scaling-instances \
    --query 'AutoScalingInstances[0].InstanceId' --output text)
  aws ec2 terminate-instances --instance-ids "$NODE"
  # Look at the volumes again: the dead node's volume is soon on its replacement.

Functions serve what bears the deployment `sim`; hooks must be called `stateful-asg-sim-...`."#;

/// Serves until a signal ends it.
///
/// # Errors
/// What keeps it from starting.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<Verdict> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let functions = match args.no_functions {
        true => None,
        false => Some(functions_binary::find(args.world.functions.as_deref())?),
    };
    let (seed, speed) = (args.world.seed, args.world.speed.unwrap_or(SPEED));
    let plot = Plot { deployment: DEPLOYMENT, functions, port: args.port, seed, speed, any_zone: true, without: None };
    let site = site::start(plot)?;
    if let Some(lambda) = site.simulator.lambda() {
        lambda.journal().on_line(Box::new(|line| {
            if let Some(text) = told(line) {
                say(text);
            }
        }));
    }
    introduce(&site, args, speed)?;
    signals.forever().next();
    say("Ends. Nothing of the simulated AWS stays behind.");
    site.simulator.shutdown();
    Ok(Verdict::Fine)
}

fn introduce(site: &site::Site, args: &ServeArgs, speed: f64) -> anyhow::Result<()> {
    let endpoint = site.simulator.endpoint();
    say(bold(format!("A simulated AWS listens on {endpoint}, at {speed} times real speed.")));
    let serving =
        if args.no_functions { "No functions are connected." } else { "The functions serve deployment `sim`." };
    say(format!("{serving} Hosted zone {DOMAIN} is {}; table {TABLE} is the functions'.", site.zone));
    say("Paste the lines below into another shell; `stateful-asg sim serve --help` shows what to try. Ctrl-C ends it.");
    print(format!("# {endpoint}"))?;
    for (name, value) in environment(site) {
        print(format!("export {name}={value}"))?;
    }
    Ok(())
}

/// What clients need, `stateful-asg spec apply` among them.
fn environment(site: &site::Site) -> Vec<(String, String)> {
    let mut variables = site.simulator.environment();
    let more =
        [("AWS_EC2_METADATA_DISABLED", "true"), ("STATEFUL_ASG_DEPLOYMENT", DEPLOYMENT), ("STATEFUL_ASG_TABLE", TABLE)];
    variables.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.into_iter().collect()
}

/// What a person wants to see of a function's line: steps, warnings, errors, and whatever is no log message.
fn told(line: &Line) -> Option<String> {
    let Ok(Value::Object(message)) = serde_json::from_str(&line.text) else {
        return (!line.text.trim().is_empty()).then(|| format!("{} {}", line.function, line.text));
    };
    if message.contains_key("_aws") {
        return None; // embedded metrics
    }
    let text = |name: &str| match message.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let step = text("step");
    let level = match text("level").as_str() {
        "ERROR" => red("ERROR "),
        "WARN" => yellow("WARN "),
        _ if step.is_empty() => return None,
        _ => String::new(),
    };
    let (clock, group) = (line.at.strftime("%H:%M:%S"), text("group"));
    let details: Vec<String> =
        ["error", "reason", "detail"].iter().map(|name| text(name)).filter(|detail| !detail.is_empty()).collect();
    let parts = [group, step, text("message"), details.join(" ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(format!("{clock} {}: {level}{}", line.function, parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            at: jiff::Timestamp::constant(1_767_225_661, 0),
            function: "lifecycle".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn steps_and_complaints_are_told_and_nothing_else() {
        let step = r#"{"level":"INFO","message":"done","group":"db","step":"AttachVolume vol-1"}"#;
        assert_eq!(told(&line(step)).unwrap(), "00:01:01 lifecycle: db AttachVolume vol-1 done");
        assert_eq!(told(&line(r#"{"level":"INFO","message":"settled","group":"db"}"#)), None);
        assert_eq!(told(&line(r#"{"_aws":{},"settles":1}"#)), None);
        let warning = told(&line(r#"{"level":"WARN","message":"failed","group":"db","error":"denied"}"#)).unwrap();
        assert!(warning.contains("WARN") && warning.ends_with("db failed denied"), "{warning}");
        assert_eq!(told(&line("thread 'main' panicked")).unwrap(), "lifecycle thread 'main' panicked");
        assert_eq!(told(&line("  ")), None);
    }
}
