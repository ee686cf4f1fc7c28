//! Which service a request is for.

/// The services behind the one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    AutoScaling,
    Route53,
    DynamoDb,
    EventBridge,
    Sts,
}

/// What of a request tells its service.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Signs<'a> {
    pub(super) authorization: Option<&'a str>,
    pub(super) target: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) version: Option<&'a str>,
}

impl Service {
    /// By the signature's scope; without one, by the target header, the path, or the API version.
    pub(super) fn of(signs: &Signs<'_>) -> Option<Self> {
        signs
            .authorization
            .and_then(scope)
            .and_then(|scope| Self::named(scope.service))
            .or_else(|| Self::unsigned(signs))
    }

    fn named(service: &str) -> Option<Self> {
        match service {
            "ec2" => Some(Self::Ec2),
            "autoscaling" => Some(Self::AutoScaling),
            "route53" => Some(Self::Route53),
            "dynamodb" => Some(Self::DynamoDb),
            "events" => Some(Self::EventBridge),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }

    fn unsigned(signs: &Signs<'_>) -> Option<Self> {
        match (signs.target, signs.version) {
            (Some(target), _) if target.starts_with("DynamoDB_") => Some(Self::DynamoDb),
            (Some(target), _) if target.starts_with("AWSEvents.") => Some(Self::EventBridge),
            _ if signs.path.starts_with(super::route53::PREFIX) => Some(Self::Route53),
            (_, Some("2016-11-15")) => Some(Self::Ec2),
            (_, Some("2011-01-01")) => Some(Self::AutoScaling),
            (_, Some("2011-06-15")) => Some(Self::Sts),
            _ => None,
        }
    }

    /// The name that counts operations, as in `ec2:AttachVolume`.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Route53 => "route53",
            Self::DynamoDb => "dynamodb",
            Self::EventBridge => "events",
            Self::Sts => "sts",
        }
    }
}

/// What a signature says of itself: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    pub(super) access_key: &'a str,
    service: &'a str,
}

/// Reads an `Authorization` header of Signature Version 4.
pub(super) fn scope(authorization: &str) -> Option<Scope<'_>> {
    let credential = authorization.split("Credential=").nth(1)?.split([',', ' ']).next()?;
    // A key ID may itself hold slashes, the other four parts may not.
    let mut parts = credential.rsplitn(5, '/');
    let (_, service, _, _) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Scope { access_key: parts.next()?, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/autoscaling/aws4_request, SignedHeaders=host, Signature=0";

    #[test]
    fn the_signature_names_the_service_and_the_caller() {
        assert_eq!(
            Service::of(&Signs { authorization: Some(SIGNED), path: "/", ..Signs::default() }),
            Some(Service::AutoScaling)
        );
        assert_eq!(scope(SIGNED).map(|scope| scope.access_key), Some("AKIA"));
        assert_eq!(scope("Bearer x"), None);
    }

    #[test]
    fn without_a_signature_other_signs_tell() {
        let signs = |target, path, version| Service::of(&Signs { authorization: None, target, path, version });
        assert_eq!(signs(Some("DynamoDB_20120810.GetItem"), "/", None), Some(Service::DynamoDb));
        assert_eq!(signs(Some("AWSEvents.PutEvents"), "/", None), Some(Service::EventBridge));
        assert_eq!(signs(None, "/2013-04-01/hostedzone", None), Some(Service::Route53));
        assert_eq!(signs(None, "/", Some("2016-11-15")), Some(Service::Ec2));
        assert_eq!(signs(None, "/", Some("1999-01-01")), None);
    }
}
