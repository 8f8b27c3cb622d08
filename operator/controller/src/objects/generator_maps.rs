//! Each load generator's own `ConfigMap`: its registration, and later its result.
//!
//! One each, since together they would not find room in the cell's: a result may have half a mebibyte, and a cell has
//! up to 64 generators. They are the test's, so they go with it; those of a cell that is over go before.
//!
//! Each text is signed with the operator's key as what it is, of whom: who may write `ConfigMap`s is no generator. What is
//! not signed is not there.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;
use throughput_model::protocol::Registration;

use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::metadata::{owner, test_labels};
use crate::objects::names::{
    self, ATTEMPT_LABEL, CELL_LABEL, COLLECTOR_FIELD_MANAGER, GENERATOR_LABEL, REGISTRATION_KEY, RESULT_KEY,
    TEST_UID_LABEL,
};
use crate::objects::owned_objects::NameTaken;
use crate::objects::pages;

/// The most generators that a cell has.
pub(crate) const MOST_GENERATORS: u32 = 64;
/// How often something is stored when the `ConfigMap` changes in between.
const STORE_ATTEMPTS: u32 = 5;
/// How many are deleted at once.
const DELETED_AT_ONCE: usize = 8;
/// How many are read at once.
const READ_AT_ONCE: usize = 8;

/// Where one generator of an attempt has its words stored.
#[derive(Clone)]
pub(crate) struct GeneratorMap<'a> {
    client: &'a Client,
    key: &'a TokenKey,
    test: &'a TestFacts,
    address: &'a CellAddress,
    index: u32,
}

/// The reason for which a generator's words are not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The API server did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The name is another's.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// Another pod is this generator: this one.
    #[error("another pod has registered with this index: {0}")]
    IndexTaken(String),
}

impl<'a> GeneratorMap<'a> {
    pub(crate) fn new(
        (client, key): (&'a Client, &'a TokenKey),
        test: &'a TestFacts,
        address: &'a CellAddress,
        index: u32,
    ) -> Self {
        Self { client, key, test, address, index }
    }

    /// Stores a text of a pod under a key, unless another pod has registered as this generator. The `ConfigMap` is made
    /// where there is none.
    pub(crate) async fn store(&self, pod_uid: &str, key: &str, text: &str) -> Result<(), StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let found = self.find().await?;
            let holder = found.as_ref().and_then(|found| self.registered(found));
            if let Some(holder) = holder.filter(|holder| holder.pod_uid != pod_uid) {
                return Err(StoreError::IndexTaken(holder.pod_name));
            }
            // Of two pods that come at once only one may find the index free: it must be as it was read.
            let stored = match found {
                None => self.create(key, text).await,
                Some(found) => self.patch(&found, key, text).await,
            };
            match stored {
                Err(error) if error.is_conflict() && attempts < STORE_ATTEMPTS => {}
                stored => return Ok(stored?),
            }
        }
    }

    async fn find(&self) -> Result<Option<ConfigMap>, StoreError> {
        let found = within("read a generator's ConfigMap", self.maps().get_opt(&self.name())).await?;
        if let Some(found) = &found
            && !is_of(found, self.test)
        {
            return Err(NameTaken { kind: "ConfigMap".to_owned(), name: found.name_any() }.into());
        }
        Ok(found)
    }

    async fn create(&self, key: &str, text: &str) -> Result<(), RequestError> {
        let map = ConfigMap {
            metadata: self.metadata(),
            data: Some(self.signed(key, text).into()),
            ..ConfigMap::default()
        };
        let params =
            PostParams { field_manager: Some(COLLECTOR_FIELD_MANAGER.to_owned()), ..PostParams::default() };
        within("make a generator's ConfigMap", self.maps().create(&params, &map)).await?;
        Ok(())
    }

    async fn patch(&self, found: &ConfigMap, key: &str, text: &str) -> Result<(), RequestError> {
        let version = json!({"uid": found.uid(), "resourceVersion": found.resource_version()});
        let patch =
            Patch::Merge(json!({"metadata": version, "data": BTreeMap::from(self.signed(key, text))}));
        let params =
            PatchParams { field_manager: Some(COLLECTOR_FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        within("store in a generator's ConfigMap", self.maps().patch(&self.name(), &params, &patch)).await?;
        Ok(())
    }

    /// A text under its key, and its signature beside it.
    fn signed(&self, key: &str, text: &str) -> [(String, String); 2] {
        let signature = self.key.signature(&signed_text((self.address, self.index), key, text));
        [(key.to_owned(), text.to_owned()), (signature_key(key), signature)]
    }

    /// What is stored under a key, if it is signed.
    fn stored(&self, map: &ConfigMap, key: &str) -> Option<String> {
        stored(self.key, map, (self.address, self.index), key)
    }

    /// Who holds the index.
    fn registered(&self, map: &ConfigMap) -> Option<Registration> {
        serde_json::from_str(&self.stored(map, REGISTRATION_KEY)?).ok()
    }

    fn name(&self) -> String {
        names::generator(&self.test.name, self.address, self.index)
    }

    fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.test.namespace)
    }

    fn metadata(&self) -> ObjectMeta {
        let mut labels = test_labels(self.test);
        labels.insert(CELL_LABEL.to_owned(), self.address.cell.to_string());
        labels.insert(ATTEMPT_LABEL.to_owned(), self.address.attempt.to_string());
        labels.insert(GENERATOR_LABEL.to_owned(), self.index.to_string());
        ObjectMeta {
            name: Some(self.name()),
            namespace: Some(self.test.namespace.clone()),
            labels: Some(labels),
            owner_references: Some(vec![owner(self.test)]),
            ..ObjectMeta::default()
        }
    }
}

