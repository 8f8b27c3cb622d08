//! The cells of a matrix, in the order in which they are measured.

use std::collections::BTreeMap;

use throughput_crds::{Axis, AxisKind, CellParameter, IntOrString, ThroughputTestSpec};

use crate::plan::rejection::Rejection;
use crate::target::TargetName;

/// Something that the run scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaledTarget {
    /// What the spec calls it.
    pub name: String,
    /// What it is.
    pub target: TargetName,
}

/// One point of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The position among all cells, from 0.
    pub index: u32,
    /// The repeat that it belongs to, from 1.
    pub repeat: u32,
    /// The value of each axis, in the axes' order.
    pub parameters: Vec<(String, String)>,
    /// The replicas of what is scaled; what is not here is left as it was found.
    pub replicas: BTreeMap<TargetName, u32>,
    /// How many requests are under way at once, those of all generators together; not fewer than generators.
    pub concurrency: u32,
    /// How many generators share the load.
    pub generators: u32,
    /// The position among the spec's targets of the one that the load goes to.
    pub target: usize,
}

/// The most cells that a test has.
const MOST_CELLS: usize = 64;

/// All cells: repeats outermost, then the axes in their order, the last one changing fastest. Of the main target, which does
/// the work, no cell has none.
pub fn cells(
    spec: &ThroughputTestSpec,
    scale: &[ScaledTarget],
    main_target: Option<&ScaledTarget>,
) -> Result<Vec<Cell>, Rejection> {
    // The API server refuses it too; this one also stops what got past an older version of its rule.
    let axes = spec.matrix.iter().map(|axis| axis.values.len());
    let wanted = axes.fold(spec.repeat as usize, usize::saturating_mul);
    if !(1..=MOST_CELLS).contains(&wanted) {
        return Err(Rejection::CellCount(wanted));
    }
    let plain = Cell {
        index: 0,
        repeat: 1,
        parameters: Vec::new(),
        replicas: BTreeMap::new(),
        concurrency: spec.load.concurrency.unwrap_or(0),
        generators: spec.load.generators,
        target: 0,
    };
    let mut combinations = vec![plain];
    for axis in &spec.matrix {
        let mut varied = Vec::new();
        for cell in &combinations {
            for value in &axis.values {
                let mut cell = cell.clone();
                cell.parameters.push((axis.name.clone(), value.to_string()));
                match axis.of {
                    AxisKind::Target => cell.target = target(spec, axis, value)?,
                    AxisKind::Scale | AxisKind::Load => set(&mut cell, axis, value, scale, main_target)?,
                }
                varied.push(cell);
            }
        }
        combinations = varied;
    }
    for cell in &mut combinations {
        match cell.concurrency {
            0 => cell.concurrency = cell.generators,
            concurrency if concurrency < cell.generators => {
                return Err(Rejection::Concurrency { concurrency, generators: cell.generators });
            }
            _ => {}
        }
    }
    let repeated = (1..=spec.repeat)
        .flat_map(|repeat| combinations.iter().map(move |cell| Cell { repeat, ..cell.clone() }));
    Ok((0..).zip(repeated).map(|(index, cell)| Cell { index, ..cell }).collect())
}

fn set(
    cell: &mut Cell,
    axis: &Axis,
    value: &IntOrString,
    scale: &[ScaledTarget],
    main_target: Option<&ScaledTarget>,
) -> Result<(), Rejection> {
    match axis.of {
        AxisKind::Scale => {
            let entry = scale
                .iter()
                .find(|entry| entry.name == axis.name)
                .ok_or_else(|| Rejection::UnknownAxis(axis.name.clone()))?;
            let replicas = number(&axis.name, value, 0)?;
            if main_target == Some(entry) && replicas == 0 {
                return Err(Rejection::NoWorkersInCell(axis.name.clone()));
            }
            cell.replicas.insert(entry.target.clone(), replicas);
        }
        AxisKind::Load if axis.name == "concurrency" => cell.concurrency = number(&axis.name, value, 1)?,
        AxisKind::Load if axis.name == "generators" => cell.generators = number(&axis.name, value, 1)?,
        AxisKind::Load | AxisKind::Target => return Err(Rejection::UnknownAxis(axis.name.clone())),
    }
    Ok(())
}

/// The position of the target that a value of an axis names.
fn target(spec: &ThroughputTestSpec, axis: &Axis, value: &IntOrString) -> Result<usize, Rejection> {
    let wanted = value.to_string();
    spec.targets
        .iter()
        .position(|target| target.name == wanted)
        .ok_or_else(|| Rejection::UnknownTarget { axis: axis.name.clone(), value: wanted })
}

