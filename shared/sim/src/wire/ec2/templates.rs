//! Launch templates.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::{Query, QueryError};
use super::super::xml::Element;
use super::network::named;
use super::{describe, page, read_tags, tag_specifications, with_tags};
use crate::model::Aws;
use crate::model::types::{CreateLaunchTemplate, LaunchTemplate, LaunchTemplateData};

pub(super) const OPERATIONS: Table = &[
    ("CreateLaunchTemplate", create),
    ("CreateLaunchTemplateVersion", create_version),
    ("DescribeLaunchTemplates", describe_templates),
];

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = CreateLaunchTemplate {
        launch_template_name: query.required("LaunchTemplateName")?,
        data: data(query.structure("LaunchTemplateData"))?,
        tags: tag_specifications(query, "launch-template")?,
    };
    let template = aws.create_launch_template(&request)?;
    Ok(body().child(encode(&template).renamed("launchTemplate")))
}

fn create_version(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let name = query.string("LaunchTemplateId").map_or_else(|| query.required("LaunchTemplateName"), Ok)?;
    let template = aws.create_launch_template_version(&name, &data(query.structure("LaunchTemplateData"))?)?;
    let version = Element::new("launchTemplateVersion")
        .field("launchTemplateId", &template.launch_template_id)
        .field("launchTemplateName", &template.launch_template_name)
        .field("versionNumber", template.latest_version);
    Ok(body().child(version))
}

fn describe_templates(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = named(describe(query, "LaunchTemplateId")?, query, "LaunchTemplateName", "launch-template-name");
    let found = aws.describe_launch_templates(&request)?;
    Ok(page("launchTemplates", &found, encode))
}

fn data(query: &Query) -> Result<LaunchTemplateData, QueryError> {
    let mut instance_tags = crate::model::types::Tags::new();
    for specification in query.list("TagSpecification") {
        if specification.text("ResourceType") == Some("instance") {
            instance_tags.extend(read_tags(specification)?);
        }
    }
    Ok(LaunchTemplateData {
        image_id: query.string("ImageId"),
        instance_type: query.string("InstanceType"),
        security_groups: query.texts("SecurityGroupId"),
        instance_tags,
        instance_metadata_tags: query.structure("MetadataOptions").text("InstanceMetadataTags") == Some("enabled"),
    })
}

fn encode(template: &LaunchTemplate) -> Element {
    let element = entry()
        .field("launchTemplateId", &template.launch_template_id)
        .field("launchTemplateName", &template.launch_template_name)
        .field("createTime", iso(template.create_time))
        .field("defaultVersionNumber", 1)
        .field("latestVersionNumber", template.latest_version);
    with_tags(element, &template.tags)
}
