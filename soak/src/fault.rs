//! What befalls an installation under soak, and when. A fault is struck, held for a
//! while, and mended. Another one is a variant here and its two acts on the plant. Not
//! here: the acts themselves (`plant`).

use crate::client::Nodes;
use crate::dice::Dice;
use crate::plant::Plant;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// One kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// kill -9 of a node.
    KillNode,
    /// SIGTERM to a node.
    StopNode,
    /// kill -9 of PostgreSQL.
    KillPostgres,
    /// kill -9 of Redis, which comes back empty.
    KillRedis,
    /// The nodes' change feed is cut, everything else goes on.
    CutFeed,
    /// PostgreSQL is frozen: connections stay open and nothing is answered.
    PausePostgres,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::KillNode,
        Self::StopNode,
        Self::KillPostgres,
        Self::KillRedis,
        Self::CutFeed,
        Self::PausePostgres,
    ];

    /// How long it lasts, milliseconds: from, to. The feed is cut for longer than the
    /// lease sometimes.
    const fn lasts(self) -> (u64, u64) {
        match self {
            Self::KillNode | Self::StopNode | Self::KillPostgres => (0, 500),
            Self::KillRedis => (100, 2000),
            Self::CutFeed => (500, 9000),
            Self::PausePostgres => (300, 4000),
        }
    }

    /// Lets it happen; `node` is for faults of one node.
    fn strike(self, plant: &mut Plant, nodes: &Nodes, node: usize) {
        match self {
            Self::KillNode => {
                plant.kill_node(node);
                nodes.set(node, None);
            }
            Self::StopNode => {
                plant.stop_node(node);
                nodes.set(node, None);
            }
            Self::KillPostgres => plant.kill_postgres(),
            Self::KillRedis => plant.kill_redis(),
            Self::CutFeed => plant.cut_feed(),
            Self::PausePostgres => plant.pause_postgres(),
        }
    }

    /// Ends it. What was down is up afterwards, and ready.
    fn mend(self, plant: &mut Plant, nodes: &Nodes, node: usize) {
        match self {
            Self::KillNode | Self::StopNode => {
                let addr = plant.start_node(node);
                nodes.set(node, Some(addr));
            }
            Self::KillPostgres => plant.restart_postgres(),
            Self::KillRedis => plant.restart_redis(),
            Self::CutFeed => plant.mend_feed(),
            Self::PausePostgres => plant.resume_postgres(),
        }
    }
}

/// How faults follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// How many at most.
    pub most: usize,
    /// The longest quiet between two, milliseconds; the shortest is a fifth of it.
    pub quiet: u64,
}

/// Strikes one fault after the other until it is told to stop or has struck the most.
/// What is struck is mended in the end. Returns what happened.
pub(crate) fn strike_until(
    stop: &Receiver<()>,
    plant: &mut Plant,
    nodes: &Nodes,
    possible: &[Fault],
    rhythm: Rhythm,
    mut dice: Dice,
) -> Vec<Fault> {
    let mut struck = Vec::new();
    loop {
        let quiet = rhythm.quiet / 5 + dice.below(rhythm.quiet / 5 * 4);
        if is_told(stop, quiet) || struck.len() >= rhythm.most {
            return struck;
        }
        let Some(&fault) = dice.pick(possible) else {
            continue;
        };
        let node = usize::try_from(dice.below(nodes.count() as u64)).unwrap_or(0);
        let (from, to) = fault.lasts();
        fault.strike(plant, nodes, node);
        struck.push(fault);
        let told = is_told(stop, from + dice.below(to - from));
        fault.mend(plant, nodes, node);
        if told {
            return struck;
        }
    }
}

/// Waits so long for the word to stop; whether it came.
fn is_told(stop: &Receiver<()>, millis: u64) -> bool {
    let heard = stop.recv_timeout(Duration::from_millis(millis));
    !matches!(heard, Err(RecvTimeoutError::Timeout))
}