/// The value of an axis as a number, or why it is none.
fn number(axis: &str, value: &IntOrString, least: u32) -> Result<u32, Rejection> {
    let number = match value {
        IntOrString::Integer(number) => u32::try_from(*number).ok(),
        IntOrString::Text(_) => None,
    };
    number.filter(|number| *number >= least).ok_or_else(|| Rejection::AxisValue {
        axis: axis.to_owned(),
        value: value.to_string(),
        expected: if least == 0 { "a whole number from 0" } else { "a whole number from 1" },
    })
}

/// A cell's parameters as the status shows them.
pub fn parameters(cell: &Cell) -> Vec<CellParameter> {
    cell.parameters
        .iter()
        .map(|(name, value)| CellParameter { name: name.clone(), value: value.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use throughput_crds::ThroughputTestSpec;

    use super::*;
    use crate::plan::Plan;
    use crate::plan::permissions::Permissions;
    use crate::source_catalog::fixture::OneSource;

    fn spec(matrix: &serde_json::Value, repeat: u32) -> ThroughputTestSpec {
        serde_json::from_value(json!({
            "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"method": "None"}, "pulp": {}}],
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}}],
            "matrix": matrix,
            "repeat": repeat,
            "workload": {"pulpTasks": {"tasks": 10}},
        }))
        .unwrap()
    }

    fn described(matrix: &serde_json::Value, repeat: u32) -> Vec<(u32, u32, Option<u32>, u32)> {
        let plan = Plan::new("pulp", &spec(matrix, repeat), &Permissions::default(), &OneSource).unwrap();
        plan.cells
            .iter()
            .map(|cell| (cell.index, cell.repeat, cell.replicas.values().next().copied(), cell.concurrency))
            .collect()
    }

    #[test]
    fn the_last_axis_changes_fastest_and_repeats_are_outermost() {
        let matrix = json!([
            {"name": "workers", "of": "Scale", "values": [5, 10]},
            {"name": "concurrency", "of": "Load", "values": [1, 4]},
        ]);
        assert_eq!(
            described(&matrix, 2),
            [
                (0, 1, Some(5), 1),
                (1, 1, Some(5), 4),
                (2, 1, Some(10), 1),
                (3, 1, Some(10), 4),
                (4, 2, Some(5), 1),
                (5, 2, Some(5), 4),
                (6, 2, Some(10), 1),
                (7, 2, Some(10), 4),
            ]
        );
    }

    #[test]
    fn the_number_of_generators_can_be_an_axis() {
        let matrix = json!([{"name": "generators", "of": "Load", "values": [1, 64]}]);
        let plan = Plan::new("pulp", &spec(&matrix, 1), &Permissions::default(), &OneSource).unwrap();
        assert_eq!(plan.cells.iter().map(|cell| cell.generators).collect::<Vec<_>>(), [1, 64]);
    }

    #[test]
    fn concurrency_is_of_all_generators_together_and_each_has_a_part_of_it() {
        let generators = json!([{"name": "generators", "of": "Load", "values": [1, 4]}]);
        let with = |concurrency: Option<u32>| {
            let mut spec = spec(&generators, 1);
            spec.load.concurrency = concurrency;
            let plan = Plan::new("pulp", &spec, &Permissions::default(), &OneSource);
            plan.map(|plan| plan.cells.iter().map(|cell| cell.concurrency).collect::<Vec<_>>())
        };
        assert_eq!(with(None), Ok(vec![1, 4]));
        assert_eq!(with(Some(8)), Ok(vec![8, 8]));
        assert_eq!(with(Some(3)), Err(Rejection::Concurrency { concurrency: 3, generators: 4 }));
    }

    #[test]
    fn without_axes_there_is_one_cell_that_leaves_the_replicas_alone() {
        assert_eq!(described(&json!([]), 1), [(0, 1, None, 1)]);
    }

    #[test]
    fn a_sustained_cell_without_workers_is_rejected() {
        let matrix = json!([{"name": "workers", "of": "Scale", "values": [0, 5]}]);
        assert_eq!(
            Plan::new("pulp", &spec(&matrix, 1), &Permissions::default(), &OneSource),
            Err(Rejection::NoWorkersInCell("workers".to_owned()))
        );
    }

    #[test]
    fn a_text_where_a_number_belongs_is_rejected_with_what_to_write() {
        let matrix = json!([{"name": "workers", "of": "Scale", "values": ["many"]}]);
        let rejection =
            Plan::new("pulp", &spec(&matrix, 1), &Permissions::default(), &OneSource).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            "the value \"many\" of the axis \"workers\" is not a number that it can have: a whole number from 0"
        );
    }

    #[test]
    fn an_axis_that_varies_nothing_is_rejected() {
        let matrix = json!([{"name": "users", "of": "Load", "values": [1]}]);
        assert_eq!(
            Plan::new("pulp", &spec(&matrix, 1), &Permissions::default(), &OneSource),
            Err(Rejection::UnknownAxis("users".to_owned()))
        );
    }
}
