//! Tags, templates and the default network.

use stateful_asg_sim::model::types::*;

use crate::support::*;

#[test]
fn tags_are_set_replaced_and_removed() {
    let mut aws = aws();
    let id = volume(&mut aws, ZONE);
    aws.create_tags(&list(&id), &tags(&[("a", "1"), ("b", "1")])).unwrap();
    aws.create_tags(&list(&id), &tags(&[("a", "2")])).unwrap();
    aws.delete_tags(&list(&id), &[("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)]).unwrap();
    assert_eq!(aws.volume(&id).unwrap().tags, tags(&[("a", "2")]));
    let all = aws.describe_tags(&Describe::filter("resource-type", "volume")).unwrap().items;
    assert_eq!(
        all.iter().map(|t| (t.resource_id.as_str(), t.value.as_str())).collect::<Vec<_>>(),
        [(id.as_str(), "2")]
    );
}

#[test]
fn tags_have_limits_and_are_set_on_all_or_none() {
    let mut aws = aws();
    let id = volume(&mut aws, ZONE);
    assert_eq!(code(aws.create_tags(&list(&id), &tags(&[("aws:x", "1")]))), "InvalidParameterValue");
    assert_eq!(code(aws.create_tags(&list(&id), &tags(&[("x", &"v".repeat(257))]))), "InvalidParameterValue");
    let many: Tags = (0..51).map(|n| (format!("k{n}"), String::new())).collect();
    assert_eq!(code(aws.create_tags(&list(&id), &many)), "TagLimitExceeded");
    let both = [id.clone(), "vol-0".to_owned()];
    assert_eq!(code(aws.create_tags(&both, &tags(&[("a", "1")]))), "InvalidVolume.NotFound");
    assert!(aws.volume(&id).unwrap().tags.is_empty());
}

#[test]
fn a_network_exists_by_default() {
    let mut aws = aws();
    assert_eq!(aws.describe_vpcs(&Describe::all()).unwrap().items[0].cidr_block, "10.0.0.0/16");
    let subnets = aws.describe_subnets(&Describe::all()).unwrap().items;
    let shown: Vec<_> = subnets.iter().map(|s| (s.availability_zone.as_str(), s.cidr_block.as_str())).collect();
    let expected =
        [("eu-central-1a", "10.0.0.0/20"), ("eu-central-1b", "10.0.16.0/20"), ("eu-central-1c", "10.0.32.0/20")];
    assert_eq!(shown, expected);
    assert_eq!(aws.describe_security_groups(&Describe::all()).unwrap().items[0].group_name, "default");
    assert_eq!(aws.describe_availability_zones(&Describe::all()).unwrap().items.len(), 3);
    assert_eq!(code(aws.describe_subnets(&Describe::ids(["subnet-0"]))), "InvalidSubnetID.NotFound");
    serving(&mut aws, 2);
    assert_eq!(aws.describe_subnets(&Describe::all()).unwrap().items[0].available_ip_address_count, 4096 - 5 - 2);
}

#[test]
fn types_and_templates_are_described() {
    let mut aws = aws();
    let kind = aws.describe_instance_types(&Describe::ids(["m7i.large"])).unwrap().items[0];
    assert_eq!((kind.maximum_ebs_attachments, kind.attachment_limit_type), (32, "dedicated"));
    assert_eq!(code(aws.describe_instance_types(&Describe::ids(["x9.huge"]))), "InvalidInstanceType");
    let request = CreateLaunchTemplate { launch_template_name: "t".to_owned(), ..CreateLaunchTemplate::default() };
    let made = aws.create_launch_template(&request).unwrap();
    let data = LaunchTemplateData { image_id: Some("ami-1".to_owned()), ..LaunchTemplateData::default() };
    assert_eq!(aws.create_launch_template_version("t", &data).unwrap().latest_version, 2);
    let found = aws.describe_launch_templates(&Describe::ids(["t"])).unwrap().items.remove(0);
    assert_eq!((found.launch_template_id, found.data), (made.launch_template_id, data));
    assert_eq!(
        code(aws.create_launch_template_version("x", &LaunchTemplateData::default())),
        "InvalidLaunchTemplateId.NotFound"
    );
}
