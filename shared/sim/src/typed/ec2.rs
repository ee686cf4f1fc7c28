//! EC2's part of the port: what the requests look like, and errors read against the goal.

use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::spec::VolumeParams;
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::{NewInterface, NewVolume, Which};

use crate::model::types::{CreateNetworkInterface, CreateVolume, Describe, Filter, Paged};
use crate::model::{Aws, AwsError};

const PAGE: u32 = 1000;
const CHUNK: usize = 200;

/// The requests that this reading needs: by tags, or by ID through a filter, which leaves out what does not exist.
pub(super) fn describe<Id: std::fmt::Display>(which: &Which<Id>, id_filter: &str) -> Vec<Describe> {
    let page = |filters| Describe { filters, max_results: Some(PAGE), ..Describe::default() };
    match which {
        Which::Group(group, deployment) => vec![page(of_group(group, deployment))],
        Which::Tagged(key, value) => vec![page(vec![Filter::new(&format!("tag:{key}"), value)])],
        Which::Ids(ids) => ids
            .chunks(CHUNK)
            .map(|chunk| {
                let values = chunk.iter().map(ToString::to_string).collect();
                page(vec![Filter { name: id_filter.to_owned(), values }])
            })
            .collect(),
    }
}

pub(super) fn of_group(group: &GroupName, deployment: &DeploymentId) -> Vec<Filter> {
    vec![
        Filter::new(&format!("tag:{}", tags::GROUP), group.as_str()),
        Filter::new(&format!("tag:{}", tags::DEPLOYMENT), deployment.as_str()),
    ]
}

/// All pages of all requests.
pub(super) fn pages<T>(
    aws: &mut Aws,
    requests: &[Describe],
    mut one: impl FnMut(&mut Aws, &Describe) -> Result<Paged<T>, AwsError>,
) -> Result<Vec<T>, AwsError> {
    let mut all = Vec::new();
    for request in requests {
        let mut request = request.clone();
        loop {
            let page = one(aws, &request)?;
            all.extend(page.items);
            match page.next_token {
                None => break,
                token => request.next_token = token,
            }
        }
    }
    Ok(all)
}

pub(super) fn new_volume(new: &NewVolume) -> CreateVolume {
    let VolumeParams { size_gib, kind, iops, throughput, encrypted, kms_key, snapshot, initialization_rate } =
        &new.params;
    CreateVolume {
        availability_zone: new.zone.to_string(),
        size_gib: Some(*size_gib),
        volume_type: Some(kind.to_string()),
        iops: *iops,
        throughput: *throughput,
        encrypted: *encrypted,
        kms_key_id: kms_key.clone(),
        snapshot_id: snapshot.as_ref().map(ToString::to_string),
        volume_initialization_rate: initialization_rate.filter(|_| snapshot.is_some()),
        multi_attach_enabled: false,
        client_token: Some(new.token.clone()),
        tags: new.tags.clone(),
    }
}

pub(super) fn new_interface(new: &NewInterface) -> CreateNetworkInterface {
    CreateNetworkInterface {
        subnet_id: new.subnet.to_string(),
        private_ip_address: new.ip.map(|ip| ip.to_string()),
        groups: new.security_groups.iter().map(ToString::to_string).collect(),
        description: String::new(),
        client_token: Some(new.token.clone()),
        tags: new.tags.clone(),
    }
}

/// To the one who wants it detached, these say that it is.
pub(super) fn detached(answer: Result<(), AwsError>) -> Result<(), AwsError> {
    const DONE: [&str; 4] =
        ["IncorrectState", "InvalidAttachment.NotFound", "InvalidVolume.NotFound", "InvalidAttachmentID.NotFound"];
    match answer {
        Err(error) if DONE.contains(&error.code.as_str()) => Ok(()),
        answer => answer,
    }
}
