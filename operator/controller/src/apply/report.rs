//! Writing a cell's details and the test's report, each into its `ConfigMap`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::ObjectMeta;
use throughput_core::identity::TestFacts;
use throughput_crds::ReportReference;
use throughput_model::cell::CellAddress;
use throughput_report::data::{CellDetail, TestReport};
use throughput_report::fit::details::{CELL_FILE, Packed, pack};
use throughput_report::fit::pictures::{self, PAGE_FILE, Pictures, TIMELINES_FILE};
use throughput_report::fit::{self, PackError};
use throughput_report::room;
use tokio::sync::Semaphore;

use super::ApplyError;
use crate::objects::{metadata, names, owned_objects};

/// Writes both, the details first; returns where the report is.
pub(super) async fn write(
    client: &Client,
    renderer: &PageRenderer,
    facts: &TestFacts,
    address: &CellAddress,
    detail: &CellDetail,
    report: &TestReport,
) -> Result<ReportReference, ApplyError> {
    let Packed { detail: packed, documents } = pack(detail, room::DETAILS)?;
    let documents = documents.into_iter().map(|(name, packed)| (format!("{name}.gz"), ByteString(packed)));
    let mut files: BTreeMap<String, ByteString> = documents.collect();
    files.insert(CELL_FILE.to_owned(), ByteString(packed));
    let cell = ConfigMap {
        metadata: metadata::of_cell(facts, address),
        binary_data: Some(files),
        ..ConfigMap::default()
    };
    owned_objects::apply(client, facts, &cell).await?;
    let files = fit::report_texts(report)?;
    let bytes = files.iter().map(|(_, text)| text.len()).sum();
    let pictures = renderer.draw(detail, report, pictures::room_beside(bytes)).await?;
    let pictures_bytes: usize = pictures.iter().map(|(_, file)| file.0.len()).sum();
    let name = names::report(&facts.name);
    let map = ConfigMap {
        metadata: ObjectMeta { name: Some(name.clone()), ..metadata::of_cell(facts, address) },
        data: Some(files.map(|(key, text)| (key.to_owned(), text)).into()),
        binary_data: Some(pictures.into_iter().map(|(key, file)| (key.to_owned(), file)).collect()),
        ..ConfigMap::default()
    };
    owned_objects::apply(client, facts, &map).await?;
    Ok(ReportReference { config_map_name: name, bytes: (bytes + pictures_bytes) as u64 })
}

/// Draws the pages of reports, one at a time: the largest takes a hundred megabytes while it is fitted in, so tests that
/// end at the same time take turns.
#[derive(Clone, Debug)]
pub struct PageRenderer(Arc<Semaphore>);

impl Default for PageRenderer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl PageRenderer {
    /// The page and its timelines. Drawing them takes the processor for a while, so it is done aside.
    async fn draw(
        &self,
        detail: &CellDetail,
        report: &TestReport,
        room_bytes: usize,
    ) -> Result<Vec<(&'static str, ByteString)>, PackError> {
        let timelines = report.timelines.clone().with(detail.to_timeline());
        let report = report.clone();
        // Its holder gives it back when the drawing is done, also when nobody waits for it any more.
        let turn = self.0.clone().acquire_owned().await.map_err(io::Error::other)?;
        let drawing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let fitted = pictures::fit(&report, &timelines, room_bytes)?;
            if fitted.is_none() {
                tracing::warn!(test = report.test, room_bytes, "there is no room for the report's page");
            }
            io::Result::Ok(fitted)
        });
        let Some(Pictures { page, timelines }) = drawing.await.map_err(io::Error::other)?? else {
            return Ok(Vec::new());
        };
        Ok(vec![(PAGE_FILE, ByteString(page)), (TIMELINES_FILE, ByteString(timelines))])
    }
}
