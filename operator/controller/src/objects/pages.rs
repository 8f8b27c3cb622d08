//! Lists, a page at a time: a page is all in memory at once, and who wrote its objects decided how large they are.

use std::fmt::Debug;

use futures::{Stream, TryStreamExt, stream};
use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;

use crate::objects::deadline::{RequestError, within};

/// How many objects a page has. The API server stores up to 1.5 MB of one, metadata included, so that a page takes 30 MB
/// at the worst, of the 256 Mi that the chart gives.
pub(crate) const PAGE: u32 = 20;

/// All objects that are wanted. With an [`Api`] of [`PartialObjectMeta`](kube::core::PartialObjectMeta) the API server
/// sends no more of them than their metadata.
pub(crate) fn listed<K>(
    what: &'static str,
    objects: &Api<K>,
    wanted: ListParams,
) -> impl Stream<Item = Result<K, RequestError>> + Send + use<K>
where
    K: Clone + DeserializeOwned + Debug + Send + 'static,
{
    let objects = objects.clone();
    let pages = stream::try_unfold(Some(wanted.limit(PAGE)), move |page| {
        let objects = objects.clone();
        async move {
            let Some(page) = page else { return Ok(None) };
            let list = within(what, objects.list(&page)).await?;
            let next = list.metadata.continue_.filter(|next| !next.is_empty());
            let next = next.map(|next| page.continue_token(&next));
            Ok(Some((stream::iter(list.items.into_iter().map(Ok)), next)))
        }
    });
    pages.try_flatten()
}
