//! The kinds of other operators, with the shapes that theirs have where it matters here.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_test_support::wait::eventually;
use tokio::sync::OnceCell;

/// A kind: its group, version, name and plural.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind(pub &'static str, pub &'static str, pub &'static str, pub &'static str);

pub(crate) const PULP: Kind = Kind("repo-manager.pulpproject.org", "v1", "Pulp", "pulps");
pub(crate) const CLOWD_APP: Kind = Kind("cloud.redhat.com", "v1alpha1", "ClowdApp", "clowdapps");
pub(crate) const SCALED_OBJECT: Kind = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects");
pub(crate) const DEPLOYMENT: Kind = Kind("apps", "v1", "Deployment", "deployments");
pub(crate) const STATEFUL_SET: Kind = Kind("apps", "v1", "StatefulSet", "statefulsets");

impl Kind {
    pub(crate) fn resource(self) -> ApiResource {
        let Self(group, version, kind, plural) = self;
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    /// The objects of this kind in the tenant's namespace.
    pub(crate) fn of(self, tenant: &Tenant) -> Api<DynamicObject> {
        Api::namespaced_with(tenant.client.clone(), &tenant.namespace, &self.resource())
    }

    /// Creates an object, in the name of somebody who writes manifests.
    pub(crate) async fn create(self, tenant: &Tenant, name: &str, spec: Value) -> DynamicObject {
        self.create_from(tenant, json!({"metadata": {"name": name}, "spec": spec})).await
    }

    pub(crate) async fn create_from(self, tenant: &Tenant, mut object: Value) -> DynamicObject {
        let Self(group, version, kind, _) = self;
        object["apiVersion"] = format!("{group}/{version}").into();
        object["kind"] = kind.into();
        let params = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
        self.of(tenant).create(&params, &serde_json::from_value(object).unwrap()).await.unwrap()
    }
}

/// A namespace where all the kinds are served.
pub(crate) async fn tenant() -> Tenant {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let tenant = Tenant::new().await;
    INSTALLED.get_or_init(|| install(&tenant)).await;
    tenant
}

async fn install(tenant: &Tenant) {
    let definitions: Api<CustomResourceDefinition> = Api::all(tenant.client.clone());
    for (kind, spec) in
        [(PULP, pulp_schema()), (CLOWD_APP, clowd_app_schema()), (SCALED_OBJECT, scaled_object_schema())]
    {
        let Kind(group, version, name, plural) = kind;
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group,
                "names": {"kind": name, "plural": plural},
                "scope": "Namespaced",
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": anything()}}},
                }],
            },
        });
        let params = PatchParams::apply("throughput-api-tests").force();
        definitions.patch(&format!("{plural}.{group}"), &params, &Patch::Apply(definition)).await.unwrap();
        let served = async || kind.of(tenant).list(&ListParams::default()).await.is_ok();
        eventually(&format!("{name} is served"), served, |served| *served).await;
    }
}

fn object(properties: Value) -> Value {
    let mut schema = json!({"type": "object"});
    schema["properties"] = properties;
    schema
}

fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn count() -> Value {
    json!({"type": "integer", "format": "int32", "minimum": 0})
}

fn pulp_schema() -> Value {
    let hpa = object(json!({
        "enabled": {"type": "boolean"},
        "min_replicas": count(),
        "max_replicas": count(),
    }));
    let component = object(json!({"replicas": count(), "hpa": hpa, "gunicorn_timeout": count()}));
    object(json!({
        "deployment_type": {"type": "string"},
        "unmanaged": {"type": "boolean"},
        "api": component,
        "content": component,
        "worker": component,
    }))
}

fn clowd_app_schema() -> Value {
    // The list has no type there either: it is owned as a whole.
    let deployment = object(json!({
        "name": {"type": "string"},
        "replicas": count(),
        "minReplicas": count(),
        "autoScaler": anything(),
        "autoScalerSimple": anything(),
        "podSpec": anything(),
    }));
    object(json!({"envName": {"type": "string"}, "deployments": {"type": "array", "items": deployment}}))
}

fn scaled_object_schema() -> Value {
    let text = json!({"type": "string"});
    object(json!({
        "scaleTargetRef": object(json!({"apiVersion": text, "kind": text, "name": text})),
        "minReplicaCount": count(),
        "maxReplicaCount": count(),
        "triggers": {"type": "array", "items": anything()},
    }))
}
