//! Launch templates.

use crate::model::buckets::Cost;
use crate::model::types::{
    CreateLaunchTemplate, Describe, LaunchTemplate, LaunchTemplateData, LaunchTemplateRef, Paged, Tags,
};
use crate::model::{Answer, Aws, AwsError};

use super::describe::{Described, page_of};

impl Aws {
    /// `ec2:CreateLaunchTemplate`.
    ///
    /// # Errors
    /// `InvalidLaunchTemplateName.AlreadyExistsException`.
    pub fn create_launch_template(&mut self, request: &CreateLaunchTemplate) -> Answer<LaunchTemplate> {
        self.call("ec2:CreateLaunchTemplate", Cost::Mutating, |aws| {
            if aws.template(&request.launch_template_name).is_some() {
                let message = "Launch template name already in use.";
                return Err(AwsError::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
            }
            let template = LaunchTemplate {
                launch_template_id: aws.new_id("lt"),
                launch_template_name: request.launch_template_name.clone(),
                create_time: aws.now,
                latest_version: 1,
                data: request.data.clone(),
                tags: request.tags.clone(),
            };
            aws.ec2.templates.insert(template.launch_template_id.clone(), template.clone());
            Ok(template)
        })
    }

    /// `ec2:CreateLaunchTemplateVersion`: the template, by ID or name, has this data from now on.
    ///
    /// # Errors
    /// `InvalidLaunchTemplateId.NotFound`.
    pub fn create_launch_template_version(
        &mut self,
        template: &str,
        data: &LaunchTemplateData,
    ) -> Answer<LaunchTemplate> {
        self.call("ec2:CreateLaunchTemplateVersion", Cost::Mutating, |aws| {
            let id = aws
                .template(template)
                .map(|t| t.launch_template_id.clone())
                .ok_or_else(|| LaunchTemplate::not_found(template))?;
            let known = aws.ec2.templates.get_mut(&id).expect("it was found by name");
            known.latest_version += 1;
            known.data = data.clone();
            Ok(known.clone())
        })
    }

    /// `ec2:DescribeLaunchTemplates`; `ids` are IDs or names.
    ///
    /// # Errors
    /// `InvalidLaunchTemplateId.NotFound`; `InvalidParameterValue` for a filter that the model does
    /// not know.
    pub fn describe_launch_templates(&mut self, request: &Describe) -> Answer<Paged<LaunchTemplate>> {
        self.call("ec2:DescribeLaunchTemplates", Cost::Describe, |aws| {
            let id_of =
                |name: &String| aws.template(name).map_or_else(|| name.clone(), |t| t.launch_template_id.clone());
            let request = Describe { ids: request.ids.iter().map(id_of).collect(), ..request.clone() };
            page_of(aws.ec2.templates.values(), &request)
        })
    }

    fn template(&self, id_or_name: &str) -> Option<&LaunchTemplate> {
        self.ec2.templates.values().find(|t| t.launch_template_id == id_or_name || t.launch_template_name == id_or_name)
    }

    /// The template that a group names, in full, with its data.
    pub(in crate::model) fn resolve_template(
        &self,
        named: &LaunchTemplateRef,
    ) -> Answer<(LaunchTemplateRef, LaunchTemplateData)> {
        let name = named.id.as_ref().or(named.name.as_ref()).map_or("", String::as_str);
        let Some(template) = self.template(name) else {
            // Observed: terraform-provider-aws reports.
            return Err(AwsError::validation(
                "You must use a valid fully-formed launch template. The specified launch template does not exist.",
            ));
        };
        let full = LaunchTemplateRef {
            id: Some(template.launch_template_id.clone()),
            name: Some(template.launch_template_name.clone()),
            version: named.version.clone().or_else(|| Some("$Default".to_owned())),
        };
        Ok((full, template.data.clone()))
    }
}

impl Described for LaunchTemplate {
    const FIELDS: &[&str] = &["launch-template-name"];
    fn id(&self) -> &str {
        &self.launch_template_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new(
            "InvalidLaunchTemplateId.NotFound",
            format!("The specified launch template, {id}, does not exist."),
        )
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        (name == "launch-template-name").then(|| vec![self.launch_template_name.as_str()])
    }
}