/// What one generator has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Whether it has registered.
    pub(crate) registered: bool,
    /// Its result, as it was delivered.
    pub(crate) result: Option<String>,
}

/// What so many generators of an attempt have stored, in the order of their indices. Each is read by its name: a list by
/// label makes some API servers read every `ConfigMap` of the namespace, with the reports of all tests in it.
pub(crate) async fn read(
    (client, key): (&Client, &TokenKey),
    test: &TestFacts,
    address: &CellAddress,
    generators: u32,
) -> Result<Vec<Stored>, RequestError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &test.namespace);
    let one = |index| {
        let (maps, name) = (maps.clone(), names::generator(&test.name, address, index));
        async move { within("read a generator's ConfigMap", maps.get_opt(&name)).await }
    };
    let found: Vec<Option<ConfigMap>> =
        stream::iter((0..generators).map(one)).buffered(READ_AT_ONCE).try_collect().await?;
    let of_test =
        (0..).zip(found).filter_map(|(index, map)| Some((index, map.filter(|map| is_of(map, test))?)));
    Ok(of_test
        .map(|(index, map)| Stored {
            registered: stored(key, &map, (address, index), REGISTRATION_KEY).is_some(),
            result: stored(key, &map, (address, index), RESULT_KEY),
        })
        .collect())
}

/// What a generator's `ConfigMap` has under a key, if it is signed.
fn stored(key: &TokenKey, map: &ConfigMap, of: (&CellAddress, u32), name: &str) -> Option<String> {
    let data = map.data.as_ref()?;
    let text = data.get(name)?;
    let signature = data.get(&signature_key(name));
    let is_signed =
        signature.is_some_and(|signature| key.has_signed(&signed_text(of, name, text), signature));
    if !is_signed {
        tracing::error!(map = map.name_any(), name, "what is stored is not signed, and not believed");
    }
    is_signed.then(|| text.clone())
}

/// The key under which the signature of a text stands.
fn signature_key(key: &str) -> String {
    format!("{key}.signature")
}

/// What is signed of a text, in one way only: in JSON no value reaches into the next.
fn signed_text((address, index): (&CellAddress, u32), key: &str, text: &str) -> String {
    let CellAddress { test_uid, cell, attempt } = address;
    format!("stored/1\n{}", json!([test_uid, cell, attempt, index, key, text]))
}

