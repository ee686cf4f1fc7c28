//! Network interfaces.

use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::*;

use crate::support::*;

fn subnet(aws: &mut Aws, zone: &str) -> String {
    aws.describe_subnets(&Describe::filter("availability-zone", zone)).unwrap().items[0].subnet_id.clone()
}

fn new(aws: &mut Aws, zone: &str) -> CreateNetworkInterface {
    CreateNetworkInterface { subnet_id: subnet(aws, zone), ..CreateNetworkInterface::default() }
}

fn to(interface: &str, instance: &str, device_index: u32) -> AttachNetworkInterface {
    AttachNetworkInterface {
        network_interface_id: interface.to_owned(),
        instance_id: instance.to_owned(),
        device_index,
    }
}

#[test]
fn an_address_belongs_to_one_interface() {
    let mut aws = aws();
    let wish = |ip: &str, request: &CreateNetworkInterface| CreateNetworkInterface {
        private_ip_address: Some(ip.to_owned()),
        ..request.clone()
    };
    let request = new(&mut aws, ZONE);
    let first = aws.create_network_interface(&wish("10.0.1.7", &request)).unwrap();
    assert_eq!((first.private_ip_address.as_str(), first.status), ("10.0.1.7", InterfaceStatus::Available));
    assert_eq!(code(aws.create_network_interface(&wish("10.0.1.7", &request))), "InvalidIPAddress.InUse");
    assert_eq!(code(aws.create_network_interface(&wish("10.9.0.1", &request))), "InvalidParameterValue");
    assert_eq!(code(aws.create_network_interface(&CreateNetworkInterface::default())), "InvalidSubnetID.NotFound");
    aws.delete_network_interface(&first.network_interface_id).unwrap();
    aws.create_network_interface(&wish("10.0.1.7", &request)).unwrap();
}

#[test]
fn a_client_token_makes_one_interface() {
    let mut aws = aws();
    let request = CreateNetworkInterface { client_token: Some("slot-1".to_owned()), ..new(&mut aws, ZONE) };
    let first = aws.create_network_interface(&request).unwrap().network_interface_id.clone();
    assert_eq!(aws.create_network_interface(&request).unwrap().network_interface_id, first);
    let other = CreateNetworkInterface { description: "other".to_owned(), ..request };
    assert_eq!(code(aws.create_network_interface(&other)), "IdempotentParameterMismatch");
}

#[test]
fn attaching_and_detaching_take_time() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let request = new(&mut aws, ZONE);
    let id = aws.create_network_interface(&request).unwrap().network_interface_id.clone();
    let attachment = aws.attach_network_interface(&to(&id, &instance, 1)).unwrap();
    assert_eq!(aws.interface(&id).unwrap().status, InterfaceStatus::Attaching);
    aws.advance(secs(3));
    assert_eq!(aws.interface(&id).unwrap().status, InterfaceStatus::InUse);
    assert!(!aws.interface(&id).unwrap().attachment.as_ref().unwrap().delete_on_termination);
    let indexes: Vec<_> =
        aws.instance(&instance).unwrap().network_interfaces.iter().map(|i| i.attachment.device_index).collect();
    assert_eq!(indexes, [0, 1]);
    assert_eq!(code(aws.delete_network_interface(&id)), "InvalidParameterValue");
    let detach = DetachNetworkInterface { attachment_id: attachment, force: false };
    aws.detach_network_interface(&detach).unwrap();
    assert_eq!(aws.interface(&id).unwrap().status, InterfaceStatus::Detaching);
    aws.advance(secs(6));
    assert_eq!(aws.interface(&id).unwrap().status, InterfaceStatus::Available);
    assert_eq!(code(aws.detach_network_interface(&detach)), "InvalidAttachmentID.NotFound");
}

#[test]
fn attaching_is_refused_with_awss_codes() {
    let mut aws = aws();
    let both = serving(&mut aws, 2);
    let make = |zone: &str, aws: &mut Aws| {
        let request = new(aws, zone);
        aws.create_network_interface(&request).unwrap().network_interface_id.clone()
    };
    let ids: Vec<_> = (0..4).map(|_| make(ZONE, &mut aws)).collect();
    let far = make("eu-central-1b", &mut aws);
    aws.attach_network_interface(&to(&ids[0], &both[0], 1)).unwrap();
    let cases = [
        ("InvalidNetworkInterfaceID.NotFound", to("eni-0", &both[0], 2)),
        ("InvalidInstanceID.NotFound", to(&ids[1], "i-0", 2)),
        ("InvalidNetworkInterface.InUse", to(&ids[0], &both[1], 1)),
        ("InvalidParameterCombination", to(&far, &both[0], 2)),
        ("InvalidParameterValue", to(&ids[1], &both[0], 1)),
    ];
    for (expected, request) in cases {
        assert_eq!(code(aws.attach_network_interface(&request)), expected, "{request:?}");
    }
    aws.attach_network_interface(&to(&ids[1], &both[0], 2)).unwrap();
    assert_eq!(code(aws.attach_network_interface(&to(&ids[2], &both[0], 3))), "AttachmentLimitExceeded");
    let primary = aws.instance(&both[0]).unwrap().network_interfaces[0].attachment.attachment_id.clone();
    let detach = DetachNetworkInterface { attachment_id: primary, force: true };
    assert_eq!(code(aws.detach_network_interface(&detach)), "OperationNotPermitted");
}

#[test]
fn termination_frees_or_deletes_as_the_attachment_says() {
    for delete in [false, true] {
        let mut aws = aws();
        let instance = serving(&mut aws, 1).remove(0);
        let request = new(&mut aws, ZONE);
        let id = aws.create_network_interface(&request).unwrap().network_interface_id.clone();
        let attachment_id = aws.attach_network_interface(&to(&id, &instance, 1)).unwrap();
        let modify = ModifyNetworkInterfaceAttribute {
            network_interface_id: id.clone(),
            attachment_id,
            delete_on_termination: delete,
        };
        aws.modify_network_interface_attribute(&modify).unwrap();
        aws.terminate_instances(&list(&instance)).unwrap();
        aws.advance(secs(60));
        let left = aws.interface(&id).map(|interface| (interface.status, interface.attachment.is_some()));
        assert_eq!(left, (!delete).then_some((InterfaceStatus::Available, false)));
    }
}
