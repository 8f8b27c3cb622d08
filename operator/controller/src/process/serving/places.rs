//! Which peer has which of a door's places, and who gives way when all are taken.
//!
//! A place is never waited for: who waits in the system's queue waits behind everybody else, and a peer that fills the
//! queue keeps all others out. So each connection is accepted at once, and then either refused or given a place, if need
//! be that of a connection that matters less.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// How long a connection may wait for a request before it gives way to one of a peer that has no fewer: enough to send
/// the head of a request, so that a burst of newcomers does not displace itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The places of a door.
#[derive(Clone, Debug)]
pub(super) struct Places {
    most: usize,
    held: Arc<Mutex<Held>>,
}

/// A connection's place, for as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    peer: IpAddr,
    number: u64,
    displaced: CancellationToken,
}

/// A request of a connection that is being answered, for as long as this lives.
#[derive(Debug)]
pub(super) struct UnderWay {
    places: Places,
    peer: IpAddr,
    number: u64,
}

#[derive(Debug, Default)]
struct Held {
    peers: HashMap<IpAddr, Vec<Connection>>,
    connections: usize,
    opened: u64,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    /// Since when it has no request that is being answered.
    waits_since: Option<Instant>,
    displaced: CancellationToken,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// A place for a new connection of this peer, or `None` when it is refused.
    pub(super) fn take(&self, peer: IpAddr, now: Instant) -> Option<Place> {
        // One peer has one address, however it is written.
        let peer = peer.to_canonical();
        let mut held = self.lock();
        if held.connections >= self.most && !held.make_room(peer, now) {
            return None;
        }
        held.opened += 1;
        held.connections += 1;
        let (number, displaced) = (held.opened, CancellationToken::new());
        let connection = Connection { number, waits_since: Some(now), displaced: displaced.clone() };
        held.peers.entry(peer).or_default().push(connection);
        drop(held);
        Some(Place { places: self.clone(), peer, number, displaced })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing that holds the lock can panic half-way through a change.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, peer: IpAddr, number: u64, waits_since: Option<Instant>) {
        if let Some(connection) = self.lock().find(peer, number) {
            connection.waits_since = waits_since;
        }
    }
}