/// Deletes what the generators of a test have stored, but for those of one attempt.
///
/// Not together with the attempt's Job: the operator may end after that and before the figures are in the status, and
/// then needs the results again.
pub(crate) async fn delete_all_but(
    client: &Client,
    test: &TestFacts,
    kept: Option<&CellAddress>,
) -> Result<(), RequestError> {
    let selector = format!("{TEST_UID_LABEL}={},{GENERATOR_LABEL}", test.uid);
    let params = ListParams::default().labels(&selector);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &test.namespace);
    let names: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client.clone(), &test.namespace);
    let is_over = |map: &PartialObjectMeta<ConfigMap>| {
        is_of(map, test) && !kept.is_some_and(|address| is_named_after(map, test, address))
    };
    pages::listed("list the generators' ConfigMaps", &names, params)
        .try_filter(|map| std::future::ready(is_over(map)))
        .try_for_each_concurrent(DELETED_AT_ONCE, |map| delete(&maps, map))
        .await
}

async fn delete(maps: &Api<ConfigMap>, map: PartialObjectMeta<ConfigMap>) -> Result<(), RequestError> {
    let only = Preconditions { uid: map.uid(), resource_version: None };
    let params = DeleteParams::default().preconditions(only);
    match within("delete a generator's ConfigMap", maps.delete(&map.name_any(), &params)).await {
        Ok(_) => Ok(()),
        // Gone, or another has its name now.
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_of<K: Resource>(map: &K, test: &TestFacts) -> bool {
    map.owner_references().iter().any(|owner| owner.uid == test.uid)
}

fn is_named_after<K: Resource>(map: &K, test: &TestFacts, address: &CellAddress) -> bool {
    let name = map.name_any();
    (0..MOST_GENERATORS).any(|index| names::generator(&test.name, address, index) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> TokenKey {
        TokenKey::new(vec![byte; TokenKey::BYTES]).unwrap()
    }

    fn address(cell: u32) -> CellAddress {
        CellAddress { test_uid: "uid".to_owned(), cell, attempt: 1 }
    }

    fn map(of: (&CellAddress, u32), name: &str, text: &str) -> ConfigMap {
        let signature = key(7).signature(&signed_text(of, name, text));
        let data = [(name.to_owned(), text.to_owned()), (signature_key(name), signature)];
        ConfigMap { data: Some(data.into()), ..ConfigMap::default() }
    }

    #[test]
    fn only_what_the_operator_signed_of_this_generator_is_there() {
        let (first, second) = (address(0), address(1));
        let of = (&first, 0);
        let signed = map(of, RESULT_KEY, "{}");
        assert_eq!(stored(&key(7), &signed, of, RESULT_KEY).as_deref(), Some("{}"));
        assert_eq!(stored(&key(8), &signed, of, RESULT_KEY), None, "another operator's");
        for other in [(&first, 1), (&second, 0)] {
            assert_eq!(stored(&key(7), &signed, other, RESULT_KEY), None, "another generator's");
        }
        let mut changed = signed.clone();
        changed.data.as_mut().unwrap().insert(RESULT_KEY.to_owned(), "{ }".to_owned());
        assert_eq!(stored(&key(7), &changed, of, RESULT_KEY), None);
        let mut moved = signed.clone();
        let data = moved.data.as_mut().unwrap();
        let (text, signature) = (data[RESULT_KEY].clone(), data[&signature_key(RESULT_KEY)].clone());
        data.insert(REGISTRATION_KEY.to_owned(), text);
        data.insert(signature_key(REGISTRATION_KEY), signature);
        assert_eq!(stored(&key(7), &moved, of, REGISTRATION_KEY), None, "a result is no registration");
        let mut unsigned = signed;
        unsigned.data.as_mut().unwrap().remove(&signature_key(RESULT_KEY));
        assert_eq!(stored(&key(7), &unsigned, of, RESULT_KEY), None);
    }
}
