//! The Secrets of a container that dispatches in Pulp's own process. Each says itself which images may be given it:
//! whoever may create a test but not read Secrets must not get at one through a container.

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_core::kinds::pulp_tasks::PulpTasks;
use throughput_core::plan::permissions::is_image_listed;
use throughput_core::reason::{Reason, Why};
use throughput_crds::SECRET_IMAGES_ANNOTATION;

use crate::objects::deadline::{RequestError, within};

/// What keeps the container from being started, if anything does.
pub(super) async fn missing(
    client: &Client,
    namespace: &str,
    tasks: &PulpTasks,
) -> Result<Option<Why>, RequestError> {
    let Some(dispatch) = &tasks.in_process else {
        return Ok(None);
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for name in dispatch.secrets() {
        let secret = within("read a Secret of the container", secrets.get_opt(name)).await?;
        if let Some(unusable) = unusable(name, &dispatch.image, secret.as_ref()) {
            return Ok(Some(unusable));
        }
    }
    Ok(None)
}

fn unusable(name: &str, image: &str, secret: Option<&Secret>) -> Option<Why> {
    let Some(secret) = secret else {
        let message = format!("there is no Secret {name} in this namespace, which inProcess names");
        return Some(Why::new(Reason::SecretNotFound, message));
    };
    if secret.annotations().get(SECRET_IMAGES_ANNOTATION).is_some_and(|list| is_image_listed(list, image)) {
        return None;
    }
    let message = format!(
        "the Secret {name} does not say that a container of {image} may have it: its owner annotates it with {SECRET_IMAGES_ANNOTATION}='{image}', or makes one for this purpose"
    );
    Some(Why::new(Reason::SecretNotPermitted, message))
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;

    use super::*;

    fn reason(annotation: Option<&str>) -> Option<Reason> {
        let annotations =
            annotation.map(|images| [(SECRET_IMAGES_ANNOTATION.to_owned(), images.to_owned())].into());
        let metadata = ObjectMeta { annotations, ..ObjectMeta::default() };
        let secret = Secret { metadata, ..Secret::default() };
        unusable("pulp-keys", "quay.io/pulp/pulp:3", Some(&secret)).map(|why| why.reason)
    }

    #[test]
    fn a_container_gets_only_secrets_that_name_its_image() {
        for images in ["quay.io/pulp/pulp:3", "quay.io/pulp/*", "localhost/a, quay.io/pulp/pulp:3"] {
            assert_eq!(reason(Some(images)), None, "{images}");
        }
        assert_eq!(reason(Some("pulp-api")), Some(Reason::SecretNotPermitted));
        assert_eq!(reason(Some("quay.io/pulp/pulp:4")), Some(Reason::SecretNotPermitted));
        assert_eq!(reason(None), Some(Reason::SecretNotPermitted));
        let Why { reason, message } = unusable("pulp-keys", "quay.io/pulp/pulp:3", None).unwrap();
        assert_eq!(reason, Reason::SecretNotFound);
        assert!(message.contains("pulp-keys"), "{message}");
    }
}