impl Place {
    /// Returns when another connection has the place.
    pub(super) fn displaced(&self) -> WaitForCancellationFuture<'_> {
        self.displaced.cancelled()
    }

    /// Says that a request has come, and is answered until the result is dropped.
    pub(super) fn under_way(&self) -> UnderWay {
        let Self { places, peer, number, .. } = self;
        places.note(*peer, *number, None);
        UnderWay { places: places.clone(), peer: *peer, number: *number }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.places.note(self.peer, self.number, Some(Instant::now()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().remove(self.peer, self.number);
    }
}

impl Held {
    /// Makes room for one more connection of this peer. `false` when no connection has to give way to it.
    ///
    /// The peer with the most gives one up to a peer that has fewer even with its new one. Otherwise it is one that has
    /// long said nothing, of the newcomer's own peer or of one that has no fewer. So no peer keeps another from its
    /// share; and behind one address that many share, whoever has something to say is heard.
    fn make_room(&mut self, peer: IpAddr, now: Instant) -> bool {
        let own = self.peers.get(&peer).map_or(0, Vec::len);
        let most = self.peers.values().map(Vec::len).max().unwrap_or_default();
        let gives_way = if most > own + 1 {
            self.least_of(|connections, _| connections == most)
        } else {
            let has_waited = |since: Option<Instant>| since.is_some_and(|since| now - since >= PATIENCE);
            self.least_of(|connections, since| connections >= own && has_waited(since))
        };
        let Some((peer, number)) = gives_way else { return false };
        if let Some(connection) = self.find(peer, number) {
            connection.displaced.cancel();
        }
        self.remove(peer, number);
        true
    }

    /// The connection that matters least among those that may give way, by the number of connections that its peer has
    /// and since when it waits: the one that has waited for the longest; the oldest where all are answered.
    fn least_of(&self, may: impl Fn(usize, Option<Instant>) -> bool) -> Option<(IpAddr, u64)> {
        let all = self.peers.iter().flat_map(|(peer, connections)| {
            connections.iter().map(move |connection| (*peer, connections.len(), connection))
        });
        all.filter(|(_, connections, connection)| may(*connections, connection.waits_since))
            .min_by_key(|(_, _, Connection { number, waits_since, .. })| {
                (waits_since.is_none(), *waits_since, *number)
            })
            .map(|(peer, _, connection)| (peer, connection.number))
    }

    fn find(&mut self, peer: IpAddr, number: u64) -> Option<&mut Connection> {
        self.peers.get_mut(&peer)?.iter_mut().find(|connection| connection.number == number)
    }

    fn remove(&mut self, peer: IpAddr, number: u64) {
        let Some(connections) = self.peers.get_mut(&peer) else { return };
        let before = connections.len();
        connections.retain(|connection| connection.number != number);
        self.connections -= before - connections.len();
        if connections.is_empty() {
            self.peers.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 66));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn taken(places: &Places, peer: IpAddr, count: usize, now: Instant) -> Vec<Place> {
        (0..count).map_while(|_| places.take(peer, now)).collect()
    }

    fn left(places: &[Place]) -> usize {
        places.iter().filter(|place| !place.displaced.is_cancelled()).count()
    }

    #[test]
    fn a_peer_alone_may_have_all_places_and_no_more() {
        let (places, now) = (Places::new(8), Instant::now());
        let held = taken(&places, CROWD, 100, now);
        assert_eq!(held.len(), 8);
        drop(held);
        assert_eq!(places.lock().connections, 0);
        assert!(places.lock().peers.is_empty());
    }

    #[test]
    fn a_peer_gives_up_what_is_more_than_its_share_as_soon_as_another_wants_it() {
        let (places, now) = (Places::new(8), Instant::now());
        let crowd = taken(&places, CROWD, 8, now);
        let other = taken(&places, OTHER, 100, now);
        assert_eq!((left(&crowd), left(&other)), (4, 4));
        // Once they are equal neither takes anything from the other, however often it comes.
        assert!(places.take(CROWD, now).is_none());
        assert!(places.take(OTHER, now).is_none());
        assert_eq!(places.lock().connections, 8);
    }

    #[test]
    fn what_waits_gives_way_before_what_is_answered() {
        let (places, now) = (Places::new(3), Instant::now());
        let crowd = taken(&places, CROWD, 3, now);
        let _answered: Vec<UnderWay> = [0, 2].map(|index| crowd[index].under_way()).into();
        let _other = places.take(OTHER, now).unwrap();
        let displaced: Vec<bool> = crowd.iter().map(|place| place.displaced.is_cancelled()).collect();
        assert_eq!(displaced, [false, true, false]);
    }

    #[test]
    fn behind_one_address_a_newcomer_takes_the_place_of_who_has_long_said_nothing() {
        let (places, now) = (Places::new(3), Instant::now());
        let first = taken(&places, CROWD, 3, now);
        let _answered = first[0].under_way();
        assert!(places.take(CROWD, now + PATIENCE / 2).is_none(), "all may still be about to say something");
        let second = taken(&places, CROWD, 100, now + PATIENCE);
        assert_eq!((left(&first), left(&second)), (1, 2));
        assert!(!first[0].displaced.is_cancelled());
    }

    #[test]
    fn a_peer_without_a_place_has_one_also_when_everybody_has_only_one() {
        let (places, now) = (Places::new(4), Instant::now());
        let peers = (1..=4).map(|last| IpAddr::from([10, 0, 1, last]));
        let held: Vec<Place> = peers.filter_map(|peer| places.take(peer, now)).collect();
        assert!(places.take(OTHER, now).is_none());
        let _other = places.take(OTHER, now + PATIENCE).unwrap();
        assert_eq!(left(&held), 3);
    }

    #[test]
    fn an_address_of_version_4_is_the_same_peer_when_it_is_written_as_one_of_version_6() {
        let (places, now) = (Places::new(2), Instant::now());
        let _held = [CROWD, "::ffff:10.0.0.66".parse().unwrap()].map(|peer| places.take(peer, now).unwrap());
        assert_eq!(places.lock().peers.len(), 1);
    }
}
