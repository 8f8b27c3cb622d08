//! The stages of a cell, as one table: what each of them means for every part of the operator. Pure.
//!
//! What a part does in a stage is a field here and nowhere else, so that a new stage is one row, and the simulation
//! cannot differ from what runs. The handlers of the stages are one `match` in [`crate::decide`].

use jiff::Timestamp;
use throughput_crds::{Current, Phase, Stage};
use throughput_model::window::Window;

use crate::plan::Plan;

/// What a stage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageFacts {
    /// The phase that people read.
    pub phase: Phase,
    /// Whether the test holds the claims on all of its targets.
    pub claimed: bool,
    /// Whether `spec.suspend` holds the run in this stage: nothing of the cell has begun.
    pub can_be_held: bool,
    /// What the operator tells load generators that ask.
    pub generators: Door,
    /// What of the generators the decision depends on.
    pub generators_read: GeneratorsRead,
    /// What the target is asked.
    pub asks_target: Question,
    /// What the sources of figures do.
    pub sources: Sampling,
    /// Whether the cell comes to its end from here by itself, an aborted one too.
    pub at_its_end: bool,
    /// Whether the cell has load in the target.
    pub load: Load,
}

/// What load generators are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They may register, and then wait.
    Register,
    /// They may begin.
    Load,
    /// They may still deliver, but not begin.
    Deliver,
    /// They end their load now, and may still deliver what came of it.
    End,
    /// No generator has anything to do here.
    Closed,
}

/// What of a cell's generators is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorsRead {
    /// Nothing.
    Nothing,
    /// Their Job.
    Job,
    /// Their Job, and what each of them has stored.
    JobAndStored,
}

impl GeneratorsRead {
    /// Of how many generators of the current cell it is read what they stored; `None` where not even their Job is read.
    pub fn of(self, plan: &Plan, current: &Current) -> Option<u32> {
        let generators = plan.cells.get(current.cell as usize).map_or(0, |cell| cell.generators);
        match self {
            Self::Nothing => None,
            Self::Job => Some(0),
            Self::JobAndStored => Some(generators),
        }
    }
}

/// What the target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing.
    Nothing,
    /// How many tasks of anybody have not ended.
    Queue,
    /// How many workers are online.
    Workers,
    /// Once a cell all processes and versions.
    Processes,
    /// The cell's tasks and the workers online, as far as they are due.
    Tasks,
    /// The cell's tasks, those of them that wait, and the workers online.
    WaitingTasks,
    /// The tasks that delete what the cell made.
    Deletions,
    /// Every task of the cell.
    Remains,
}

/// What the sources of figures do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Nothing.
    Off,
    /// They connect, and note how things are before the load.
    Prepare,
    /// They look at every interval, from the common start on.
    Measure,
    /// They look at every interval if the load has begun in an earlier stage of the cell, else nothing.
    MeasureOnceLoaded,
    /// They ask for what is only known afterwards.
    Settle,
}

/// Whether a cell has load in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Not by this stage. By an earlier one, if that was [`Load::UnderWay`].
    NotHere,
    /// It may have.
    UnderWay,
    /// What it had has ended.
    Over,
}

/// The table.
#[expect(clippy::too_many_lines, reason = "a row a stage")]
pub const fn facts(stage: Stage) -> StageFacts {
    // A stage of a cell for which everything is claimed and nothing has been done; what differs stands in each row.
    const CLAIMED: StageFacts = StageFacts {
        phase: Phase::Running,
        claimed: true,
        can_be_held: false,
        generators: Door::Closed,
        generators_read: GeneratorsRead::Nothing,
        asks_target: Question::Nothing,
        sources: Sampling::Off,
        at_its_end: false,
        load: Load::NotHere,
    };
    // The same before anything is claimed.
    const UNCLAIMED: StageFacts =
        StageFacts { phase: Phase::Pending, claimed: false, can_be_held: true, ..CLAIMED };
    // A cell whose load has ended.
    const ENDED: StageFacts =
        StageFacts { sources: Sampling::Settle, at_its_end: true, load: Load::Over, ..CLAIMED };
    match stage {
        Stage::AwaitingTargets => StageFacts { asks_target: Question::Queue, ..UNCLAIMED },
        Stage::Queued => StageFacts { phase: Phase::Queued, ..UNCLAIMED },
        Stage::Claiming => UNCLAIMED,
        Stage::Suspended => StageFacts { phase: Phase::Suspended, can_be_held: false, ..UNCLAIMED },
        Stage::EmptyingQueue => StageFacts { can_be_held: true, asks_target: Question::Queue, ..CLAIMED },
        Stage::ScalingDown => StageFacts { asks_target: Question::Workers, ..CLAIMED },
        // Of a backlog, the workers come after the dispatch.
        Stage::ScalingWorkers => {
            StageFacts { asks_target: Question::Workers, sources: Sampling::MeasureOnceLoaded, ..CLAIMED }
        }
        Stage::StartingGenerators => StageFacts {
            generators: Door::Register,
            generators_read: GeneratorsRead::JobAndStored,
            // While the API has nothing else to do yet.
            asks_target: Question::Processes,
            sources: Sampling::Prepare,
            ..CLAIMED
        },
        Stage::Dispatching => StageFacts {
            generators: Door::Load,
            generators_read: GeneratorsRead::JobAndStored,
            asks_target: Question::Tasks,
            sources: Sampling::Measure,
            load: Load::UnderWay,
            ..CLAIMED
        },
        Stage::AwaitingFirstTask => StageFacts {
            generators: Door::Deliver,
            asks_target: Question::WaitingTasks,
            sources: Sampling::Measure,
            load: Load::UnderWay,
            ..CLAIMED
        },
        Stage::Draining => StageFacts {
            generators: Door::Deliver,
            asks_target: Question::Tasks,
            sources: Sampling::Measure,
            load: Load::UnderWay,
            ..CLAIMED
        },
        // Who is told to end awaits what is under way, and says by its result that nothing more comes.
        Stage::CancelingTasks => StageFacts {
            generators: Door::End,
            generators_read: GeneratorsRead::JobAndStored,
            asks_target: Question::Tasks,
            load: Load::UnderWay,
            ..ENDED
        },
        Stage::CleaningUp => StageFacts { asks_target: Question::Deletions, ..ENDED },
        Stage::Settling => ENDED,
        Stage::Collecting => StageFacts {
            generators_read: GeneratorsRead::JobAndStored,
            asks_target: Question::Remains,
            ..ENDED
        },
        Stage::Restoring => StageFacts {
            phase: Phase::Restoring,
            claimed: false,
            generators_read: GeneratorsRead::Job,
            sources: Sampling::Off,
            ..ENDED
        },
    }
}

