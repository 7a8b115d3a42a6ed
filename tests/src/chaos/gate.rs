//! A way that can be closed: TCP in front of something that keeps running, and its state, while nobody gets through.
//!
//! A closed gate takes connections and closes them at once, where a host without a listener would refuse them. To a client
//! both are a connection that came to nothing; a port that is given up may be somebody else's when it is wanted back.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They go through.
    Open,
    /// They are closed at once, those there are, too.
    Refusing,
    /// They are taken and nothing is ever heard on them, nor on those there are.
    Silent,
}

/// What connections are told.
#[derive(Debug, Clone, Copy)]
struct Orders {
    mode: Mode,
    /// Counts the times that all idle ones were closed.
    idle: u64,
    /// Counts the times that all were closed.
    all: u64,
}

/// A running gate; ends on drop, with all its connections.
#[derive(Debug)]
pub(super) struct Gate {
    address: SocketAddr,
    orders: Arc<watch::Sender<Orders>>,
    accepting: JoinHandle<()>,
}

impl Gate {
    /// An open gate on a free port of 127.0.0.1. Where it leads is known once something is sent to `behind`.
    ///
    /// # Panics
    /// When there is no free port.
    pub(super) async fn start(behind: watch::Receiver<Option<SocketAddr>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let orders = Arc::new(watch::Sender::new(Orders { mode: Mode::Open, idle: 0, all: 0 }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&orders), behind));
        Self { address, orders, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub(super) fn set(&self, mode: Mode) {
        self.orders.send_modify(|orders| orders.mode = mode);
    }

    /// Closes the connections that nothing is under way on.
    pub(super) fn drop_idle(&self) {
        self.orders.send_modify(|orders| orders.idle += 1);
    }

    /// Closes all connections.
    pub(super) fn drop_all(&self) {
        self.orders.send_modify(|orders| orders.all += 1);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    orders: Arc<watch::Sender<Orders>>,
    behind: watch::Receiver<Option<SocketAddr>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(pass(stream, orders.subscribe(), behind.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes bytes both ways until either end closes, or the orders say so.
async fn pass(
    mut front: TcpStream,
    mut orders: watch::Receiver<Orders>,
    mut behind: watch::Receiver<Option<SocketAddr>>,
) {
    let first = *orders.borrow_and_update();
    if first.mode != Mode::Open {
        return keep_silent(&mut front, first.mode, orders).await;
    }
    let Ok(address) = behind.wait_for(Option::is_some).await.map(|address| *address) else { return };
    let Some(address) = address else { return };
    let Ok(mut back) = TcpStream::connect(address).await else { return };
    let (_, _) = (front.set_nodelay(true), back.set_nodelay(true));
    let (mut asked, mut answered) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    // Nothing is under way once the last bytes were the server's.
    let mut idle = true;
    let mut drops = first.idle;
    loop {
        tokio::select! {
            read = front.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                idle = false;
                if back.write_all(&asked[..read]).await.is_err() {
                    return;
                }
            }
            read = back.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                idle = true;
                if front.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
            changed = orders.changed() => {
                let now = *orders.borrow_and_update();
                let dropped = std::mem::replace(&mut drops, now.idle) != now.idle;
                if changed.is_err() || now.all != first.all || (dropped && idle) {
                    return;
                }
                if now.mode != Mode::Open {
                    return keep_silent(&mut front, now.mode, orders).await;
                }
            }
        }
    }
}

/// Reads and says nothing for as long as the mode is [`Mode::Silent`]; then the connection closes.
async fn keep_silent(front: &mut TcpStream, mode: Mode, mut orders: watch::Receiver<Orders>) {
    if mode != Mode::Silent {
        return;
    }
    let mut heard = vec![0; 16 * 1024];
    let over = orders.wait_for(|orders| orders.mode != Mode::Silent);
    tokio::pin!(over);
    loop {
        tokio::select! {
            read = front.read(&mut heard) => if !matches!(read, Ok(1..)) { return },
            _ = &mut over => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every byte with the same byte.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        address
    }

    async fn say(stream: &mut TcpStream) -> Option<u8> {
        stream.write_all(b"a").await.ok()?;
        stream.read_u8().await.ok()
    }

    #[tokio::test]
    async fn a_closed_gate_keeps_nobody_and_a_reopened_one_lets_through() {
        let (behind, receiver) = watch::channel(None);
        let gate = Gate::start(receiver).await;
        behind.send_replace(Some(echo().await));
        let connect = async || TcpStream::connect(gate.address()).await.expect("the gate listens");
        let mut early = connect().await;
        assert_eq!(say(&mut early).await, Some(b'a'));
        gate.set(Mode::Refusing);
        assert_eq!(say(&mut early).await, None, "those there are, too");
        assert_eq!(say(&mut connect().await).await, None);
        gate.set(Mode::Silent);
        let mut waiting = connect().await;
        waiting.write_all(b"a").await.expect("it is taken");
        let heard = tokio::time::timeout(std::time::Duration::from_millis(300), waiting.read_u8()).await;
        assert!(heard.is_err(), "nothing is heard");
        gate.set(Mode::Open);
        assert!(waiting.read_u8().await.is_err(), "what was said to nobody stays unanswered");
        let mut late = connect().await;
        assert_eq!(say(&mut late).await, Some(b'a'));
        gate.drop_idle();
        assert_eq!(say(&mut late).await, None);
    }
}