/// Where a run that shall end goes on from here: where it cancels, if it may have dispatched something that is not
/// finished, else where everything is put back.
pub fn ends_in(current: &Current) -> Stage {
    // A generator that has not been given the start never gets it once the stage is another one.
    let had_load = current.timeline.iter().any(|entry| facts(entry.stage).load == Load::UnderWay);
    match facts(current.stage).load {
        Load::NotHere | Load::UnderWay if had_load => Stage::CancelingTasks,
        Load::NotHere | Load::UnderWay | Load::Over => Stage::Restoring,
    }
}

/// The time in which the cell's tasks were dispatched and worked on; none before it is over, or where nothing was
/// dispatched.
pub fn window(current: &Current) -> Option<Window> {
    let start = window_start(current)?;
    let over = |stage| facts(stage).sources == Sampling::Settle;
    let end = current.timeline.iter().find(|entry| over(entry.stage))?.since;
    Some(Window::between(start, end))
}

/// When the cell's load began: the common start of its generators.
pub fn window_start(current: &Current) -> Option<Timestamp> {
    let loading = current.timeline.iter().find(|entry| facts(entry.stage).generators == Door::Load)?;
    Some(current.progress.starts_at.unwrap_or(loading.since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::fixture::STAGES;

    #[test]
    fn generators_load_only_what_is_claimed_and_only_while_they_are_watched() {
        for stage in STAGES {
            let facts = facts(stage);
            if facts.generators != Door::Closed {
                assert!(facts.claimed, "{stage:?}");
                assert_ne!(facts.sources, Sampling::Off, "{stage:?}");
                assert_eq!(facts.at_its_end, facts.generators == Door::End, "{stage:?}");
            }
            assert!(facts.load != Load::Over || facts.at_its_end, "{stage:?}");
            assert!(!facts.can_be_held || facts.load == Load::NotHere, "{stage:?}");
        }
    }

    /// The row of ARCHITECTURE.md's table that a stage's facts make, without the words that explain a row.
    fn row(stage: Stage) -> [String; 6] {
        let StageFacts { phase, claimed, generators, asks_target, sources, .. } = facts(stage);
        let generators = match generators {
            Door::Register => "register",
            Door::Load => "load",
            Door::Deliver => "deliver",
            Door::End => "end",
            Door::Closed => "closed",
        };
        let sources = match sources {
            Sampling::Off => "off",
            Sampling::Prepare => "prepare",
            Sampling::Measure => "measure",
            Sampling::MeasureOnceLoaded => "off; of a backlog: measure",
            Sampling::Settle => "settle",
        };
        let yes = |it| if it { "yes" } else { "no" };
        let asks = yes(asks_target != Question::Nothing);
        [
            format!("{stage:?}"),
            format!("{phase:?}"),
            yes(claimed).into(),
            generators.into(),
            asks.into(),
            sources.into(),
        ]
    }

    #[test]
    fn the_table_of_stages_in_the_architecture_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (_, table) =
            page.split_once("| stage | phase | claimed | generators | asks the target | sources |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let told: Vec<Vec<String>> = rows
            .map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
            .collect();
        let stages: Vec<Vec<String>> = STAGES.iter().map(|stage| row(*stage).to_vec()).collect();
        assert_eq!(told, stages);
    }

    #[test]
    fn what_is_running_is_claimed_and_what_is_claimed_is_running() {
        for stage in STAGES {
            let facts = facts(stage);
            assert_eq!(facts.claimed, facts.phase == Phase::Running, "{stage:?}");
        }
    }
}
